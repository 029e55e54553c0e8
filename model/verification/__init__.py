"""Face verification: whether two pictures are of one person, with masks and with the masks taken off."""
