"""RMem (CVPR 2024, arXiv 2406.08476): a restricted memory on AOT-L or DeAOT-L."""
