"""Faces that the toolkit draws itself, with known landmarks and attributes."""
