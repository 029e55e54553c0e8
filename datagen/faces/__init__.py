"""Faces of pictures: landmarks, detection, framing, descriptors, parsing maps. The only home of dlib."""
