"""What all other packages build on; nothing here knows of gas."""
