"""The local page of `unmask-serve`, and the same over HTTP."""
