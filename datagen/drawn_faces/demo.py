"""The embedded default source: faces that the toolkit draws itself, and one public-domain portrait."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.datagen.common.atomic import PART, write_atomic
from unmask.datagen.common.checks import check_at_least
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.faces.landmarks import quantise
from unmask.datagen.pictures.arrays import F32, U8
from unmask.datagen.pictures.picture import encode_jpg

from . import body as body
from . import dress as dress
from . import features as features
from . import hair as hair
from . import skin as skin
from .attributes import ATTRIBUTE_NAMES
from .beard import paint_beard
from .canvas import Canvas, resized, smooth
from .face import FaceParams, draw_params
from .geometry import HEIGHT, WIDTH, Geometry, make_geometry

DEMO_FACES = 48
JPEG_QUALITY = 95
_STREAMS = ("backdrop", "hair", "clothes", "jewels", "skin", "brows", "beard", "hat", "grain")
# Identities in this order of parts: any run of four people has a validation and a test person.
_PARTS = (0, 1, 0, 2, 0, 0, 0)
_POINT_NAMES = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")


@dataclass(frozen=True)
class DrawnFace:
    """A drawn face and what is known about it.

    Attributes
    ----------
    image_rgb : ndarray of shape (218, 178, 3), uint8
        The picture, framed like aligned CelebA.
    landmarks : ndarray of shape (68, 2), float32
        x, y in pixels, multiples of 1/4, in the order of iBUG and dlib.
    attributes : dict of str to bool
        CelebA's forty attributes.
    identity : int
        Number of the person, from 1; two neighbouring indices share it.
    """

    image_rgb: U8
    landmarks: F32
    attributes: dict[str, bool]
    identity: int


def draw_demo_face(index: int, seed: int = 0) -> DrawnFace:
    """Draw demo face ``index``; equal arguments give equal bytes.

    Parameters
    ----------
    index : int
        Number of the face, from 0.
    seed : int
        Another seed gives other people.

    Raises
    ------
    ValueError
        When ``index`` is negative.
    """
    params = draw_params(index, seed)
    geometry = make_geometry(params)
    image = paint_face(params, geometry)
    return DrawnFace(image, quantise(geometry.landmarks), dict(params.attributes), params.identity)


def drawn_landmarks(index: int, seed: int = 0) -> F32:
    """Return the landmarks of :func:`draw_demo_face` without painting the face: a fiftieth of the time."""
    return quantise(make_geometry(draw_params(index, seed)).landmarks)


def part_of(identity: int) -> int:
    """Return a drawn person's part of the data set: 0 train (5 of 7), 1 validation, 2 test."""
    return _PARTS[(identity - 1) % len(_PARTS)]


def paint_face(params: FaceParams, geometry: Geometry) -> U8:
    """Paint a face, a pure function of its parameters: (218, 178, 3) uint8 RGB."""
    has = params.has
    # A stream for each part, so that a hat more does not change the grain of everything painted after it.
    seeds = np.random.SeedSequence(params.shot.noise_seed).spawn(len(_STREAMS))
    rng = {
        name: np.random.Generator(np.random.PCG64(seed)) for name, seed in zip(_STREAMS, seeds, strict=True)
    }
    canvas = Canvas()
    dress.paint_backdrop(canvas, params, rng["backdrop"])
    painter = hair.HairPainter(geometry, params, rng["hair"])
    hair.paint_back_hair(canvas, painter)
    body.paint_neck(canvas, geometry, params)
    dress.paint_clothes(canvas, geometry, params, rng["clothes"])
    if has("Wearing_Necklace"):
        dress.paint_necklace(canvas, geometry, params, rng["jewels"])
    if not painter.cut.ears:
        body.paint_ears(canvas, geometry, params)
    noise = smooth(rng["skin"].standard_normal((HEIGHT, WIDTH), dtype=np.float32), 0.8)
    head = skin.paint_head(canvas, geometry, params, noise)
    skin.paint_lines(canvas, geometry, params, head)
    features.paint_nose(canvas, geometry, params)
    features.paint_mouth(canvas, geometry, params)
    features.paint_eyes(canvas, geometry, params)
    features.paint_brows(canvas, geometry, params, rng["brows"])
    paint_beard(canvas, geometry, params, rng["beard"])
    hair.paint_front_hair(canvas, painter, head)
    if has("Wearing_Earrings"):
        dress.paint_earrings(canvas, geometry, params, rng["jewels"])
    if has("Eyeglasses"):
        dress.paint_glasses(canvas, geometry, params)
    if has("Wearing_Hat"):
        dress.paint_hat(canvas, geometry, params, rng["hat"])
    return _photograph(canvas, params, rng["grain"])


