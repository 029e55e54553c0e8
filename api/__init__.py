"""unmask: varied masked-face triplets, and the networks that take the mask off again."""
