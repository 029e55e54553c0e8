"""Masks off the photographs that are sent: the networks, kept in memory, and what is answered."""

import base64
import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.datagen.common.atomic import write_atomic, writing_to
from unmask.datagen.common.inside import Inside
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import encode_png
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.inference.aligned import FaceModule
from unmask.model.inference.face_finder import FaceFinder
from unmask.model.inference.photo import Restored, restore_photo
from unmask.model.inference.unmasker import Unmasker
from unmask.model.networks.spec import EDIT
from unmask.model.run.face_rows import face_rows
from unmask.model.run.results import MAPS, RESTORED, STRAPS

from .answers import Face, Found, Unmasked
from .options import OWN, ServeOptions
from .upload import open_map, open_photograph

# What an answer has beside the result, and what is kept, in the folders of unmask-run: by the names of `Restored`.
OVERLAYS = ("map", "straps")
KEPT = {RESTORED: "image", MAPS: "map", STRAPS: "straps"}
# Parts that are looked at around a place, as shares of the shorter side: small faces are found in small ones.
_CLOSER = (1.0, 0.5, 0.25)
_LEAST_PX = 96
_REACH = 0.12  # of that part's side: how far from the place a mask may begin


@dataclass
class _Modules:
    map_module: FaceModule
    edit_module: FaceModule
    finder: FaceFinder


class Photographs:
    """What takes masks off; not safe for several threads at once.

    Parameters
    ----------
    options : ServeOptions

    Raises
    ------
    UserError
        When weights are missing or of the other module, or there is no such device.
    """

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        first = options.preset if options.edit_weights is None else options.edit_weights
        self._unmasker = Unmasker(
            options.map_weights, first, options.device, options.precision, options.backend
        )
        self._editors = {options.presets[0]: self._unmasker.edit_module}
        _ = self._unmasker.finder  # its weights are missing now, not at the first photograph
        if options.keep is not None:
            with writing_to(options.keep, "keep"):
                options.keep.mkdir(parents=True, exist_ok=True)

    def warm(self) -> None:
        """Do once what is slow the first time: kernels are chosen, detectors loaded."""
        restore_photo(self._modules(self.options.presets[0]), draw_demo_face(0).image_rgb)

    def unmask(
        self, image: bytes, map_: bytes | None, preset: str, least_score: float
    ) -> tuple[Restored, float]:
        """Take the masks off a photograph.

        Parameters
        ----------
        image, map_ : bytes
            Files.
        preset : str
            One of `ServeOptions.presets`.
        least_score : float
            Of `restore_photo`.

        Returns
        -------
        Restored
        float
            Seconds, decoding included.

        Raises
        ------
        HTTPException
            4xx, when a file is no picture, or too large.
        """
        start = time.perf_counter()
        image_rgb = open_photograph(image, self.options.max_pixels)
        given = None if map_ is None else open_map(map_, self.options.max_pixels, image_rgb.shape[:2])
        result = restore_photo(self._modules(preset), image_rgb, given, least_score)
        if self.options.keep is not None:
            _keep(self.options.keep, hashlib.sha256(image).hexdigest()[:16], result)
        return result, time.perf_counter() - start

    def look_closer(self, image: bytes, x: float, y: float) -> Found:
        """Look for a mask at a place of a photograph, in smaller and smaller parts around it.

        Parameters
        ----------
        image : bytes
            A file.
        x, y : float
            Pixels; a place outside of the photograph has no mask.

        Raises
        ------
        HTTPException
            As `unmask`.
        """
        image_rgb = open_photograph(image, self.options.max_pixels)
        height, width = image_rgb.shape[:2]
        for share in _CLOSER if 0 <= x < width and 0 <= y < height else ():
            side = max(_LEAST_PX, round(share * min(height, width)))
            left, top = (
                int(np.clip(round(at - side / 2), 0, max(0, whole - side)))
                for at, whole in ((x, width), (y, height))
            )
            part = np.ascontiguousarray(image_rgb[top : top + side, left : left + side])
            seen = restore_photo(self._modules(self.options.presets[0]), part)
            mask = mask_near(seen.map, x - left, y - top, _REACH * side)
            if mask is not None:
                whole = np.zeros((height, width), np.uint8)
                whole[top : top + side, left : left + side] = mask
                return Found(found=True, map=data_url(whole))
            if side == _LEAST_PX:
                break
        return Found(found=False, map=None)

    def _modules(self, preset: str) -> _Modules:
        """The networks of a preset; its Editing Module is loaded when it is first asked for."""
        if preset not in self._editors:
            unmasker = self._unmasker
            path = find_weights(preset if preset != OWN else str(self.options.edit_weights))
            self._editors[preset] = unmasker.backend.load_module(path, EDIT)
        return _Modules(self._unmasker.map_module, self._editors[preset], self._unmasker.finder)


def mask_near(map_: U8, x: float, y: float, reach_px: float) -> U8 | None:
    """Return the region of a map that is nearest to a place, 0 or 255; None where none is within reach."""
    _, labels = cv2.connectedComponents((map_ >= 128).astype(np.uint8), connectivity=8)
    rows, columns = np.nonzero(labels)
    if not len(rows):
        return None
    distance = np.hypot(columns - x, rows - y)
    nearest = int(distance.argmin())
    if distance[nearest] > reach_px:
        return None
    return np.where(labels == labels[rows[nearest], columns[nearest]], 255, 0).astype(np.uint8)


def answer(result: Restored, preset: str, seconds: float) -> Unmasked:
    """Return what is answered about a photograph."""
    overlays = {name: getattr(result, name) for name in OVERLAYS} | {"both": both(result)}
    height, width = result.map.shape
    return Unmasked(
        status=result.status,
        preset=preset,
        width=width,
        height=height,
        seconds=round(seconds, 3),
        faces=[Face.model_validate(asdict(row)) for row in face_rows("", result.faces)],
        image=data_url(result.image),
        overlays={name: data_url(pixels) for name, pixels in overlays.items()},
    )


def both(result: Restored) -> U8:
    """Masks with the straps that hang on them, uint8 (h, w), 0 or 255: as one map they say what is to be taken off.

    A piece of strap that lies alone would be taken for the mask of one more face.
    """
    _, labels = cv2.connectedComponents(result.map | result.straps, connectivity=8)
    held = np.unique(labels[result.map > 0])
    return np.where(np.isin(labels, held[held > 0]), 255, 0).astype(np.uint8)


def data_url(image: U8) -> str:
    """Return a picture, (h, w) or RGB (h, w, 3), as a PNG inside a URL."""
    return "data:image/png;base64," + base64.b64encode(encode_png(image)).decode("ascii")


def _keep(folder: Path, name: str, result: Restored) -> None:
    inside = Inside(folder)
    with writing_to(folder, "keep"):
        for place, part in KEPT.items():
            path = inside(f"{place}/{name}.png", f"`keep` {folder}")
            path.parent.mkdir(exist_ok=True)
            write_atomic(path, encode_png(getattr(result, part)))
