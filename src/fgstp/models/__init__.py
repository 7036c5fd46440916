"""Networks, the blocks they share, and the models built of them.

The networks and blocks need torch and timm alone; settings, checkpoints and the registry
need pydantic too.
"""
