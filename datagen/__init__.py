"""Faces to triplets: sources, landmarks, mask recipes, rendering, datasets on disk. Never imports torch."""
