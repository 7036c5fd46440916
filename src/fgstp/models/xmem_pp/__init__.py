"""XMem++: the mask of one frame, propagated with three kinds of memory."""
