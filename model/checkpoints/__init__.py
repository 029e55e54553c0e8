"""Weights on disk with the card that says how to build their network."""
