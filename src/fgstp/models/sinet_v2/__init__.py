"""SINet-V2 (TPAMI 2022)."""
