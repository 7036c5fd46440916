"""Models: each is a file, or a package with a file `model.py`, that registers itself.

`blocks` is what several of them share.
"""
