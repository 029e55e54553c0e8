"""CelebAMask-HQ: its attributes, and through CelebA's lists beside it the people and the splits."""

from dataclasses import replace
from pathlib import Path

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.table import read_rows, whole_number

from .annotation_table import picture_key
from .celeba import IDENTITIES, PARTITION, CelebaTables, read_tables

PICTURES, PARTS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
ATTRIBUTES_FILE = "CelebAMask-HQ-attribute-anno.txt"
MAPPING_FILE = "CelebA-HQ-to-CelebA-mapping.txt"


def read_mapped_tables(tables: CelebaTables, mapping: Path, lists: dict[str, Path]) -> CelebaTables:
    """Add people and splits of the CelebA pictures that the HQ ones were made of.

    Parameters
    ----------
    tables : CelebaTables
        Of the HQ pictures' own list.
    mapping : Path
        Lines of the HQ number, CelebA's number and CelebA's file, with a header.
    lists : dict of str to Path
        CelebA's own lists.

    Raises
    ------
    UserError
        When a file is malformed; the message names it and the line.
    """
    wanted = {name: path for name, path in lists.items() if name in (IDENTITIES, PARTITION)}
    celeba = read_tables(wanted)
    keys = _read_mapping(mapping)
    return replace(
        tables,
        identities={hq: celeba.identities[key] for hq, key in keys.items() if key in celeba.identities},
        splits={hq: celeba.splits[key] for hq, key in keys.items() if key in celeba.splits},
        notes=(*tables.notes, *celeba.notes),
    )


def _read_mapping(path: Path) -> dict[str, str]:
    keys: dict[str, str] = {}
    for number, cells in read_rows(path):
        if cells[0] == "idx":
            continue
        try:
            if len(cells) != 3:
                raise ValueError(f"{len(cells)} values where 3 are needed")
            keys[str(whole_number(cells[0]))] = picture_key(cells[2])
        except ValueError as error:
            raise UserError(f"{path}: line {number}: {error}") from error
    return keys
