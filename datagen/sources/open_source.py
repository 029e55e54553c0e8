"""Open a source: CelebA or another data set, any folder tree or zip file of pictures, or the embedded demo."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.object_store import is_url
from unmask.datagen.pictures.header import read_header

from .celeba import WILD_FOLDER, CelebaTables, in_names_of, read_tables
from .celeba_hq import read_mapped_tables
from .known_sets import LFW, recognise
from .layout import Layout, find_layout, find_url_layout
from .people import identities_of
from .pictures import Pictures
from .source import PORTRAIT, Source, SourceFace, make_stems
from .splits import SPLITS


def open_source(
    spec: str, *, split: str | None = None, limit: int | None = None, identities: str = "auto"
) -> Source:
    """List the pictures of a source without opening them.

    Parameters
    ----------
    spec : str
        ``demo``, or a folder, zip file or URL: CelebA's layout is known by ``img_align_celeba`` or by its
        annotation files, other data sets by their folders and names.
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
        return _open_files(spec, split, limit, identities)
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


def _open_files(spec: str, split: str | None, limit: int | None, identities: str) -> Source:
    layout = find_url_layout(spec) if is_url(spec) else _local_layout(spec)
    pictures = layout.pictures
    may_be_celeba = (bool(layout.lists) and not layout.kind) or layout.columns is not None
    aligned = layout.aligned or (may_be_celeba and _has_aligned_picture(pictures))
    tables, kind, notes = _what_is_known(layout, aligned)
    if kind == LFW and identities == "none":
        tables = replace(tables, identities={})
    people = None if tables.identities else identities_of(pictures.names, identities)
    keys = [layout.key(name) for name in pictures.names]
    tables = in_names_of(tables, keys)
    notes += [*tables.notes, *tables.compare(set(keys)), *pictures.notes, *_note_people(people)]
    chosen = _choose([tables.splits.get(key, "") for key in keys], spec, split)[:limit]
    return Source(
        kind=kind,
        root=spec if is_url(spec) else str(pictures.root),
        faces=tuple(_faces(layout, chosen, tables, people, aligned)),
        attribute_names=tables.attribute_names,
        notes=tuple(notes),
    )


def _local_layout(spec: str) -> Layout:
    root = Path(spec)
    if not spec or not root.exists():
        raise ArgumentError("source", f"{spec!r}: no such folder (write demo for the embedded pictures)")
    return find_layout(root, spec)


def _note_people(people: list[str] | None) -> list[str]:
    if not people or not any(people):
        return []
    return [f"each folder is taken for a person: {len(set(people) - {''})} people"]


def _what_is_known(layout: Layout, aligned: bool) -> tuple[CelebaTables, str, list[str]]:
    """Return what lists or names say about the pictures, the source's kind, and what to note."""
    tables = read_tables(layout.lists, layout.texts)
    if layout.columns is not None:
        tables = layout.columns.tables()
    if layout.mapping is not None and layout.mapped:
        tables = read_mapped_tables(tables, layout.mapping, layout.mapped)
    if layout.kind:
        return tables, layout.kind, list(layout.notes)
    if layout.lists or aligned:
        return tables, "celeba", list(layout.notes)
    known = recognise(layout.pictures.names)
    return (known.tables, known.kind, [known.note]) if known else (tables, "folder", [])


def _has_aligned_picture(pictures: Pictures) -> bool:
    """Tell by the first readable picture whether these are CelebA's aligned ones."""
    from unmask.datagen.faces.detect import has_aligned_shape

    for name in pictures.names[:20]:
        path, member = pictures.place(name)
        try:
            header = read_header(SourceFace(name, name, path, member=member).read_bytes())
        except UnreadablePictureError:
            continue
        return has_aligned_shape(header.width, header.height)
    return False


def _faces(
    layout: Layout, chosen: list[int], tables: CelebaTables, people: list[str] | None, aligned: bool
) -> Iterable[SourceFace]:
    pictures = layout.pictures
    stems = make_stems(pictures.names)  # of all, so that none depends on what was chosen
    for number in chosen:
        name = pictures.names[number]
        key = layout.key(name)
        path, member = pictures.place(name)
        yield SourceFace(
            name=name,
            stem=stems[number],
            path=path,
            split=tables.splits.get(key, ""),
            identity=tables.identities.get(key, "") if people is None else people[number],
            attributes=tables.attributes.get(key, ()),
            aligned=aligned,
            # of the aligned pictures
            points5=None if pictures.root.name == WILD_FOLDER else tables.points5.get(key),
            member=member,
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
