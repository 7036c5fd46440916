"""Where else events go: other machines, other programs, pieces of video."""
