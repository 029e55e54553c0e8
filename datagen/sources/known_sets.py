"""Data sets that are known by the names of their pictures, and what these names say about each."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from .annotation_table import AttributeRows, picture_key
from .celeba import CelebaTables

LFW = "lfw"
_SHARE = 0.95  # of the pictures must be named so; downloads have a few that are not
_LOOKED_AT = 64  # before all names are
_UTK = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+")
_UTK_RACES = ("White", "Black", "Asian", "Indian", "Other_Race")
_UTK_AGES = {"Age_0_17": range(18), "Age_18_39": range(18, 40), "Age_40_59": range(40, 60)}
_UTK_OLDEST = "Age_60_Up"
_FFHQ = re.compile(r"(?:.*/)?(\d{2}000)/(\d{5})\.\w+")
_FFHQ_TRAIN = 60_000  # the first so many, as the data set's own page divides it
_LFW = re.compile(r"(?:.*/)?([^/]+)/\1_\d{4}\.\w+")
_FULL_NAME = re.compile(r"[A-Z][^_]*_.")
_FULL_NAMES = 0.5  # share of the people; some have one word for a name
_HQ = re.compile(r"(train|val)/(male|female)/\d+\.\w+")


@dataclass(frozen=True)
class KnownSet:
    """A data set that was recognised.

    Attributes
    ----------
    kind : str
        As `Source.kind`.
    tables : CelebaTables
        What its names say, by `picture_key`.
    note : str
        One line for a person.
    """

    kind: str
    tables: CelebaTables
    note: str


def recognise(names: Sequence[str]) -> KnownSet | None:
    """Tell by their names of which data set pictures are; None where they are of none that is known here.

    Parameters
    ----------
    names : sequence of str
        POSIX paths relative to the source.
    """
    for pattern, read in _READERS:
        if not any(pattern.fullmatch(_matched(pattern, name)) for name in names[:_LOOKED_AT]):
            continue
        matches = {name: pattern.fullmatch(_matched(pattern, name)) for name in names}
        found = {name: match for name, match in matches.items() if match}
        if found and len(found) >= _SHARE * len(names):
            known = read(found)
            if known is not None:
                return known
    return None


def _matched(pattern: re.Pattern[str], name: str) -> str:
    """The part of a name that a pattern is about: UTKFace's pictures end in ``.jpg.chip.jpg`` or ``.jpg``."""
    return PurePosixPath(name).name.partition(".")[0] if pattern is _UTK else name


def _utkface(found: dict[str, re.Match[str]]) -> KnownSet:
    names = ("Male", *_UTK_AGES, _UTK_OLDEST, *_UTK_RACES)
    rows = []
    for match in found.values():
        age, woman, race = map(int, match.groups())
        ages = [int(age in years) for years in _UTK_AGES.values()]
        races = [int(race == number) for number in range(len(_UTK_RACES))]
        rows.append([1 - woman, *ages, int(not any(ages)), *races])
    tables = CelebaTables(names, AttributeRows([*map(picture_key, found)], np.array(rows)))
    return KnownSet("utkface", tables, "UTKFace, by its names: sex, age and race are attributes")


def _ffhq(found: dict[str, re.Match[str]]) -> KnownSet | None:
    numbers = {name: (int(match[1]), int(match[2])) for name, match in found.items()}
    if any(number // 1000 * 1000 != folder for folder, number in numbers.values()):
        return None
    splits = {
        picture_key(name): "train" if number < _FFHQ_TRAIN else "val" for name, (_, number) in numbers.items()
    }
    note = f"FFHQ, by its numbered folders: the first {_FFHQ_TRAIN} are train, the others val"
    return KnownSet("ffhq", CelebaTables(splits=splits), note)


def _lfw(found: dict[str, re.Match[str]]) -> KnownSet | None:
    people = {picture_key(name): match[1] for name, match in found.items()}
    folders = set(people.values())
    if sum(bool(_FULL_NAME.match(folder)) for folder in folders) < _FULL_NAMES * len(folders):
        return None  # a camera's IMG/IMG_0001.jpg
    note = f"LFW, by its folders: {len(folders)} people"
    return KnownSet(LFW, CelebaTables(identities=people), note)


def _celeba_hq(found: dict[str, re.Match[str]]) -> KnownSet:
    splits = {picture_key(name): match[1] for name, match in found.items()}
    sexes = np.array([[int(match[2] == "male")] for match in found.values()])
    attributes = AttributeRows([*map(picture_key, found)], sexes)
    note = "folders of train and val, male and female, as CelebA-HQ has them: splits and an attribute"
    return KnownSet("celeba-hq", CelebaTables(("Male",), attributes, splits=splits), note)


_READERS: Iterable[tuple[re.Pattern[str], Callable[[dict[str, re.Match[str]]], KnownSet | None]]] = (
    (_UTK, _utkface),
    (_FFHQ, _ffhq),
    (_LFW, _lfw),
    (_HQ, _celeba_hq),
)
