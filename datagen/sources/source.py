"""A source of clean faces: its pictures, and what is known about each."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.picture import encode_jpg

PORTRAIT = -1  # index of the embedded source's portrait among its pictures
_STEM_BYTES = 200  # a file name may have 255: variant, extension and `.part` come after the stem


class Member(Protocol):
    """Where a picture lies in a file of several; small, and picklable."""

    def read(self, path: Path) -> bytes:
        """Return its bytes; UnreadablePictureError where that is not possible."""


@dataclass(frozen=True, slots=True)
class SourceFace:
    """One source picture and what is known about it; small, and picklable for workers.

    Attributes
    ----------
    name : str
        POSIX path relative to the picture folder.
    stem : str
        Key without variant: the name without extension, folders joined by ``__``; unique in the source.
    path : Path or None
        The file; None for the embedded demo.
    split : str
        ``train``, ``val``, ``test`` or, where unknown, empty.
    identity : str
        Empty where unknown.
    attributes : tuple of int
        0/1 in the order of ``Source.attribute_names``; empty where unknown.
    aligned : bool
        True for the framing of aligned CelebA: detection may be skipped.
    points5 : tuple of 10 floats or None
        CelebA's own points, in pixels of the 178 x 218 picture.
    demo_index : int or None
        Which drawn face this is, or ``PORTRAIT``; None for files.
    member : Member or None
        Which of the pictures of the file this is; None where the file is a picture.
    """

    name: str
    stem: str
    path: Path | None
    split: str = ""
    identity: str = ""
    attributes: tuple[int, ...] = ()
    aligned: bool = False
    points5: tuple[float, ...] | None = None
    demo_index: int | None = None
    member: Member | None = None

    def read_bytes(self) -> bytes:
        """Return the encoded picture.

        Raises
        ------
        UnreadablePictureError
            When the file cannot be read.
        """
        if self.path is None:
            # the drawing code is not needed for files
            from unmask.datagen.drawn_faces.demo import JPEG_QUALITY, draw_demo_face, portrait_rgb

            index = self.demo_index
            image = portrait_rgb() if index in (None, PORTRAIT) else draw_demo_face(index).image_rgb
            return encode_jpg(image, JPEG_QUALITY)
        if self.member is not None:
            return self.member.read(self.path)
        try:
            return read_whole(self.path)
        except OSError as error:
            raise UnreadablePictureError(f"cannot be read: {error.strerror or error}") from error

    def known_landmarks(self) -> list[Landmarks] | None:
        """Return the landmarks that need no detection (drawn faces), or None."""
        if self.demo_index is None or self.demo_index == PORTRAIT:
            return None
        from unmask.datagen.drawn_faces.demo import drawn_landmarks

        return [Landmarks(drawn_landmarks(self.demo_index), "drawn")]


@dataclass(frozen=True)
class Source:
    """An opened source.

    Attributes
    ----------
    kind : str
        ``celeba``, ``celebamask-hq``, ``celeba-hq``, ``ffhq``, ``lfw``, ``utkface``, ``huggingface``, ``folder``
        or ``demo``.
    root : str
        The folder of the pictures or the file that holds them, or ``demo``.
    faces : tuple of SourceFace
        Sorted by name.
    attribute_names : tuple of str
        Empty where there are no attributes.
    notes : tuple of str
        What a person should know: files left out, lists that do not match the folder.
    """

    kind: str
    root: str
    faces: tuple[SourceFace, ...]
    attribute_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def make_stems(names: Iterable[str]) -> list[str]:
    """Return the stem of each name: folders joined by ``__``, extension dropped, unique.

    Where several names give one stem (or stems that differ in case only, which some file systems take for
    one), the first in order keeps it and the others get ``~`` and 8 hex digits of their name's blake2b. So
    does a stem that is too long for a file's name, after it was cut.
    """
    names = list(names)
    plain = [(name.rpartition(".")[0] or name).replace("/", "__") for name in names]
    # A character has at most four bytes.
    if (
        len(set(map(str.casefold, plain))) == len(plain)
        and 4 * max(map(len, plain), default=0) <= _STEM_BYTES
    ):
        return plain
    taken: set[str] = set()
    stems = []
    for name, stem in zip(names, plain, strict=True):
        folded = stem.casefold()
        if folded in taken or fitted_stem(stem, name) != stem:
            stem = marked_stem(stem, name)
            folded = stem.casefold()
        taken.add(folded)
        stems.append(stem)
    return stems


def fitted_stem(stem: str, name: str) -> str:
    """Return the stem of a picture where a file can be called so, else `marked_stem`."""
    return marked_stem(stem, name) if len(stem.encode("utf-8", "surrogateescape")) > _STEM_BYTES else stem


def marked_stem(stem: str, name: str) -> str:
    """Return a stem of at most 200 bytes that only the picture of this name has: ``<stem>~<8 hex digits>``."""
    mark = "~" + hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    kept = stem.encode("utf-8", "surrogateescape")
    if len(kept) + len(mark) > _STEM_BYTES:
        stem = kept[: _STEM_BYTES - len(mark)].decode("utf-8", "ignore")  # no half of a character
    return stem + mark
