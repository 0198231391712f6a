"""How fast commands are: alone, in bulk, of many callers, over HTTP."""
