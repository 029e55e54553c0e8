"""The embedded source `demo`: drawn faces with known landmarks, and one public-domain portrait."""

from functools import lru_cache

from .celeba import SPLITS
from .demo import DEMO_FACES, JPEG_QUALITY, draw_demo_face, drawn_landmarks, part_of, portrait_rgb
from .drawn_attributes import ATTRIBUTE_NAMES
from .drawn_face import draw_params
from .landmarks import Landmarks
from .picture import encode_jpg
from .source import PORTRAIT, Source, SourceFace


@lru_cache(maxsize=1)
def open_demo() -> Source:
    """Return the embedded source, named as `write_demo` names its files; nothing is drawn yet."""
    faces = []
    for index in range(DEMO_FACES):
        params = draw_params(index, 0)
        stem = f"{index + 1:06d}"
        face = SourceFace(
            name=f"{stem}.jpg",
            stem=stem,
            path=None,
            split=SPLITS[part_of(params.identity)],
            identity=str(params.identity),
            attributes=tuple(int(params.has(name)) for name in ATTRIBUTE_NAMES),
            aligned=True,
            demo_index=index,
        )
        faces.append(face)
    # the portrait is a photograph like any other: not aligned, detected, in no split
    faces.append(SourceFace("portrait.jpg", "portrait", None, demo_index=PORTRAIT))
    return Source("demo", "demo", tuple(faces), tuple(ATTRIBUTE_NAMES))


def demo_bytes(index: int) -> bytes:
    """Return a picture of the embedded source as JPEG; equal bytes each time."""
    image = portrait_rgb() if index == PORTRAIT else draw_demo_face(index).image_rgb
    return encode_jpg(image, JPEG_QUALITY)


def demo_landmarks(index: int) -> list[Landmarks] | None:
    """Return the points that a face was drawn from, None for the portrait."""
    if index == PORTRAIT:
        return None
    return [Landmarks(drawn_landmarks(index), "drawn")]
