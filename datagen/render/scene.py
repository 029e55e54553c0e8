"""One face of a photograph as a mask must know it: pose, light, camera, hair."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import LightRecipe

from .camera import Camera, read_camera
from .front import hair_colour
from .light import FaceLight, read_light
from .pose import PosedFace, pose_face

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """One face of a photograph as a mask must know it.

    Attributes
    ----------
    hair_rgb : float64 (3,) or None
        Colour of the hair, sRGB levels, where it has one.
    labels : uint8 (h, w) or None
        Parsing map of the whole picture, where the user has one.
    """

    face: PosedFace
    light: FaceLight
    camera: Camera
    hair_rgb: F64 | None
    labels: U8 | None = None


def read_scene(
    image_rgb: U8,
    points: NDArray[np.floating],
    jpeg_quality: int | None = None,
    labels: U8 | None = None,
) -> Scene:
    """Pose the face and read light, camera and hair from the clean picture.

    Parameters
    ----------
    points : (68, 2)
        Landmarks, pixels.
    jpeg_quality : int, optional
        Of the source file, when the picture was neither scaled nor cropped off its block grid.
    labels : uint8 (h, w), optional
        Parsing map in the numbering of CelebAMask-HQ (`front.FRONT_LABELS`).
    """
    face = pose_face(points)
    light = read_light(image_rgb, face)
    hair = hair_colour(image_rgb, face, light.skin_rgb)
    return Scene(face, light, read_camera(image_rgb, face, points, jpeg_quality), hair, labels)


def light_rgb(light: FaceLight, recipe: LightRecipe) -> tuple[float, float, float]:
    """Return the linear RGB gain of the light on a mask that faces the camera."""
    red, green, blue = (light.exposure * recipe.exposure * light.cast**recipe.cast).tolist()
    return red, green, blue


def light_direction(light: FaceLight, recipe: LightRecipe) -> F64:
    """Return the light's direction, a unit vector, turned around the line of sight where the recipe says so."""
    direction, degrees = light.direction, recipe.turn
    if degrees == 0:
        return direction
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y, z = direction
    return np.array([cos * x - sin * y, sin * x + cos * y, z])
