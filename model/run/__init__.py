"""The batch job of `unmask-run`."""
