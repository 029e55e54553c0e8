"""Open a source: a CelebA folder, any folder tree of pictures, or the embedded demo."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.inside import real_path
from unmask.datagen.pictures.header import read_header
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS, list_pictures

from .annotation_table import picture_key
from .celeba import (
    OFFICIAL_FOLDER,
    PICTURE_FOLDER,
    PICTURE_FOLDERS,
    WILD_FOLDER,
    CelebaTables,
    find_annotation_files,
    read_tables,
)
from .source import PORTRAIT, Source, SourceFace, make_stems
from .splits import SPLITS


def open_source(spec: str, *, split: str | None = None, limit: int | None = None) -> Source:
    """List the pictures of a source without opening them.

    Parameters
    ----------
    spec : str
        ``demo``, or a folder: CelebA's layout is known by ``img_align_celeba`` (also in ``Img``, or as
        ``img_align_celeba_png`` or ``img_celeba``; one of them is taken) or by its annotation files.
    split : str, optional
        ``train``, ``val`` or ``test``; ``all`` or None keeps every picture.
    limit : int, optional
        Keep the first so many, after the split.

    Raises
    ------
    UserError
        For what a person can mend, naming the argument or the path.
    """
    if split is not None and split not in (*SPLITS, "all"):
        raise ArgumentError("split", f"{split}: not one of {', '.join(SPLITS)}, all")
    if limit is not None and limit < 1:
        raise ArgumentError("limit", f"{limit}: must be at least 1")
    if spec != "demo":
        return _open_folder(spec, split, limit)
    source = open_demo()
    if Path(spec).exists():
        notes = (*source.notes, "demo is the embedded source; write ./demo for the folder")
        source = replace(source, notes=notes)
    chosen = _choose([face.split for face in source.faces], spec, split)
    return replace(source, faces=tuple(source.faces[number] for number in chosen[:limit]))


def _choose(splits: list[str], spec: str, split: str | None) -> list[int]:
    """Numbers of the pictures that are in a split."""
    if split in (None, "all"):
        return list(range(len(splits)))
    if not any(splits):
        raise ArgumentError(
            "split", f"{split}: {spec} has no list_eval_partition.txt or .csv that names its pictures"
        )
    chosen = [number for number, each in enumerate(splits) if each == split]
    if not chosen:
        raise ArgumentError("split", f"{split}: no picture of {spec} is in it")
    return chosen


def _open_folder(spec: str, split: str | None, limit: int | None) -> Source:
    root = Path(spec)
    if not spec or not root.exists():
        raise ArgumentError("source", f"{spec!r}: no such folder (write demo for the embedded pictures)")
    if not root.is_dir():
        raise ArgumentError("source", f"{spec}: not a folder")
    pictures, files, layout_notes = _celeba_layout(root)
    listing = list_pictures(pictures, {str(path) for path in files.values()})
    if not listing.names:
        left_out = f" ({'; '.join(listing.notes)})" if listing.notes else ""
        raise ArgumentError(
            "source", f"{spec}: no jpg, jpeg, png, webp or bmp picture in {pictures}{left_out}"
        )
    aligned = pictures.name == PICTURE_FOLDER or (
        bool(files) and _has_aligned_picture(pictures, listing.names)
    )
    tables = read_tables(files)
    keys = [picture_key(name) for name in listing.names]
    notes = [*layout_notes, *tables.notes, *tables.compare(set(keys)), *listing.notes]
    chosen = _choose([tables.splits.get(key, "") for key in keys], spec, split)[:limit]
    return Source(
        kind="celeba" if files or aligned else "folder",
        root=str(pictures),
        faces=tuple(_faces(pictures, listing.names, chosen, tables, aligned)),
        attribute_names=tables.attribute_names,
        notes=tuple(notes),
    )


def _celeba_layout(root: Path) -> tuple[Path, dict[str, Path], list[str]]:
    """Return the folder that holds the pictures, the annotation files that belong to it, and notes."""
    above = _above(root)
    for place in (root, root / OFFICIAL_FOLDER):
        there = [name for name in PICTURE_FOLDERS if (place / name).is_dir()]
        if not there:
            continue
        pictures = place / there[0]
        files = _first_files([root, place, pictures, *above])
        nested = pictures / there[0]
        if nested.is_dir() and not _has_pictures(pictures):
            pictures = nested
        others = ", ".join(there[1:])
        notes = [f"pictures of {there[0]}; the same faces are in {others}: name one of them to take it"]
        return pictures, files, notes if others else []
    if real_path(root).name in PICTURE_FOLDERS:
        return real_path(root), _first_files([root, *above]), []
    return root, find_annotation_files(root), []


def _above(root: Path) -> list[Path]:
    """Folders that may hold the lists of a picture folder, or of the official download's folder of those."""
    path = real_path(root)
    above = []
    if path.name in PICTURE_FOLDERS:
        path = path.parent
        above.append(path)
    if path.name == OFFICIAL_FOLDER:
        above.append(path.parent)
    return above


def _first_files(places: Sequence[Path]) -> dict[str, Path]:
    return next((files for place in places if (files := find_annotation_files(place))), {})


def _has_pictures(folder: Path) -> bool:
    return any(entry.suffix.lower() in PICTURE_EXTENSIONS for entry in folder.iterdir())


def _has_aligned_picture(folder: Path, names: list[str]) -> bool:
    """Tell by the first readable picture whether the folder holds CelebA's aligned pictures."""
    from unmask.datagen.faces.detect import has_aligned_shape

    for name in names[:20]:
        try:
            header = read_header((folder / name).read_bytes())
        except (OSError, UnreadablePictureError):
            continue
        return has_aligned_shape(header.width, header.height)
    return False


def _faces(
    folder: Path, names: list[str], chosen: list[int], tables: CelebaTables, aligned: bool
) -> Iterable[SourceFace]:
    stems = make_stems(names)  # of all, so that none depends on what was chosen
    for number in chosen:
        name = names[number]
        key = picture_key(name)
        yield SourceFace(
            name=name,
            stem=stems[number],
            path=folder / name,
            split=tables.splits.get(key, ""),
            identity=tables.identities.get(key, ""),
            attributes=tables.attributes.get(key, ()),
            aligned=aligned,
            # of the aligned pictures
            points5=None if folder.name == WILD_FOLDER else tables.points5.get(key),
        )


@lru_cache(maxsize=1)
def open_demo() -> Source:
    """Return the embedded source, named as `write_demo` names its files; nothing is drawn yet."""
    # the drawing code is not needed for files
    from unmask.datagen.drawn_faces.attributes import ATTRIBUTE_NAMES
    from unmask.datagen.drawn_faces.demo import DEMO_FACES, part_of
    from unmask.datagen.drawn_faces.face import draw_params

    faces = []
    for index in range(DEMO_FACES):
        params = draw_params(index, 0)
        stem = f"{index + 1:06d}"
        face = SourceFace(
            name=f"{stem}.jpg",
            stem=stem,
            path=None,
            split=SPLITS[part_of(params.identity)],
            identity=str(params.identity),
            attributes=tuple(int(params.has(name)) for name in ATTRIBUTE_NAMES),
            aligned=True,
            demo_index=index,
        )
        faces.append(face)
    # the portrait is a photograph like any other: not aligned, detected, in no split
    faces.append(SourceFace("portrait.jpg", "portrait", None, demo_index=PORTRAIT))
    return Source("demo", "demo", tuple(faces), tuple(ATTRIBUTE_NAMES))
