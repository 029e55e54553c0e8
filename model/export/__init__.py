"""Modules as ONNX files and as weights to hand on."""
