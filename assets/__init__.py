"""Packaged data: mask templates and recipe files."""
