"""A mask on a face: pure functions of picture, landmarks, recipe and template."""
