"""Plain folders of pictures that go with each other by their names: photographs, true maps, clean pictures."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UserError

from .arrays import U8
from .coverage import open_coverage, what_is_wrong
from .open_picture import open_file
from .tree import list_pictures

PICTURES, CLEAN, MAPS = ("masked", "images", "photos"), ("clean", "unmasked"), ("map", "maps")
"""What the subfolders may be called."""
_NOUNS = "map maps mask masks masked unmasked clean gt truth original orig real face target label labels"
SAYS_WHAT = frozenset([*_NOUNS.split(), "seg", "alpha", "matte", "binary", "no", "without"])
"""Words in a file's name that say what a picture is, not which one it is."""
_KINDS_WITH_DIGITS = re.compile(r"kn?95|n9[59]|ffp[123]|kf94|3d")


def subfolder(folder: Path, names: Iterable[str]) -> Path | None:
    """Return the first subfolder of one of these names, None where there is none."""
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def by_stem(folder: Path | None) -> dict[str, Path]:
    """Return the pictures of a folder by their names without extension.

    Raises
    ------
    UserError
        When it is no folder, or two pictures differ in their extensions only.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder")
    listing = list_pictures(folder, set())
    if listing.incomplete:  # pictures would be without their partners, and nobody told why
        raise UserError(f"{folder}: {listing.notes[-1]}")
    found: dict[str, Path] = {}
    for name in listing.names:
        stem = name.rpartition(".")[0]
        if stem in found:
            both = f"{found[stem].relative_to(folder)} and {name}"
            raise UserError(f"{folder}: {both} have one name but for the extension; leave one of them there")
        found[stem] = folder / name
    return found


class Partners:
    """The pictures of a folder, by the name of another picture that they go with.

    A picture of the very name is the partner; else the one with the longest start in common, as generators of
    masks name what they make: ``000001_surgical``, ``000001_N95`` or ``000001_Mask`` with ``000001``, and
    ``000001_masked`` with ``000001_clean``; else the one with the longest end in common (``mask_000001``), and the
    folders of kinds (``N95/000001``) do not matter where the partners lie in none. Small and capital letters are
    one where no two partners differ by them. What the partner has beyond what is common may only say what it is,
    not which one it is, and so may what a picture has before a common end: words, no numbers.

    Parameters
    ----------
    pictures : mapping of str to Path
        From `by_stem`.
    """

    def __init__(self, pictures: Mapping[str, Path]) -> None:
        folds = len({stem.lower() for stem in pictures}) == len(pictures)
        self._fold = str.lower if folds else str
        self._pictures = {self._fold(stem): path for stem, path in pictures.items()}
        self._flat = not any("/" in stem for stem in pictures)
        self._by_start: dict[str, list[str]] = {}
        self._by_end: dict[str, list[str]] = {}
        for stem in self._pictures:
            for start in _starts(stem):
                if SAYS_WHAT.issuperset(_words(stem[len(start) :])):
                    self._by_start.setdefault(start, []).append(stem)
            for end in _ends(stem):
                if SAYS_WHAT.issuperset(_words(stem[: -len(end)])):
                    self._by_end.setdefault(end, []).append(stem)

    def __bool__(self) -> bool:
        return bool(self._pictures)

    def find(self, stem: str, path: Path) -> Path | None:
        """Return the partner of a picture, None where it has none; it is not its own one."""
        found = self._find(self._fold(stem), path)
        folder, _, name = stem.rpartition("/")
        if found is None and folder and self._flat and not _has_number(folder):
            return self._find(self._fold(name), path)
        return found

    def _find(self, stem: str, path: Path) -> Path | None:
        exact = self._pictures.get(stem)
        if exact is not None and exact != path:
            return exact
        for start in _starts(stem):
            if start in self._pictures and start != stem:
                return self._pictures[start]
            others = self._by_start.get(start, ())
            if others and exact is None:
                return self._pictures[others[0]] if len(others) == 1 else None
        for end in _ends(stem) if exact is None else ():
            if _has_number(stem[: -len(end)]) or SAYS_WHAT.issuperset(_words(end)):
                continue
            others = [end] if end in self._pictures else self._by_end.get(end, ())
            if others:
                return self._pictures[others[0]] if len(others) == 1 else None
        return None


def _words(text: str) -> set[str]:
    return set(filter(None, re.split(r"[^a-z0-9]+", text.lower())))


def _has_number(text: str) -> bool:
    """Whether a part of a name may say which picture it is: a number that is not one of a kind of masks."""
    words = _words(text)
    return any(re.search(r"\d", word) and not _KINDS_WITH_DIGITS.fullmatch(word) for word in words)


def _ends(stem: str) -> Iterator[str]:
    """Yield the ends of a name that begin where a word or a number does, the longest first, without its folder."""
    for begin in range(stem.rfind("/") + 2, len(stem)):
        before, after = stem[begin - 1], stem[begin]
        if after.isalnum() and (not before.isalnum() or (after.isdigit() and not before.isdigit())):
            yield stem[begin:]


def _starts(stem: str) -> Iterator[str]:
    """Yield the name and its starts that end where a word or a number does, the longest first."""
    yield stem
    for end in range(len(stem) - 1, stem.rfind("/") + 1, -1):
        before, after = stem[end - 1], stem[end]
        if before.isalnum() and (not after.isalnum() or (before.isdigit() and not after.isdigit())):
            yield stem[:end]


@dataclass(frozen=True)
class Pair:
    """A masked picture, by its name without extension, and what goes with it; None where there is none."""

    stem: str
    masked: Path
    map: Path | None
    clean: Path | None


@dataclass(frozen=True)
class Pairing:
    """The pictures of a folder that have all partners, how many have not, by what they lack, and notes."""

    pairs: tuple[Pair, ...]
    left_out: Mapping[str, int]
    notes: tuple[str, ...]


def pair_pictures(pictures: Path, maps: Path | None, clean: Path | None) -> Pairing:
    """Pair the pictures of a folder with true maps, clean pictures or both, by their names (`Partners`).

    Raises
    ------
    UserError
        Naming the folder: no picture in it, or none that has its partner.
    """
    masked = by_stem(pictures)
    if not masked:
        raise UserError(f"{pictures}: no jpg, jpeg, png, webp or bmp picture in it")
    partners = {"clean": Partners(by_stem(clean)), "map": Partners(by_stem(maps))}
    found, left_out = list[Pair](), Counter[str]()
    for stem, path in masked.items():
        with_it = {name: files.find(stem, path) for name, files in partners.items()}
        lacks = [name for name, files in partners.items() if files and with_it[name] is None]
        if lacks:
            left_out[f"no_{lacks[0]}"] += 1
        else:
            found.append(Pair(stem, path, with_it["map"], with_it["clean"]))
    if not found:
        missing = max(left_out.items(), key=lambda pair: pair[1])[0]
        name, where = ("clean", clean) if missing == "no_clean" else ("maps", maps)
        raise ArgumentError(name, f"{where}: no picture named {next(iter(masked))!r}")
    return Pairing(tuple(found), dict(left_out), _by_start(found))


def _by_start(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Say how many pictures have a partner of another name."""
    every = [(pair, partner) for pair in pairs for partner in (pair.clean, pair.map)]
    loose = {
        pair.masked: partner
        for pair, partner in every
        if partner is not None and not partner.with_suffix("").as_posix().endswith(f"/{pair.stem}")
    }
    if not loose:
        return ()
    path, partner = next(iter(loose.items()))
    count = "1 picture is" if len(loose) == 1 else f"{len(loose)} pictures are"
    return (f"{count} paired by a part of the name, first {path.name} with {partner.name}",)


