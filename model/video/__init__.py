"""Clips: their faces followed from frame to frame, and masks taken off so that nothing flickers."""
