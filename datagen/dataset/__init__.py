"""Datasets on disk and on the fly: build, resume, verify, preview."""
