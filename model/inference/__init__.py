"""Trained modules at work: on aligned faces and on photographs."""
