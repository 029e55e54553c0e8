"""What the networks take: sizes and number formats. Imports no torch."""

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
