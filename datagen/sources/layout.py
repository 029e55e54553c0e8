"""Where in a source its pictures lie, and which of CelebA's lists belong to them: by what people download."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.inside import real_path
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

from .annotation_table import picture_key
from .celeba import (
    ANNOTATION_NAMES,
    ATTRIBUTES,
    OFFICIAL_FOLDER,
    PICTURE_FOLDER,
    PICTURE_FOLDERS,
    count_pictures,
    find_annotation_files,
)
from .celeba_hq import ATTRIBUTES_FILE, MAPPING_FILE, PARTS, PICTURES
from .hugging_face import Columns, find_metadata, read_metadata
from .parquet_pictures import find_parquet, read_parquet
from .pictures import Pictures, folder_pictures, zip_pictures
from .url_pictures import list_url
from .zip_pictures import list_zip

ZIP_NAME = f"{PICTURE_FOLDER}.zip"
# Below which folder of a download the pictures or their zip may be: torchvision's root, the official folders
_CELEBA_PLACES = ("", "celeba", "CelebA", OFFICIAL_FOLDER, f"CelebA/{OFFICIAL_FOLDER}")
HUGGING_FACE = "huggingface"
_FFHQ_FOLDERS = ("images1024x1024", "thumbnails128x128")


@dataclass(frozen=True)
class Layout:
    """A source that was found.

    Attributes
    ----------
    pictures : Pictures
    lists : dict of str to Path
        Annotation name to file; a list in a zip file has a path that begins with the zip's.
    texts : dict of Path to bytes
        The content of those that are no files.
    aligned : bool
        Whether the pictures lie in a folder that only CelebA's aligned ones have.
    kind : str
        Which data set's folders these are; "" where they do not tell.
    notes : tuple of str
    mapping : Path or None
        CelebAMask-HQ's file of the CelebA pictures that its own were made of.
    mapped : dict of str to Path
        CelebA's lists beside it.
    columns : Columns or None
        What a Hugging Face data set says, by the pictures' names.
    """

    pictures: Pictures
    lists: dict[str, Path] = field(default_factory=dict)
    texts: dict[Path, bytes] = field(default_factory=dict)
    aligned: bool = False
    kind: str = ""
    notes: tuple[str, ...] = ()
    mapping: Path | None = None
    mapped: dict[str, Path] = field(default_factory=dict)
    columns: Columns | None = None

    def key(self, name: str) -> str:
        """Return what links a picture with what is known about it."""
        return picture_key(name) if self.columns is None else name


def find_layout(root: Path, spec: str) -> Layout:
    """Find the pictures of a folder or a zip file without opening any.

    Raises
    ------
    UserError
        Naming ``source``, where it is neither or has no picture.
    """
    if not root.is_dir():
        if root.suffix.lower() == ".parquet":
            return _parquet(root.parent, [root], spec)
        if root.suffix.lower() != ".zip":
            raise ArgumentError("source", f"{spec}: not a folder, nor a zip or parquet file")
        return _zip_layout(
            root, find_annotation_files(root.parent) or find_annotation_files(root.parent.parent)
        )
    if (root / PICTURES).is_dir():
        return _mask_hq(root, spec)
    if real_path(root).name == PICTURES:
        return _mask_hq(real_path(root).parent, spec)
    return _celeba(root, spec) or _hugging_face(root, spec) or _plain(root, spec)


def _celeba(root: Path, spec: str) -> Layout | None:
    """CelebA's pictures, in one of their folders or in the zip file that they come in."""
    for name in _CELEBA_PLACES:
        place = root / name
        there = [folder for folder in PICTURE_FOLDERS if (place / folder).is_dir()]
        zipped = place / ZIP_NAME
        if there and not (there[0] != PICTURE_FOLDER and zipped.is_file()):
            pictures = place / there[0]
            lists = _first_lists([place, pictures, *([place.parent] if name else []), *_above(place)])
            nested = pictures / there[0]
            if nested.is_dir() and not _has_pictures(pictures):
                pictures = nested
            others = ", ".join(there[1:])
            note = f"pictures of {there[0]}; the same faces are in {others}: name one of them to take it"
            found = folder_pictures(pictures, spec, _paths(lists))
            return Layout(found, lists, aligned=there[0] == PICTURE_FOLDER, notes=(note,) if others else ())
        if zipped.is_file():
            return _zip_layout(
                zipped, _first_lists([place, *([place.parent] if name else []), *_above(place)])
            )
    return None


def _above(place: Path) -> list[Path]:
    """Folders above pictures that may hold their lists: Kaggle nests the folder, the official one lies in Img."""
    path = real_path(place)
    above = list[Path]()
    while path.name in PICTURE_FOLDERS:
        path = path.parent
        above.append(path)
    if path.name == OFFICIAL_FOLDER:
        above.append(path.parent)
    return above


def _first_lists(places: Iterable[Path]) -> dict[str, Path]:
    return next((lists for place in places if (lists := find_annotation_files(place))), {})


