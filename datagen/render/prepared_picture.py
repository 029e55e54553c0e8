"""A picture before its masks are drawn: fitted to the output size, its faces chosen, posed and their light read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.faces.parsing_labels import what_does_not_fit
from unmask.datagen.pictures.picture import fit_labels, fit_picture, fit_transform

from .quality import LOWER_FACE
from .scene import Scene, read_scene
from .triplet_config import TripletConfig

U8 = NDArray[np.uint8]

MIN_EYE_DIST_PX = 10.0  # smaller faces have no room for a mask with structure
_INSIDE_SHARE = 0.6  # of the lower face's points; a crop may cut faces at its border


@dataclass(frozen=True)
class Refusal:
    """A picture that gets no mask: a status of the manifest and the reason in words."""

    status: str
    reason: str


@dataclass(frozen=True)
class PreparedFace:
    """What one face gives to every mask drawn on it."""

    landmarks: Landmarks
    scene: Scene


@dataclass(frozen=True)
class PreparedPicture:
    """A picture at output size with its faces posed and their light read, ready for any number of variants."""

    clean: U8
    faces: tuple[PreparedFace, ...]
    jpeg_quality: int | None = None
    labels: U8 | None = None


def prepare_picture(
    image_rgb: U8,
    faces: Sequence[Landmarks],
    config: TripletConfig,
    jpeg_quality: int | None = None,
    labels: U8 | None = None,
) -> PreparedPicture | Refusal:
    """Fit the picture to the output size and read pose, light and blur of the faces that will be masked.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
        The clean picture at source size.
    faces : sequence of Landmarks
        In source pixels, largest first.
    jpeg_quality : int, optional
        Of the source file (`sensor.jpeg_quality`); not used where the picture is scaled or cropped, since the
        block grid is lost then.
    labels : uint8 (h, w), optional
        Parsing map of the picture at source size: what it names hair, glasses or hat stays in front.
    """
    height, width = image_rgb.shape[:2]
    matrix = fit_transform(width, height, config.size)
    if matrix is not None:
        image_rgb = fit_picture(image_rgb, config.size)
        faces = [face.transformed(matrix) for face in faces]
        jpeg_quality = None
        if labels is not None and config.size is not None:
            labels = fit_labels(labels, config.size)
        faces = [face for face in faces if _inside(face, image_rgb.shape)]
    if not faces:
        return Refusal(
            "no_face", "no face was found" if matrix is None else "no face was found inside the crop"
        )
    if config.faces == "single" and len(faces) > 1:
        return Refusal("many_faces", f"{len(faces)} faces, and --faces single asks for one")
    kept = [face for face in faces if face.eye_dist_px >= MIN_EYE_DIST_PX]
    if not kept:
        size = faces[0].eye_dist_px
        return Refusal(
            "too_small", f"the eyes are {size:.1f} px apart; at least {MIN_EYE_DIST_PX:g} px are needed"
        )
    if config.faces == "largest":
        kept = kept[:1]
    wrong = "" if labels is None else what_does_not_fit(labels, [face.points for face in kept])
    if wrong:
        return Refusal("unreadable", wrong)
    prepared = tuple(prepare_face(image_rgb, face, jpeg_quality, labels) for face in kept)
    return PreparedPicture(image_rgb, prepared, jpeg_quality, labels)


def _inside(face: Landmarks, shape: tuple[int, ...]) -> bool:
    """Whether most of a face's lower half is in a picture, so that a mask on it is."""
    x, y = face.points[LOWER_FACE].T
    return float(((x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])).mean()) >= _INSIDE_SHARE


def prepare_face(
    image_rgb: U8, landmarks: Landmarks, jpeg_quality: int | None, labels: U8 | None
) -> PreparedFace:
    """Read what a face of a picture at output size gives to its masks; see `prepare_picture`."""
    return PreparedFace(landmarks, read_scene(image_rgb, landmarks.points, jpeg_quality, labels))
