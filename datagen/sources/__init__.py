"""Where clean faces come from: CelebA and its kin, a folder tree, a zip file, the embedded demo."""
