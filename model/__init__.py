"""Triplets to networks to scores to restored faces. Never imports dlib."""
