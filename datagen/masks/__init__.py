"""What a mask is: templates, textures, and the recipes that are drawn for it."""
