"""The pictures of a zip file, found and read where they lie: nothing is unpacked."""

import struct
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.inside import stays_inside
from unmask.datagen.common.read_file import PICTURE_BYTES, open_file
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

LIST_EXTENSIONS = frozenset((".txt", ".csv", ".jsonl"))
_LOCAL_HEAD = struct.Struct("<4s22xHH")  # of a member: its mark; how long its name and its extra field are
_MARK = b"PK\3\4"
_ENCRYPTED = 0x1
_LEFT_OUT = {  # as phrases for one and for many
    "outside": "whose name leads out of it was left out|whose names lead out of it were left out",
    "other": "that is not a picture was left out|that are not pictures were left out",
}


@dataclass(frozen=True, slots=True)
class ZipMember:
    """Where one file lies in a zip file: enough to read it without the zip's long table of contents.

    Attributes
    ----------
    offset : int
        Of its local header, in bytes from the start of the zip.
    stored_bytes, size : int
        As it is stored, and as it was.
    method : int
        0 stored, 8 deflated; others are refused.
    crc : int
        CRC-32 of what it was.
    encrypted : bool
    """

    offset: int
    stored_bytes: int
    size: int
    method: int
    crc: int
    encrypted: bool = False

    def read(self, path: Path) -> bytes:
        """Return the file's bytes.

        Raises
        ------
        UnreadablePictureError
            When it is damaged, encrypted, compressed in another way, or larger than a picture is.
        """
        if self.encrypted:
            raise UnreadablePictureError("encrypted in the zip file")
        if max(self.size, self.stored_bytes) > PICTURE_BYTES:
            raise UnreadablePictureError(f"larger than {PICTURE_BYTES >> 20} MiB in the zip file")
        if self.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnreadablePictureError(f"compressed by method {self.method} in the zip file")
        data = self._inflated(self._stored(path))
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise UnreadablePictureError("damaged in the zip file")
        return data

    def _stored(self, path: Path) -> bytes:
        try:
            with open_file(path) as file:
                file.seek(self.offset)
                head = file.read(_LOCAL_HEAD.size)
                if len(head) < _LOCAL_HEAD.size or not head.startswith(_MARK):
                    raise UnreadablePictureError("not where the zip file says")
                _, name_bytes, extra_bytes = _LOCAL_HEAD.unpack(head)
                file.seek(name_bytes + extra_bytes, 1)
                return file.read(self.stored_bytes)
        except (OSError, ValueError) as error:  # ValueError: an offset before the start
            words = getattr(error, "strerror", None) or error
            raise UnreadablePictureError(f"cannot be read: {words}") from error

    def _inflated(self, stored: bytes) -> bytes:
        if self.method == zipfile.ZIP_STORED:
            return stored
        try:
            # one byte more than it says tells a bomb, and is all that is made of it
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stored, self.size + 1)
        except zlib.error as error:
            raise UnreadablePictureError("damaged in the zip file") from error


@dataclass(frozen=True)
class ZipListing:
    """What a zip file holds, by POSIX names.

    Attributes
    ----------
    pictures, lists : dict of str to ZipMember
        Pictures, and files that may be lists of annotations.
    left_out : Counter
        How many others there are, by why.
    """

    pictures: dict[str, ZipMember] = field(default_factory=dict)
    lists: dict[str, ZipMember] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def notes(self, taken_lists: int) -> list[str]:
        """Say what was left out; ``taken_lists`` of the lists were not."""
        counts = self.left_out + Counter(other=len(self.lists) - taken_lists)
        return [
            f"{number} file{'s'[: number != 1]} {_LEFT_OUT[why].split('|')[number != 1]}"
            for why, number in sorted(counts.items())
        ]


def list_zip(path: Path) -> ZipListing:
    """List a zip file; hidden files are passed over, as in folders.

    Raises
    ------
    UserError
        When it cannot be read, is cut short or is no zip file.
    """
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except OSError as error:
        raise ArgumentError("source", f"{path}: cannot be read: {error.strerror or error}") from error
    except zipfile.BadZipFile as error:
        raise ArgumentError("source", f"{path}: no zip file, or one cut short: {error}") from error
    except (NotImplementedError, ValueError, EOFError, OverflowError, struct.error) as error:
        raise ArgumentError("source", f"{path}: a damaged zip file: {error}") from error
    listing = ZipListing()
    for member in members:
        _sort_in(member, listing)
    return listing


def _sort_in(member: zipfile.ZipInfo, listing: ZipListing) -> None:
    name = member.filename.replace("\\", "/").removeprefix("./")
    if member.is_dir():
        return
    if not stays_inside(name):
        listing.left_out["outside"] += 1
        return
    if "/." in f"/{name}":
        return
    suffix = name[name.rfind(".") :].lower()
    if suffix in PICTURE_EXTENSIONS:
        kept = listing.pictures
    elif suffix in LIST_EXTENSIONS:
        kept = listing.lists
    else:
        listing.left_out["other"] += 1
        return
    kept[name] = ZipMember(
        member.header_offset,
        member.compress_size,
        member.file_size,
        member.compress_type,
        member.CRC,
        bool(member.flag_bits & _ENCRYPTED),
    )
