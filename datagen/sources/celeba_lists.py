"""CelebA's lists in their official text form, for faces that are written anew."""

import re
from collections.abc import Sequence

from unmask.datagen.common.csv_lines import csv_line

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
        IDENTITIES: _identities([(name, face.identity) for name, face in faces if face.identity]),
        PARTITION: [f"{name} {SPLITS.index(face.split)}" for name, face in faces if face.split],
    }
    return {f"{name}.txt": "\n".join(lines) + "\n" for name, lines in lists.items() if lines}


def _identities(known: Sequence[tuple[str, str]]) -> list[str]:
    """Lines of who is who: the list takes numbers, and where people have names they are numbered in their order."""
    people = sorted({who for _, who in known})
    numbers = {who: who for who in people}
    if not all(who.isdecimal() for who in people):
        numbers = {who: str(number) for number, who in enumerate(people, 1)}
    if any(
        re.search(r"[\s,;\"]", name) for name, _ in known
    ):  # the official form has blanks between its cells
        lines = [("image_id", "identity"), *((name, numbers[who]) for name, who in known)]
        return [csv_line(line).rstrip("\n") for line in lines]
    return [f"{name} {numbers[who]}" for name, who in known]
