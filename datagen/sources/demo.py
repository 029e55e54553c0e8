"""The embedded source `demo`: drawn faces with known landmarks, and one public-domain portrait."""

from unmask.datagen.drawn_faces.demo import JPEG_QUALITY, draw_demo_face, drawn_landmarks, portrait_rgb
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.picture import encode_jpg

PORTRAIT = -1  # index of the portrait among the pictures


def demo_bytes(index: int | None) -> bytes:
    """Return a picture of the embedded source as JPEG, the portrait for None; equal bytes each time."""
    image = portrait_rgb() if index in (None, PORTRAIT) else draw_demo_face(index).image_rgb
    return encode_jpg(image, JPEG_QUALITY)


def demo_landmarks(index: int) -> list[Landmarks] | None:
    """Return the points that a face was drawn from, None for the portrait."""
    if index == PORTRAIT:
        return None
    return [Landmarks(drawn_landmarks(index), "drawn")]
