"""The names of the splits, in the order of CelebA's numbers for them."""

SPLITS = ("train", "val", "test")
