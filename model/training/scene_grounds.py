"""What lies behind the faces of a drawn scene, and things among them that are none."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from unmask.datagen.pictures.arrays import F32, U8
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.pictures.pyramid import PicturePyramid

# Pictures without faces that come with scikit-image, and from which row on (the astronaut's suit, not her face).
_PHOTOS = {
    "astronaut.png": 240, "brick.png": 0, "camera.png": 0, "chelsea.png": 0, "clock_motion.png": 0, "coffee.png": 0,
    "grass.png": 0, "gravel.png": 0, "horse.png": 0, "hubble_deep_field.jpg": 0, "logo.png": 0,
    "motorcycle_left.png": 0, "rocket.jpg": 0, "text.png": 0,
}  # fmt: skip
_MAN = slice(40, 200), slice(150, 330)  # of camera.png: the photographer's head
_STRIPS = (
    (0, 218, 0, 30),
    (0, 218, 148, 178),
    (0, 40, 0, 178),
)  # of aligned CelebA: beside and above the face
_LEAVES = 70
_OCTAVES = (2, 4, 8, 16, 32, 64)


@lru_cache(maxsize=1)
def photographs() -> tuple[PicturePyramid, ...]:
    """Return the photographs without faces, RGB; those that are not there are left out."""
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    found = []
    for name, top in _PHOTOS.items():
        path = folder / name
        if path.is_file():
            image = decode_picture(path.read_bytes()).image_rgb[top:].copy()
            if name == "camera.png":
                image[_MAN] = cv2.GaussianBlur(image[_MAN], (0, 0), 25)
            found.append(PicturePyramid(image))
    return tuple(found)


def draw_ground(pictures: U8, side: int, rng: Generator) -> U8:
    """Draw a ground.

    Parameters
    ----------
    pictures : uint8 (n, 218, 178, 3)
        Faces framed like aligned CelebA: what is beside them, and their colours, are used.
    side : int
        Of the scene, pixels.
    rng : Generator

    Returns
    -------
    uint8 (side, side, 3)
    """
    first = _one_ground(pictures, side, rng)
    if rng.random() < 0.4:
        second, share = _one_ground(pictures, side, rng), _clouds(side, rng)[..., :1]
        share = np.clip((share - 0.5) * rng.uniform(3, 40) + 0.5, 0, 1)
        first = np.rint(first * (1 - share) + second * share).astype(np.uint8)
    if rng.random() < 0.3:
        first = np.asarray(cv2.GaussianBlur(first, (0, 0), float(rng.uniform(1, 5))), np.uint8)
    return first


def _one_ground(pictures: U8, side: int, rng: Generator) -> U8:
    kind = rng.random()
    photos = photographs()
    if kind < 0.35 and photos:
        return _crop(photos[rng.integers(len(photos))], side, float(np.exp(rng.uniform(-1.2, 0.5))), rng)
    picture = pictures[rng.integers(len(pictures))]
    if kind < 0.6:
        top, bottom, left, right = _STRIPS[rng.integers(len(_STRIPS))]
        return _crop(PicturePyramid(picture[top:bottom, left:right]), side, float(rng.uniform(1.5, 6)), rng)
    colours = picture.reshape(-1, 3)[rng.integers(picture.size // 3, size=_LEAVES)].astype(np.float32)
    if kind < 0.8:
        return _leaves(colours, side, rng)
    near, far = colours[0], colours[1]
    clouds = _clouds(side, rng) if kind < 0.95 else _slope(side, rng)[..., None]
    return np.asarray(np.clip(near + (far - near) * clouds, 0, 255), np.uint8)


def _crop(picture: PicturePyramid, side: int, scale: float, rng: Generator) -> U8:
    """A turned and scaled part of a picture, mirrored where it ends."""
    turn = np.radians(rng.choice([0, 0, 90, 180, 270]) + rng.normal() * 8)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / scale
    middle = rng.uniform(0, 1, 2) * picture.levels[0].shape[1::-1]
    there = np.column_stack([matrix, middle - matrix @ [side / 2, side / 2]])
    return picture.cut(there, side, side)


def _leaves(colours: F32, side: int, rng: Generator) -> U8:
    """Dead leaves: ellipses and boxes of power-law sizes over one another."""
    ground = np.full((side, side, 3), colours[0], np.uint8)
    radii = 0.3 * side / np.sqrt(1 + rng.random(len(colours)) * 120)
    places = rng.uniform(0, side, (len(colours), 2))
    slim, turns = rng.uniform(0.3, 1, len(colours)), rng.random(len(colours))
    for colour, radius, place, thin, turn in zip(colours, radii, places, slim, turns, strict=True):
        box = ((float(place[0]), float(place[1])), (2 * radius, 2 * radius * thin), 360 * float(turn))
        ink = tuple(colour.tolist())
        if turn < 0.5:
            cv2.ellipse(ground, box, ink, -1, cv2.LINE_AA)
        else:
            cv2.fillConvexPoly(ground, np.rint(cv2.boxPoints(box)).astype(np.int32), ink, cv2.LINE_AA)
    return ground


def _clouds(side: int, rng: Generator) -> F32:
    """Noise of several octaves, (side, side, 3) about 0.5."""
    power, made = rng.uniform(0.6, 1.6), np.zeros((side, side, 3), np.float32)
    for cells in _OCTAVES:
        noise = rng.normal(size=(cells, cells, 3)).astype(np.float32) * cells**-power
        noise = noise.mean(2, keepdims=True) + 0.3 * noise
        made += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(0.5 + 0.3 * made / max(float(made.std()), 1e-6), np.float32)


def _slope(side: int, rng: Generator) -> F32:
    turn = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, side), np.linspace(-0.5, 0.5, side))
    return np.asarray(0.5 + np.cos(turn) * x + np.sin(turn) * y, np.float32)
