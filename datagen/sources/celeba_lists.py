"""CelebA's lists in their official text form, for faces that are written anew."""

import hashlib
from collections.abc import Sequence

from .celeba import ATTRIBUTES, IDENTITIES, PARTITION
from .source import SourceFace
from .splits import SPLITS

LIST_NAMES = tuple(f"{name}.txt" for name in (ATTRIBUTES, IDENTITIES, PARTITION))


def official_lists(attribute_names: Sequence[str], faces: Sequence[tuple[str, SourceFace]]) -> dict[str, str]:
    """Return the text of every list that something is known for, by its file's name.

    Parameters
    ----------
    attribute_names : sequence of str
        Of the source.
    faces : sequence of (file name, SourceFace)
        A face of which something is unknown is not in that list.
    """
    named = [(name, face.attributes) for name, face in faces if face.attributes]
    rows = [f"{name} " + " ".join(f"{1 if bit else -1:2d}" for bit in bits) for name, bits in named]
    lists = {
        ATTRIBUTES: [str(len(rows)), " ".join(attribute_names) + " ", *rows] if rows else [],
        IDENTITIES: [f"{name} {_number(face.identity)}" for name, face in faces if face.identity],
        PARTITION: [f"{name} {SPLITS.index(face.split)}" for name, face in faces if face.split],
    }
    return {f"{name}.txt": "\n".join(lines) + "\n" for name, lines in lists.items() if lines}


def _number(person: str) -> str:
    """A person's number; the list has no names, so that those of LFW become numbers of their own."""
    if person.isdecimal():
        return person
    digest = hashlib.blake2b(person.encode("utf-8", "surrogateescape"), digest_size=6).digest()
    return str(int.from_bytes(digest, "big"))
