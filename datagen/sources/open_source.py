"""Open a source: a CelebA folder, any folder tree of pictures, or the embedded demo."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.inside import real_path
from unmask.datagen.pictures.header import read_header
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS, list_pictures

from .annotation_table import picture_key
from .celeba import PICTURE_FOLDER, CelebaTables, find_annotation_files, read_tables
from .people import identities_of
from .source import PORTRAIT, Source, SourceFace, make_stems
from .splits import SPLITS


def open_source(
    spec: str, *, split: str | None = None, limit: int | None = None, identities: str = "auto"
) -> Source:
    """List the pictures of a source without opening them.

    Parameters
    ----------
    spec : str
        ``demo``, or a folder: CelebA's layout is known by ``img_align_celeba`` or by its annotation files.
    split : str, optional
        ``train``, ``val`` or ``test``; ``all`` or None keeps every picture.
    limit : int, optional
        Keep the first so many, after the split.
    identities : str
        Whether folders are people, where no list says who is in a picture: as for `identities_of`.

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
        return _open_folder(spec, split, limit, identities)
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


def _open_folder(spec: str, split: str | None, limit: int | None, identities: str) -> Source:
    root = Path(spec)
    if not spec or not root.exists():
        raise ArgumentError("source", f"{spec!r}: no such folder (write demo for the embedded pictures)")
    if not root.is_dir():
        raise ArgumentError("source", f"{spec}: not a folder")
    pictures, files = _celeba_layout(root)
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
    people = None if tables.identities else identities_of(listing.names, identities)
    notes = [*tables.notes, *tables.compare(set(keys)), *listing.notes, *_note_people(people)]
    chosen = _choose([tables.splits.get(key, "") for key in keys], spec, split)[:limit]
    return Source(
        kind="celeba" if files or aligned else "folder",
        root=str(pictures),
        faces=tuple(_faces(pictures, listing.names, chosen, tables, people, aligned)),
        attribute_names=tables.attribute_names,
        notes=tuple(notes),
    )


def _note_people(people: list[str] | None) -> list[str]:
    if not people or not any(people):
        return []
    return [f"each folder is taken for a person: {len(set(people) - {''})} people"]


def _celeba_layout(root: Path) -> tuple[Path, dict[str, Path]]:
    """Return the folder that holds the pictures, and the annotation files that belong to it."""
    pictures = root / PICTURE_FOLDER
    if pictures.is_dir():
        nested = pictures / PICTURE_FOLDER
        if nested.is_dir() and not _has_pictures(pictures):
            pictures = nested
        return pictures, find_annotation_files(root) or find_annotation_files(root / PICTURE_FOLDER)
    files = find_annotation_files(root)
    if real_path(root).name == PICTURE_FOLDER:
        files = files or find_annotation_files(real_path(root).parent)
        return real_path(root), files
    return root, files


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
    folder: Path,
    names: list[str],
    chosen: list[int],
    tables: CelebaTables,
    people: list[str] | None,
    aligned: bool,
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
            identity=tables.identities.get(key, "") if people is None else people[number],
            attributes=tables.attributes.get(key, ()),
            aligned=aligned,
            points5=tables.points5.get(key),
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
