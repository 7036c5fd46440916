"""XMem++: a given mask followed through a clip with three kinds of memory."""
