"""What the networks take: sizes and number formats. Imports no torch."""

PRECISIONS = ("auto", "fp32", "bf16")
MULTIPLE_PX, SMALLEST_PX = 16, 64
"""Sides of the pictures that networks are trained at, in pixels: a multiple of the first, from the second on."""
LARGEST_PX = 8192
LARGEST_WIDTH = 1024
"""Channels of a network's first level."""
