"""Which pictures of an evaluation belong together: those of one person, or masks on one source picture."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from unmask.model.metrics.clusters import Codes, cluster_codes

PEOPLE, SOURCES = "people", "source pictures"


@dataclass(frozen=True, eq=False)
class Clusters:
    """Pictures that belong together.

    Attributes
    ----------
    codes : intp (n,)
        Equal for pictures of one cluster.
    words : str
        What the clusters are: "people", "source pictures", or both.
    """

    codes: Codes
    words: str

    @property
    def count(self) -> int:
        """How many there are."""
        return len(np.unique(self.codes))


def find_clusters(table: pd.DataFrame) -> Clusters:
    """Say which rows of ``metrics.csv`` are no news to each other.

    Parameters
    ----------
    table : DataFrame
        With columns ``identity`` and ``source`` where they are known, text and empty where not: a picture belongs
        to its person, else to the picture that its mask was put on, else to itself.
    """

    def column(name: str) -> list[str]:
        return table[name].fillna("").astype(str).tolist() if name in table else [""] * len(table)

    names = [
        (PEOPLE, who) if who else (SOURCES, source) if source else (SOURCES, number)
        for number, (who, source) in enumerate(zip(column("identity"), column("source"), strict=True))
    ]
    kinds = sorted({kind for kind, _ in names}) or [SOURCES]
    return Clusters(cluster_codes(names, len(names)), " and ".join(kinds))
