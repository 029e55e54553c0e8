"""Command lines: parse, build one config, call one function, print the result."""