def _photograph(canvas: Canvas, params: FaceParams, rng: np.random.Generator) -> U8:
    """Lens blur, colour cast and grain, at the picture's own size."""
    warmth = params.shot.warmth
    cast = (1.0 + 0.035 * warmth, 1.0, 1.0 - 0.045 * warmth)
    grain = rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32) * np.float32(params.shot.grain)
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for axis, plane in enumerate(canvas.planes):
        small = smooth(resized(plane, WIDTH, HEIGHT, cv2.INTER_AREA), params.shot.blur)
        image[..., axis] = np.clip(np.rint(small * np.float32(cast[axis]) + grain), 0, 255)
    return image


def portrait_rgb() -> U8:
    """Return NASA's public-domain portrait that scikit-image ships: (512, 512, 3) uint8 RGB."""
    from skimage import data

    portrait: U8 = data.astronaut()  # type: ignore[no-untyped-call]
    return portrait


def write_demo(folder: Path, count: int, seed: int = 0) -> int:
    """Write ``count`` drawn faces in CelebA's layout, with their known 68 points beside them.

    Writes ``img_align_celeba/000001.jpg`` and on, CelebA's annotation lists in their official formats, and
    ``landmarks.csv`` (columns source, x0, y0, ... x67, y67). The parts (train, val, test) share no person.

    Parameters
    ----------
    folder : Path
        Created where it is missing.
    count : int
        Number of faces, at least 1.
    seed : int
        Another seed gives other people.

    Returns
    -------
    int
        Number of pictures written.

    Raises
    ------
    UserError
        When ``count`` or ``seed`` is too small, the folder holds anything but these faces, or cannot be written.
    """
    if count < 1:
        raise ArgumentError("count", f"must be at least 1, got {count}")
    check_at_least("seed", seed, 0)
    names = [f"{index + 1:06d}.jpg" for index in range(count)]
    pictures = folder / "img_align_celeba"
    try:
        lists = _draw_lists(names, seed)
        _refuse_others(folder, pictures, names, lists)
        pictures.mkdir(parents=True, exist_ok=True)
        for file, lines in lists.items():  # first: they say whose folder this is, also after a kill
            write_atomic(folder / file, ("\n".join(lines) + "\n").encode("ascii"))
        for index, name in enumerate(names):
            write_atomic(pictures / name, encode_jpg(draw_demo_face(index, seed).image_rgb, JPEG_QUALITY))
    except OSError as error:
        raise UserError(f"{folder}: cannot write the demo faces: {error.strerror or error}") from error
    return count


def _refuse_others(folder: Path, pictures: Path, names: list[str], lists: dict[str, list[str]]) -> None:
    """Keep real CelebA, another demo, or whatever else is there, from being written over."""
    inside = {path.name for path in pictures.iterdir()} if pictures.is_dir() else set()
    others = {name for name in inside - set(names) if name.lower().endswith(".jpg")}
    if others:
        raise UserError(
            f"{folder}: holds {len(others)} other pictures, e.g. {min(others)}; take an empty one"
        )
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    for name in sorted(there & lists.keys()):
        lines = (folder / name).read_text(encoding="ascii", errors="replace").splitlines()
        head = int(lists[name][0].isdigit())  # how many there are: a smaller demo may grow
        if lines[head:] != lists[name][head : len(lines)]:
            raise UserError(f"{folder}: its {name} is not that of these drawn faces; take an empty one")
    whole = lists.keys() <= there
    foreign = inside or any(not name.endswith(PART) for name in there - lists.keys() - {pictures.name})
    if pictures.is_symlink() or (foreign and not whole):
        raise UserError(f"{folder}: holds files that are no drawn faces; take an empty one")


def five_points(landmarks: F32) -> F32:
    """Return CelebA's five points (5, 2) from 68: eye centres, nose tip, mouth corners."""
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    five: F32 = np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])
    return five


def _draw_lists(names: list[str], seed: int) -> dict[str, list[str]]:
    """Return the lines of CelebA's lists, and of ``landmarks.csv``, by the file's name; paints nothing."""
    points_head = " ".join(f"{point}_{axis}" for point in _POINT_NAMES for axis in "xy")
    lists = {
        "list_attr_celeba.txt": [str(len(names)), " ".join(ATTRIBUTE_NAMES) + " "],
        "identity_CelebA.txt": [],
        "list_eval_partition.txt": [],
        "list_landmarks_align_celeba.txt": [str(len(names)), points_head],
        "landmarks.csv": ["source," + ",".join(f"x{i},y{i}" for i in range(68))],
    }
    for index, name in enumerate(names):
        params = draw_params(index, seed)
        points, attributes = quantise(make_geometry(params).landmarks), dict(params.attributes)
        signs = (f"{1 if attributes[attribute] else -1:2d}" for attribute in ATTRIBUTE_NAMES)
        five = (f"{round(float(value)):4d}" for value in five_points(points).ravel())
        cells = (
            " ".join([name, *signs]),
            f"{name} {params.identity}",
            f"{name} {part_of(params.identity)}",
            " ".join([name, *five]),
            ",".join([name, *(f"{float(value):.2f}" for value in points.ravel())]),
        )
        for lines, line in zip(lists.values(), cells, strict=True):
            lines.append(line)
    return lists