def mapped_photos(folder: Path) -> list[tuple[Path, Path]]:
    """Return the photographs of a folder and their maps, in order of names.

    Parameters
    ----------
    folder : Path
        With a subfolder ``maps``, and one ``images`` or the pictures themselves.

    Raises
    ------
    UserError
        When it has no maps, or none of its pictures has one.
    """
    maps = subfolder(folder, MAPS)
    if maps is None:
        raise UserError(f"{folder}: no subfolder {' or '.join(MAPS)} with the true maps")
    known = Partners(by_stem(maps))
    photos = by_stem(subfolder(folder, PICTURES) or folder)
    found = [(path, known.find(stem, path)) for stem, path in photos.items()]
    pairs = [(path, map_) for path, map_ in found if map_ is not None]
    if not pairs:
        raise UserError(f"{folder}: no picture has a map of its name in {maps}")
    return pairs


def read_mapped(photo: Path, map_: Path) -> tuple[U8, U8]:
    """Decode a photograph (h, w, 3) and its map (h, w), 0..255; UserError where they do not fit or it is no map."""
    image, coverage = open_file(photo), open_coverage(map_)
    check_map(map_, coverage, photo, image)
    return image, coverage


def check_map(path: Path, coverage: U8, of: Path, picture: U8) -> None:
    """Raise UserError where somebody's own map has another size than its picture, or marks no mask."""
    check_size(path, coverage, of, picture)
    wrong = what_is_wrong(coverage)
    if wrong:
        raise UserError(f"{path}: {wrong}")


def check_size(path: Path, image: U8, of: Path, picture: U8) -> None:
    """Raise UserError where a partner has another size than its picture."""
    if image.shape[:2] != picture.shape[:2]:
        raise UserError(
            f"{path}: {image.shape[1]}x{image.shape[0]} pixels, its picture {of.name} has "
            f"{picture.shape[1]}x{picture.shape[0]}"
        )
