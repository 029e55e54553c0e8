"""Training both modules: options, loop, validation, run folder."""
