"""What the networks take, and what is taken from them: sizes, number formats, scores. Imports no torch."""

FP32, BF16, AUTO = "fp32", "bf16", "auto"
PRECISIONS = (AUTO, FP32, BF16)
TORCH, ONNX = "torch", "onnx"
BACKENDS = (AUTO, TORCH, ONNX)
"""What runs the networks."""
MULTIPLE_PX, SMALLEST_PX = 16, 64
"""Sides of the pictures that networks are trained at, in pixels: a multiple of the first, from the second on."""
LARGEST_PX = 8192
LARGEST_WIDTH = 1024
"""Channels of a network's first level."""
MOST_DEEPER = 32
"""Further blocks at the bottom of an Editing Module."""
LEAST_SCORE = -1.0
"""Of a face. One that is less than sure, but has this, is one only if it wears a mask: two networks that look for
different things then say so."""
