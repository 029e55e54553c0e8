"""Known points in files that are no tables: JSON, and the .pts of iBUG."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import parse_json
from unmask.datagen.common.read_file import TEXT_BYTES, read_file
from unmask.datagen.common.table import NAME_COLUMNS

from .face_mesh import MESH_COUNTS, points68
from .landmarks import POINT_COUNT
from .point_columns import check_pixels

JSON, PTS = ".json", ".pts"
_JSON_BYTES = 1 << 29
_NAMES = ("source", *NAME_COLUMNS)
_POINTS = ("landmarks", "face_landmarks", "points", "keypoints")
_SIDES = (("width", "height"), ("image_width", "image_height"))

F64 = NDArray[np.float64]
Known = tuple[str, list[F64]]
"""A picture's name, and (68, 2) points in pixels of each of its faces."""


def is_points_file(path: Path) -> bool:
    """Tell whether a file or folder is read here, by its name; others are tables."""
    return path.is_dir() or path.suffix.lower() in (JSON, PTS)


def read_points(path: Path) -> Iterator[Known]:
    """Read a JSON file, a .pts file or a folder of .pts files.

    Raises
    ------
    UserError
        In one line that names the file and the picture or line.
    """
    return _read_json(path) if path.suffix.lower() == JSON and not path.is_dir() else _read_pts(path)


def pts_files(path: Path) -> list[Path]:
    """Return the .pts files below a folder, or the file itself."""
    return sorted(path.rglob(f"*{PTS}")) if path.is_dir() else [path]


# ---- JSON ---------------------------------------------------------------------------------------------------


def _read_json(path: Path) -> Iterator[Known]:
    try:
        content = parse_json(read_file(path, _JSON_BYTES))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from error
    if isinstance(content, dict):
        entries = list(content.items())
    elif isinstance(content, list):
        entries = [("", entry) for entry in content]
    else:
        entries = []
    if not entries:
        raise UserError(f"{path}: expected an object with points by picture, or a list of objects with both")
    for number, (key, entry) in enumerate(entries, 1):
        try:
            yield _entry(key, entry)
        except ValueError as error:
            raise UserError(f"{path}: {key or f'entry {number}'}: {error}") from error


def _entry(key: str, entry: Any) -> Known:
    """One picture: points alone, or an object that has them, its name and perhaps the picture's size."""
    if not isinstance(entry, dict):
        if not key:
            raise ValueError("no object with a picture's name and its points")
        return key, _faces(entry, {})
    image = entry.get("image")
    if isinstance(image, dict) and "face_landmarks" in image:  # of FFHQ: its folder's name comes first
        return str(image.get("file_path", key)).partition("/")[2], _faces(image["face_landmarks"], {})
    name = key or next((str(entry[name]) for name in _NAMES if isinstance(entry.get(name), str)), "")
    if not name:
        raise ValueError(f"no name of a picture; it may be called {', '.join(_NAMES[:4])}")
    points = next((entry[name] for name in _POINTS if name in entry), None)
    if points is None:
        raise ValueError(f"no points; they may be called {', '.join(_POINTS)}")
    return name, _faces(points, entry)


def _faces(value: Any, about: Mapping[str, Any]) -> list[F64]:
    plain = _plain(value)
    if plain == []:
        return []
    try:
        points = np.array(plain, np.float64)
    except (ValueError, TypeError):
        raise ValueError("not a list of points with x and y") from None
    flat = {2 * count for count in (POINT_COUNT, *MESH_COUNTS)}
    if points.ndim in (1, 2) and points.shape[-1] in flat:
        points = points.reshape(*points.shape[:-1], -1, 2)
    points = points68(points)
    if points.ndim > 3:
        raise ValueError("points are nested too deeply")
    size = _size(about)
    faces = []
    for face in points.reshape(-1, POINT_COUNT, 2):
        shares = size is not None and np.isfinite(face).all() and np.abs(face).max() <= 2
        # MediaPipe's shares are of the picture's sides, pixel centres at halves
        faces.append(check_pixels(face * size - 0.5 if shares and size is not None else face))
    return faces


def _plain(value: Any) -> Any:
    """Make lists of points that are objects with x and y."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict) and {"x", "y"} <= value.keys():
        return [value["x"], value["y"]]
    return value


def _size(about: Mapping[str, Any]) -> tuple[float, float] | None:
    for names in _SIDES:
        sides = [about.get(name) for name in names]
        if all(isinstance(side, int | float) and 0 < side < 1e6 for side in sides):
            width, height = sides
            return float(width or 0), float(height or 0)
    return None


# ---- .pts ---------------------------------------------------------------------------------------------------


def _read_pts(path: Path) -> Iterator[Known]:
    root = path if path.is_dir() else path.parent
    files = pts_files(path)
    if not files:
        raise UserError(f"{path}: no {PTS} file in it")
    for file in files:
        name = file.relative_to(root).as_posix().removesuffix(file.suffix)
        try:
            text = read_file(file, TEXT_BYTES).decode("utf-8-sig")
            yield name, [_pts_points(text)]
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise UserError(f"{file}: {error}") from error


def _pts_points(text: str) -> F64:
    """The points between the braces; iBUG counts pixels from 1."""
    head, opened, rest = text.partition("{")
    body, closed, _ = rest.partition("}")
    if not opened or not closed or "n_points" not in head:
        raise ValueError("not a .pts file: n_points and points in braces are needed")
    rows = [line.split() for line in body.splitlines() if line.strip()]
    try:
        points = np.array(rows, np.float64)
    except ValueError:
        raise ValueError("its points are not two numbers each") from None
    return check_pixels(points68(points) - 1)
