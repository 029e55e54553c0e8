"""One source picture that is adopted: its pairs decoded and compared, their files linked or written, its rows."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.dataset.journal import SourceRecord
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.rows import row_files
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.coverage import decode_coverage, what_is_wrong
from unmask.datagen.pictures.differencing import find_map
from unmask.datagen.pictures.pairs import SAYS_WHAT, Pair
from unmask.datagen.pictures.picture import Picture, decode_picture, encode_png

from .adopt_sources import AdoptedFace
from .place import NO_LINKS


class _RefusedError(Exception):
    """A pair that becomes a row without pictures: status and reason."""


class Adopter:
    """Makes the rows and files of one source picture after the other.

    Parameters
    ----------
    out : Path
        The dataset.
    has_clean : bool
        Whether source pictures are clean ones; else they are the masked ones themselves.
    family : str
        What the rows say.
    copy : bool
        Copy what could be linked.
    """

    def __init__(self, out: Path, *, has_clean: bool, family: str = "", copy: bool = False) -> None:
        self.out, self._has_clean, self._family, self._copy = out, has_clean, family, copy

    def possible_files(self, face: AdoptedFace) -> list[str]:
        """Return the files that `adopt` may write for a source picture."""
        names = {f"clean/{face.stem}{ending}" for ending in (_ending(face.path), ".png")}
        for variant, pair in enumerate(face.pairs):
            key = _key(face, variant)
            names |= {
                f"map/{key}.png",
                *(f"masked/{key}{ending}" for ending in (_ending(pair.masked), ".png")),
            }
        return sorted(names)

    def is_done(self, face: AdoptedFace, earlier: SourceRecord) -> bool:
        """Whether an earlier run made all of a source picture's files, and the picture is still the same."""
        files = [name for row in earlier.rows for name in row_files(row, layers=False)]
        try:
            same = _sha256(_read(face.path)) == earlier.sha256
        except UnreadablePictureError:
            same = not earlier.sha256
        there = all((self.out / name).is_file() for name in files)
        return same and there and len(earlier.rows) == len(face.pairs)

    def adopt(self, face: AdoptedFace) -> SourceRecord:
        """Write the files of a source picture and return its rows."""
        sha, clean, clean_name, trouble = "", None, "", ""
        try:
            data = _read(face.path)
            sha = _sha256(data)
            if self._has_clean:
                clean = decode_picture(data)
        except UnreadablePictureError as error:
            trouble = str(error)
        rows = []
        for variant, pair in enumerate(face.pairs):
            row = ManifestRow(_key(face, variant), face.name, sha, variant, face.split)
            if trouble:
                rows.append(replace(row, status="unreadable", reason=trouble))
                continue
            try:
                row, masked_data, masked, map_ = self._open(pair, row, clean)
            except _RefusedError as refused:
                status, reason = refused.args
                rows.append(replace(row, status=status, reason=reason))
                continue
            if clean is not None and not clean_name:
                clean_name = self._put(f"clean/{face.stem}", face.path, clean, data)
            masked_name = self._put(f"masked/{row.key}", pair.masked, masked, masked_data)
            map_name = f"map/{row.key}.png"
            write_atomic(self.out / map_name, encode_png(map_))
            rows.append(replace(row, masked=masked_name, map=map_name, clean=clean_name))
        return SourceRecord(face.name, face.stem, sha, None, tuple(rows))

    def _open(
        self, pair: Pair, row: ManifestRow, clean: Picture | None
    ) -> tuple[ManifestRow, bytes, Picture, U8]:
        """Return the row of a pair without its files, the masked picture and its bytes, and the map."""
        try:
            data = _read(pair.masked)
            masked = decode_picture(data)
        except UnreadablePictureError as error:
            raise _RefusedError("unreadable", f"{pair.masked.name}: {error}") from error
        if clean is not None:
            _check_size(clean.image_rgb, masked.image_rgb, "the clean picture")
        if pair.map is not None:
            map_ = _own_map(pair.map, masked.image_rgb)
        elif clean is not None:
            map_ = _found_map(masked.image_rgb, clean.image_rgb)
        else:
            raise ValueError(f"{pair.masked}: neither map nor clean picture")
        height, width = map_.shape
        row = replace(
            row,
            width=width,
            height=height,
            template=_beyond(pair),
            family=self._family,
            coverage=float(map_.mean()) / 255,
        )
        return row, data, masked, map_

    def _put(self, name: str, path: Path, picture: Picture, data: bytes) -> str:
        """Link a picture that any reader decodes to the same pixels, or copy it; others are written as PNG."""
        if not picture.byte_copy:
            write_atomic(self.out / f"{name}.png", encode_png(picture.image_rgb))
            return f"{name}.png"
        target = self.out / f"{name}{_ending(path)}"
        target.unlink(missing_ok=True)  # an earlier run may have had another picture
        if not self._copy:
            try:
                os.link(os.path.realpath(path), target)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                self._copy = True  # what is refused once is refused again
            else:
                return f"{name}{_ending(path)}"
        write_atomic(target, data)
        return f"{name}{_ending(path)}"


def _own_map(path: Path, masked_rgb: U8) -> U8:
    try:
        map_ = decode_coverage(_read(path))
    except UnreadablePictureError as error:
        raise _RefusedError("unreadable", f"{path.name}: {error}") from error
    _check_size(map_, masked_rgb, "the map")
    wrong = what_is_wrong(map_)
    if wrong:
        raise _RefusedError("rejected", f"{path.name}: {wrong}")
    return map_


def _found_map(masked_rgb: U8, clean_rgb: U8) -> U8:
    found = find_map(masked_rgb, clean_rgb)
    if found.unlike:
        words = f"masked and clean picture differ everywhere, by {found.noise:.0f} levels"
        raise _RefusedError("rejected", f"{words}: moved, or not of one photograph")
    if not found.map.any():
        raise _RefusedError("rejected", "masked and clean picture do not differ: no mask was found")
    wrong = what_is_wrong(found.map)
    if wrong:
        raise _RefusedError("rejected", f"found by comparing: {wrong}")
    return found.map


def _check_size(image: NDArray[np.uint8], masked_rgb: U8, what: str) -> None:
    if image.shape[:2] != masked_rgb.shape[:2]:
        sizes = [f"{one.shape[1]}x{one.shape[0]}" for one in (image, masked_rgb)]
        raise _RefusedError("rejected", f"{what} measures {sizes[0]}, the masked one {sizes[1]}")


def _beyond(pair: Pair) -> str:
    """Return what the name of a masked picture has beyond its clean one's: mostly the generator's template."""
    if pair.clean is None:
        return ""
    masked, clean = pair.masked.stem, pair.clean.stem
    if clean not in masked:
        return ""
    folder = pair.stem.rpartition("/")[0] if masked == clean else ""  # of a kind, where names are equal
    rest = folder or masked.removeprefix(clean).removesuffix(clean).strip("_- .")
    return rest if rest.lower() not in SAYS_WHAT and any(map(str.isalpha, rest)) else ""


def _ending(path: Path) -> str:
    return path.suffix.lower()


def _key(face: AdoptedFace, variant: int) -> str:
    return f"{face.stem}_{variant:02d}"


def _read(path: Path) -> bytes:
    try:
        return read_whole(path)
    except OSError as error:
        raise UnreadablePictureError(f"cannot be read: {error.strerror or error}") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
