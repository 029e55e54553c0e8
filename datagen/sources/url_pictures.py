"""The pictures of a source in a bucket, by its URL: listed once, and each read where it is worked on."""

from dataclasses import dataclass, field
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.object_store import ObjectStore
from unmask.datagen.common.read_file import PICTURE_BYTES
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

from .zip_pictures import LIST_EXTENSIONS


@dataclass(frozen=True, slots=True)
class UrlMember:
    """One file below a URL.

    Attributes
    ----------
    url : str
        Of the source.
    name : str
        Of the file, from there.
    size : int
        In bytes, when it was listed.
    """

    url: str
    name: str
    size: int

    def read(self, path: Path) -> bytes:
        """Return the file's bytes; ``path`` is the URL as a path, and not used.

        Raises
        ------
        UnreadablePictureError
            When it is not there any more, or larger than a picture is.
        UserError
            When the store refuses: that is no fault of the picture.
        """
        del path
        if self.size > PICTURE_BYTES:
            raise UnreadablePictureError(f"larger than {PICTURE_BYTES >> 20} MiB")
        data = open_url(self.url).read_if_there(self.name)
        if data is None:
            raise UnreadablePictureError("is not there any more")
        return data


@dataclass(frozen=True)
class UrlListing:
    """What lies below a URL, by POSIX names: pictures, files that may be lists, and how many others."""

    pictures: dict[str, UrlMember] = field(default_factory=dict)
    lists: dict[str, UrlMember] = field(default_factory=dict)
    others: int = 0


_STORES: dict[str, ObjectStore] = {}


def open_url(url: str) -> ObjectStore:
    """Return the store of a source, one in each process: opening it anew costs more than a picture."""
    return _STORES.setdefault(url, ObjectStore(url, "source"))


def list_url(url: str) -> UrlListing:
    """List what lies below a URL; hidden files are passed over, as in folders.

    Raises
    ------
    UserError
        When it cannot be read, or holds no picture.
    """
    pictures: dict[str, UrlMember] = {}
    lists: dict[str, UrlMember] = {}
    others = 0
    for name, size in open_url(url).sizes().items():
        suffix = name[name.rfind(".") :].lower()
        if "/." in f"/{name}":
            continue
        if suffix in PICTURE_EXTENSIONS:
            pictures[name] = UrlMember(url, name, size)
        elif suffix in LIST_EXTENSIONS:
            lists[name] = UrlMember(url, name, size)
        else:
            others += 1
    if not pictures:
        raise ArgumentError("source", f"{url}: no jpg, jpeg, png, webp or bmp picture below it")
    return UrlListing(pictures, lists, others)
