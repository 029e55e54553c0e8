"""Where clean faces come from: a CelebA folder, any folder tree of pictures, or the embedded demo."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .celeba import (
    PICTURE_FOLDER,
    SPLITS,
    CelebaTables,
    find_annotation_files,
    picture_key,
    read_tables,
)
from .errors import UnreadablePictureError, UserError
from .landmarks import Landmarks
from .picture_header import read_header
from .picture_tree import PICTURE_EXTENSIONS, list_pictures

PORTRAIT = -1  # index of the portrait among the demo's pictures
_STEM_BYTES = 200  # a file name may have 255: variant, extension and `.part` come after the stem


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

    def read_bytes(self) -> bytes:
        """Return the encoded picture.

        Raises
        ------
        UnreadablePictureError
            When the file cannot be read.
        """
        if self.path is None:
            from .source_demo import demo_bytes  # the drawing code is not needed for files

            return demo_bytes(PORTRAIT if self.demo_index is None else self.demo_index)
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise UnreadablePictureError(f"cannot be read: {error.strerror or error}") from error

    def known_landmarks(self) -> list[Landmarks] | None:
        """Return the landmarks that need no detection (drawn faces), or None."""
        if self.demo_index is None:
            return None
        from .source_demo import demo_landmarks

        return demo_landmarks(self.demo_index)


@dataclass(frozen=True)
class Source:
    """An opened source.

    Attributes
    ----------
    kind : str
        ``celeba``, ``folder`` or ``demo``.
    root : str
        The picture folder, or ``demo``.
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


def open_source(spec: str, *, split: str | None = None, limit: int | None = None) -> Source:
    """List the pictures of a source without opening them.

    Parameters
    ----------
    spec : str
        ``demo``, or a folder: CelebA's layout is known by ``img_align_celeba`` or by its annotation files.
    split : str, optional
        ``train``, ``val`` or ``test``; ``all`` or None keeps every picture.
    limit : int, optional
        Keep the first so many, after the split.

    Raises
    ------
    UserError
        For what a person can mend, naming the flag or the path.
    """
    if split is not None and split not in (*SPLITS, "all"):
        raise UserError(f"--split {split}: not one of {', '.join(SPLITS)}, all")
    if limit is not None and limit < 1:
        raise UserError(f"--limit {limit}: must be at least 1")
    if spec == "demo":
        from .source_demo import open_demo

        source = open_demo()
        if Path(spec).exists():
            source = replace(
                source, notes=(*source.notes, "demo is the embedded source; write ./demo for the folder")
            )
    else:
        source = _open_folder(spec)
    faces = source.faces
    if split not in (None, "all"):
        if not any(face.split for face in faces):
            raise UserError(
                f"--split {split}: {spec} has no list_eval_partition.txt or .csv that names its pictures"
            )
        faces = tuple(face for face in faces if face.split == split)
        if not faces:
            raise UserError(f"--split {split}: no picture of {spec} is in it")
    return replace(source, faces=faces[:limit])


def make_stems(names: Iterable[str]) -> list[str]:
    """Return the stem of each name: folders joined by ``__``, extension dropped, unique.

    Where several names give one stem (or stems that differ in case only, which some file systems take for
    one), the first in order keeps it and the others get ``~`` and 8 hex digits of their name's blake2b. So
    does a stem that is too long for a file's name, after it was cut.
    """
    taken: set[str] = set()
    stems = []
    for name in names:
        stem = (name.rpartition(".")[0] or name).replace("/", "__")
        if stem.casefold() in taken or len(stem.encode("utf-8", "surrogateescape")) > _STEM_BYTES:
            stem = marked_stem(stem, name)
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def marked_stem(stem: str, name: str) -> str:
    """Return a stem of at most 200 bytes that only the picture of this name has: ``<stem>~<8 hex digits>``."""
    mark = "~" + hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    kept = stem.encode("utf-8", "surrogateescape")
    if len(kept) + len(mark) > _STEM_BYTES:
        stem = kept[: _STEM_BYTES - len(mark)].decode("utf-8", "ignore")  # no half of a character
    return stem + mark


def _open_folder(spec: str) -> Source:
    root = Path(spec)
    if not spec or not root.exists():
        raise UserError(f"SOURCE {spec!r}: no such folder (write demo for the embedded pictures)")
    if not root.is_dir():
        raise UserError(f"SOURCE {spec}: not a folder")
    pictures, files = _celeba_layout(root)
    listing = list_pictures(pictures, {str(path) for path in files.values()})
    if not listing.names:
        left_out = f" ({'; '.join(listing.notes)})" if listing.notes else ""
        raise UserError(f"SOURCE {spec}: no jpg, jpeg, png, webp or bmp picture in {pictures}{left_out}")
    aligned = pictures.name == PICTURE_FOLDER or (
        bool(files) and _has_aligned_picture(pictures, listing.names)
    )
    tables = read_tables(files)
    notes = [*tables.notes, *tables.compare({picture_key(name) for name in listing.names}), *listing.notes]
    return Source(
        kind="celeba" if files or aligned else "folder",
        root=str(pictures),
        faces=tuple(_faces(pictures, listing.names, tables, aligned)),
        attribute_names=tables.attribute_names,
        notes=tuple(notes),
    )


def _celeba_layout(root: Path) -> tuple[Path, dict[str, Path]]:
    """Return the folder that holds the pictures, and the annotation files that belong to it."""
    pictures = root / PICTURE_FOLDER
    if pictures.is_dir():
        nested = pictures / PICTURE_FOLDER
        if nested.is_dir() and not _has_pictures(pictures):
            pictures = nested
        return pictures, find_annotation_files(root) or find_annotation_files(root / PICTURE_FOLDER)
    files = find_annotation_files(root)
    if root.resolve().name == PICTURE_FOLDER:
        files = files or find_annotation_files(root.resolve().parent)
        return root.resolve(), files
    return root, files


def _has_pictures(folder: Path) -> bool:
    return any(entry.suffix.lower() in PICTURE_EXTENSIONS for entry in folder.iterdir())


def _has_aligned_picture(folder: Path, names: list[str]) -> bool:
    """Tell by the first readable picture whether the folder holds CelebA's aligned pictures."""
    from .detect import has_aligned_shape

    for name in names[:20]:
        try:
            header = read_header((folder / name).read_bytes())
        except (OSError, UnreadablePictureError):
            continue
        return has_aligned_shape(header.width, header.height)
    return False


def _faces(folder: Path, names: list[str], tables: CelebaTables, aligned: bool) -> Iterable[SourceFace]:
    for name, stem in zip(names, make_stems(names), strict=True):
        key = picture_key(name)
        yield SourceFace(
            name=name,
            stem=stem,
            path=folder / name,
            split=tables.splits.get(key, ""),
            identity=tables.identities.get(key, ""),
            attributes=tables.attributes.get(key, ()),
            aligned=aligned,
            points5=tables.points5.get(key),
        )
