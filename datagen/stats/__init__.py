"""How varied a dataset is, in numbers and on a page."""
