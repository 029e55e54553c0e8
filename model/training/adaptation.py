"""``adapt``: photographs without maps teach by what the first weights are sure of.

Drawn masks are not quite like real ones, and what a network knew of these it forgets while it is trained on. Where
a Map Module that looks at a real face several times is sure, it is nearly always right; these pixels, under other
framings and in other light, hold it.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.faces.frame import FRAME_SIZE
from unmask.datagen.masks.recipe_config import RecipeConfig
from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.open_picture import open_file
from unmask.datagen.pictures.pyramid import Grid, PicturePyramid
from unmask.datagen.pictures.tree import list_pictures
from unmask.datagen.render.jitter import apply_jitter, draw_jitter
from unmask.model.common.pace_log import PaceLog
from unmask.model.inference.aligned import FaceModule, Seen
from unmask.model.inference.face_finder import FoundFace
from unmask.model.inference.face_looks import see_face
from unmask.model.inference.face_mask import main_mask, mask_of
from unmask.model.inference.photo_patch import MIDDLE, work_grid

_LOG = logging.getLogger(__name__)

# What is kept of a face: so many times the width of aligned CelebA's frame, for the jitter to move and shrink.
_WIDTHS = 1.6
CROP = Grid(256, 256, _WIDTHS * FRAME_SIZE[0] / 256, MIDDLE)
UNKNOWN = 128  # a level of the label that nothing is learnt from
_MOST_FACES = 4000  # a gigabyte
ADAPT_SHARE = 0.25  # of a step's pictures

Find = Callable[[PicturePyramid], Sequence[FoundFace]]


class Adaptation:
    """Faces of photographs, each with the probability of a mask in every pixel, and views of them to train on.

    Parameters
    ----------
    faces : sequence of uint8 (256, 256, 4)
        From `label_faces`.
    recipe : RecipeConfig
        Its ``[jitter]`` frames the views.
    side : int
        Of the views, pixels.
    """

    def __init__(self, faces: Sequence[U8], recipe: RecipeConfig, side: int) -> None:
        self.faces = faces
        self._recipe = recipe
        self._side = side

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw faces and framings.

        Returns
        -------
        picture : Tensor
            float32 (count, 3, side, side) in [-1, 1].
        probability : Tensor
            float32 (count, 1, side, side) in [0, 1], of a mask; 0.5 where nothing is known.
        """
        views = np.stack([self._view(rng) for _ in range(count)])
        levels = torch.from_numpy(views).permute(0, 3, 1, 2).float() / 255
        return levels[:, :3] * 2 - 1, levels[:, 3:]

    def _view(self, rng: np.random.Generator) -> U8:
        face = self.faces[int(rng.integers(len(self.faces)))]
        jitter = draw_jitter(rng, self._recipe)
        wider = replace(jitter, scale=jitter.scale * _WIDTHS)
        return apply_jitter(face, [], wider, (self._side, self._side))[0]


def check_photos(folder: Path, judged: Sequence[Path] = ()) -> list[Path]:
    """Return the photographs below ``adapt``.

    Parameters
    ----------
    folder : Path
    judged : sequence of Path
        Photographs that judge the training: none of them may be trained on.

    Raises
    ------
    ArgumentError
        When there are none, or one of them is a judge by its bytes.
    """
    photos = [folder / name for name in list_pictures(folder, set()).names]
    if not photos:
        raise ArgumentError("adapt", f"{folder}: no pictures in it")
    judges = {_sha256(path): path for path in judged}
    if judges:
        for path in photos:
            if judge := judges.get(_sha256(path)):
                raise ArgumentError("adapt", f"{path}: is also `judge` {judge}, which must not be trained on")
    return photos


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return str(path)  # is said where it is decoded


def label_photos(photos: Sequence[Path], find: Find, teacher: FaceModule) -> list[U8]:
    """Find the masked faces of photographs, in order, and what the teacher says of them.

    Parameters
    ----------
    photos : sequence of Path
        One that cannot be read is counted and left out.
    find : callable
        Finds the faces of a photograph, such as `unmask.model.inference.face_finder.FaceFinder.find`.
    teacher : FaceModule
        A Map Module.

    Returns
    -------
    list of uint8 (256, 256, 4)
        From `label_faces`.

    Raises
    ------
    ArgumentError
        When no photograph shows a face with a mask.
    """
    faces: list[U8] = []
    unreadable = done = 0
    pace = PaceLog(_LOG, "looking at photographs", "photographs", len(photos))
    for done, path in enumerate(photos, 1):
        try:
            faces += label_faces(open_file(path), find, teacher)
        except UserError as error:
            unreadable += 1
            _LOG.warning(str(error))
        pace.reach(done)
        if len(faces) >= _MOST_FACES:
            break
    if not faces:
        raise ArgumentError("adapt", f": no face with a mask is found in its {len(photos)} photographs")
    words = f"adapt: {len(faces)} faces with masks in {done} photographs"
    _LOG.info(words + (f", {unreadable} of them unreadable" if unreadable else ""))
    return faces


def label_faces(image_rgb: U8, find: Find, teacher: FaceModule) -> list[U8]:
    """Return the masked faces of a photograph with the probability of a mask.

    Returns
    -------
    list of uint8 (256, 256, 4)
        RGB, and the probability in 0..255, `UNKNOWN` where the teacher did not look or where it sees a second mask.
        A face on which the whole pipeline would leave what it sees, by its guards, is not among them.
    """
    picture = PicturePyramid(image_rgb)
    faces = []
    for face in find(picture):
        seen = see_face(teacher, picture, face.frame)
        if mask_of(seen, face.frame, picture) is None:
            continue
        matrix = CROP.to_picture(face.frame)
        crop = picture.cut(matrix, CROP.width, CROP.height, border=cv2.BORDER_REPLICATE)
        faces.append(np.dstack([crop, _label(seen)]))
    return faces


def _label(seen: Seen) -> U8:
    """Probability of the face's own mask, on `CROP`."""
    levels = np.rint(seen.body * 255).astype(np.uint8)
    own = main_mask(seen.body)
    if own is not None:
        levels[(seen.body >= 0.5) & (own == 0)] = UNKNOWN
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    there = _between(CROP, work_grid(seen.body.shape[1]))
    label = cv2.warpAffine(levels, there, (CROP.width, CROP.height), flags=flags, borderValue=UNKNOWN)
    return np.asarray(label, np.uint8)


def _between(grid: Grid, other: Grid) -> F64:
    """Return the (2, 3) matrix from the pixels of a grid to those of another one."""
    to_frame, from_frame = grid.to_picture(np.eye(2, 3)), other.to_picture(np.eye(2, 3))
    back = np.vstack([cv2.invertAffineTransform(from_frame), [0, 0, 1]])
    return np.asarray((back @ np.vstack([to_frame, [0, 0, 1]]))[:2], np.float64)
