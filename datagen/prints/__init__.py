"""Prints and weaves of mask fabric."""
