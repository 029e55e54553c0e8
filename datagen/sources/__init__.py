"""Where clean faces come from: CelebA, a folder tree, the embedded demo."""