def _plain(root: Path, spec: str) -> Layout:
    lists = _first_lists([root, *_above(root)])
    name = real_path(root).name
    if name in PICTURE_FOLDERS:
        root = real_path(root)
        return Layout(folder_pictures(root, spec, _paths(lists)), lists, aligned=name == PICTURE_FOLDER)
    sizes = [name for name in _FFHQ_FOLDERS if (root / name).is_dir()]
    if len(sizes) > 1:
        raise ArgumentError("source", f"{spec}: holds {' and '.join(sizes)}: name one of them")
    if sizes:
        root = root / sizes[0]
    return Layout(folder_pictures(root, spec, _paths(lists)), lists)


def _hugging_face(root: Path, spec: str) -> Layout | None:
    """Folders with metadata of their pictures, or parquet files that hold both."""
    parquet = find_parquet(root)
    if parquet:
        return _parquet(root, parquet, spec)
    metadata = find_metadata(root)
    if not metadata:
        return None
    columns = read_metadata(root, metadata)
    pictures = folder_pictures(root, spec, {str(path) for path in metadata})
    names = ", ".join(dict.fromkeys(path.name for path in metadata))
    there, named = set(pictures.names), set(columns.names)
    notes = [f"Hugging Face, by {names}"]
    if named - there:
        notes.append(f"{names} names {count_pictures(len(named - there))} not in the folder")
    if there - named:
        notes.append(f"{names} does not name {count_pictures(len(there - named))} in the folder")
    return Layout(pictures, kind=HUGGING_FACE, notes=tuple(notes), columns=columns)


def _parquet(root: Path, files: list[Path], spec: str) -> Layout:
    pictures, columns = read_parquet(root, files, spec)
    note = f"Hugging Face, by {len(files)} parquet file{'s'[: len(files) != 1]}"
    return Layout(pictures, kind=HUGGING_FACE, notes=(note,), columns=columns)


def _mask_hq(root: Path, spec: str) -> Layout:
    own = root / ATTRIBUTES_FILE
    mapping = root / MAPPING_FILE
    notes = ["CelebAMask-HQ, by its folders"]
    if (root / PARTS).is_dir():
        notes.append(
            f"its part maps keep hair, glasses and hats in front of masks with --parsing .../{PARTS}"
        )
    return Layout(
        folder_pictures(root / PICTURES, spec, set()),
        {ATTRIBUTES: own} if own.is_file() else {},
        kind="celebamask-hq",
        notes=tuple(notes),
        mapping=mapping if mapping.is_file() else None,
        mapped=find_annotation_files(root),
    )


def _zip_layout(path: Path, lists: dict[str, Path]) -> Layout:
    """CelebA's zip file, with its lists beside it (official) or in it (Kaggle); or any zip file of pictures."""
    listing = list_zip(path)
    folder = _picture_folder(listing.pictures)
    inside = _lists_inside(listing.lists)
    aligned = bool(folder) or path.name == ZIP_NAME
    if inside or not aligned:  # what lies beside a zip file of other pictures is of others, too
        lists = {annotation: path / name for annotation, name in inside.items()}
    texts = {}
    for name in inside.values():
        try:
            texts[path / name] = listing.lists[name].read(path)
        except UnreadablePictureError as error:
            raise ArgumentError("source", f"{path}: {name}: {error}") from error
    return Layout(
        zip_pictures(path, listing, folder, len(inside)),
        lists,
        texts,
        aligned=aligned,
    )


def find_url_layout(url: str) -> Layout:
    """Pictures below a URL, with CelebA's lists where they lie there too.

    Raises
    ------
    UserError
        Naming ``source``, where the store refuses or there is no picture.
    """
    listing = list_url(url)
    folder = _picture_folder(listing.pictures)
    inside = _lists_inside(listing.lists)
    texts = {}
    for name in inside.values():
        try:
            texts[Path(name)] = listing.lists[name].read(Path(name))
        except UnreadablePictureError as error:
            raise ArgumentError("source", f"{url}: {name}: {error}") from error
    members = {
        name.removeprefix(folder): member
        for name, member in sorted(listing.pictures.items())
        if name.startswith(folder)
    }
    others = listing.others + len(listing.lists) - len(inside)
    notes = (f"{others} file{'s'[: others != 1]} that are no pictures were left out",) if others else ()
    return Layout(
        Pictures(Path(url), sorted(members), notes, members),
        {annotation: Path(name) for annotation, name in inside.items()},
        texts,
        aligned=bool(folder),
    )


def _picture_folder(names: Iterable[str]) -> str:
    """The folder of a zip file that has CelebA's aligned pictures, with a slash; "" where none is called so."""
    folders = {name.rpartition("/")[0] for name in names}
    found = [folder for folder in folders if folder.rpartition("/")[2] == PICTURE_FOLDER]
    return min(found, key=lambda folder: (len(folder), folder)) + "/" if found else ""


def _lists_inside(names: Iterable[str]) -> dict[str, str]:
    """CelebA's lists in a zip file: annotation name to name in the zip; the one least deep."""
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name.count("/"), name)):
        path = PurePosixPath(name)
        if path.stem in ANNOTATION_NAMES and path.suffix in (".txt", ".csv"):
            found.setdefault(path.stem, name)
    return found


def _paths(lists: dict[str, Path]) -> set[str]:
    return {str(path) for path in lists.values()}


def _has_pictures(folder: Path) -> bool:
    return any(entry.suffix.lower() in PICTURE_EXTENSIONS for entry in folder.iterdir())
