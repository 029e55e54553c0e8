"""The pictures of a source by name, whether they are files of a folder or lie in a zip file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.tree import list_pictures

from .source import Member
from .zip_pictures import ZipListing


@dataclass(frozen=True)
class Pictures:
    """Names of pictures, and where each lies.

    Attributes
    ----------
    root : Path
        The folder, or the file that they all lie in.
    names : sequence of str
        POSIX, as they would stand in a folder; sorted.
    notes : tuple of str
        What was left out.
    members : mapping
        Where in a file a picture lies, by name; empty for folders.
    files : mapping
        Which file that is; where it does not say, ``root``.
    """

    root: Path
    names: Sequence[str]
    notes: tuple[str, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)

    def place(self, name: str) -> tuple[Path, Member | None]:
        """Return the file of a picture and, where that file holds several, which of them it is."""
        if not self.members:
            return self.root / name, None
        return self.files.get(name, self.root), self.members[name]


def folder_pictures(folder: Path, spec: str, known: set[str]) -> Pictures:
    """List a folder tree; UserError naming ``source`` where it has no picture."""
    listing = list_pictures(folder, known)
    if not listing.names:
        left_out = f" ({'; '.join(listing.notes)})" if listing.notes else ""
        hint = _hint(folder)
        raise ArgumentError(
            "source", f"{spec}: no jpg, jpeg, png, webp or bmp picture in {folder}{left_out}{hint}"
        )
    return Pictures(folder, listing.names, tuple(listing.notes))


def zip_pictures(path: Path, listing: ZipListing, folder: str, taken_lists: int) -> Pictures:
    """Return the pictures below a folder of a zip file, named from there; UserError where there is none.

    Parameters
    ----------
    path : Path
        The zip file.
    folder : str
        In it: ``""`` or with a slash at its end.
    taken_lists : int
        How many of its lists are read.
    """
    notes = tuple(listing.notes(taken_lists))
    members = {
        name.removeprefix(folder): member
        for name, member in sorted(listing.pictures.items())
        if name.startswith(folder)
    }
    if not members:
        left_out = f" ({'; '.join(notes)})" if notes else ""
        raise ArgumentError("source", f"{path}: no jpg, jpeg, png, webp or bmp picture in it{left_out}")
    if all(member.encrypted for member in members.values()):
        raise ArgumentError("source", f"{path}: its pictures are encrypted; unpack it with its password")
    return Pictures(path, sorted(members), notes, members)


def _hint(folder: Path) -> str:
    archives = sorted(
        path.name for path in folder.iterdir() if path.suffix.lower() in (".zip", ".tar", ".7z")
    )
    if not archives:
        return ""
    if archives[0].lower().endswith(".zip"):
        return f"; it holds {archives[0]}: name that as `source`"
    return f"; it holds {archives[0]}: unpack it first"
