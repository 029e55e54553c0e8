"""How parsing maps are numbered: what each number means, brought to the numbering of CelebAMask-HQ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.read_file import TEXT_BYTES, read_file
from unmask.datagen.common.toml_text import parse_toml

# The names and the merged numbering of CelebAMask-HQ's authors, from 0.
LABEL_NAMES = (
    *("background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear"),
    *("mouth", "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth"),
)
# Those of face-parsing.PyTorch, the BiSeNet that most people run.
_BISENET = (
    *("background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r"),
    *("nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat"),
)
CELEBAMASK, BISENET = "celebamask", "bisenet"
Numbering = str | dict[str, list[int]]
"""``celebamask``, ``bisenet``, or the numbers of each name: JSON-able, since it stands in ``build.json``."""

_LIPS, _NOSE = slice(48, 68), slice(27, 36)
_NEITHER = ("hair", "hat", "l_brow", "r_brow", "l_ear", "r_ear", "ear_r", "l_eye", "r_eye", "neck")
_NOT_THERE = {"lips": (_LIPS, _NEITHER), "nose": (_NOSE, (*_NEITHER, "mouth", "u_lip", "l_lip"))}
_SHARE = 0.5  # of the points; a strand of hair or a hand covers fewer


def read_numbering(choice: str) -> Numbering:
    """Return the numbering that ``parsing_labels`` names.

    Parameters
    ----------
    choice : str
        ``celebamask``, ``bisenet``, or a TOML file with lines such as ``hair = 17`` or ``hair = [17, 19]``, by the
        names of CelebAMask-HQ. Numbers that it does not name are background.

    Raises
    ------
    UserError
        When it is neither a name nor such a file.
    """
    if choice in (CELEBAMASK, BISENET):
        return choice
    path = Path(choice)
    try:
        content = parse_toml(read_file(path, TEXT_BYTES))
    except OSError as error:
        words = f"{choice}: neither {CELEBAMASK} nor {BISENET}, and as a file: {error.strerror}"
        raise ArgumentError("parsing_labels", words) from error
    except ValueError as error:
        raise ArgumentError("parsing_labels", f"{path}: no TOML file ({error})") from error
    try:
        return _checked(content)
    except ValueError as error:
        raise ArgumentError("parsing_labels", f"{path}: {error}") from error


def _checked(content: Mapping[str, Any]) -> dict[str, list[int]]:
    taken: dict[int, str] = {}
    found: dict[str, list[int]] = {}
    for name, value in content.items():
        if name not in LABEL_NAMES:
            raise ValueError(f"{name!r} is none of {', '.join(LABEL_NAMES)}")
        numbers = value if isinstance(value, list) else [value]
        for number in numbers:
            if type(number) is not int or not 0 <= number <= 255:
                raise ValueError(
                    f"{name} = {value!r}: expected a whole number from 0 to 255, or a list of them"
                )
            if taken.setdefault(number, name) != name:
                raise ValueError(f"{number} is {taken[number]} and {name}")
        found[name] = sorted(numbers)
    if "hair" not in found:
        raise ValueError("it does not say which number hair has")
    return found


def label_table(numbering: Numbering) -> NDArray[np.uint8] | None:
    """Return CelebAMask-HQ's number for each of 256 numbers, uint8 (256,); None where they are the same.

    Raises
    ------
    ValueError
        When it is no numbering, such as from a ``build.json`` that somebody changed.
    """
    if numbering == CELEBAMASK:
        return None
    if numbering == BISENET:
        numbering = {name: [number] for number, name in enumerate(_BISENET)}
    if not isinstance(numbering, dict):
        raise ValueError(f"{numbering!r} is no numbering of parsing maps")
    table = np.zeros(256, np.uint8)
    for name, numbers in _checked(numbering).items():
        table[numbers] = LABEL_NAMES.index(name)
    return table


def what_does_not_fit(labels: NDArray[np.uint8], faces: Sequence[NDArray[np.floating]]) -> str:
    """Say which part of a face its parsing map calls what it cannot be; "" where the map fits the points.

    Parameters
    ----------
    labels : uint8 (h, w)
        In CelebAMask-HQ's numbering.
    faces : sequence of (68, 2)
        Points in pixels of the map.
    """
    height, width = labels.shape
    for points in faces:
        for part, (where, names) in _NOT_THERE.items():
            x, y = np.rint(points[where]).astype(np.intp).T
            seen = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            there = labels[y[seen], x[seen]]
            counts = np.bincount(there, minlength=256)
            name = max(names, key=lambda name: int(counts[LABEL_NAMES.index(name)]))
            if counts[LABEL_NAMES.index(name)] > _SHARE * len(x):
                return (
                    f"the parsing map calls the {part} {name}: is it numbered another way (--parsing-labels)?"
                )
    return ""
