"""Things that lie in front of a mask or before a bare mouth, drawn as lit solids on a canvas."""
