"""The names of a model's two files, wherever it lies."""

WEIGHTS_NAME, CARD_NAME = "model.safetensors", "model.json"
