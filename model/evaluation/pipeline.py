"""What became of photographs whose faces were looked for: statuses, and how often the whole pipeline was right."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from unmask.model.inference.photo import NO_FACE, NO_MASK, OK, TOO_SMALL, TURNED_AWAY
from unmask.model.metrics.intervals import share_interval

from .clusters import Clusters
from .options import EvalOptions

STATUSES = (OK, NO_MASK, TOO_SMALL, TURNED_AWAY, NO_FACE)


def describe_pipeline(table: pd.DataFrame, clusters: Clusters, options: EvalOptions) -> dict[str, Any] | None:
    """Count statuses as ``summary.json`` has them; None where pictures were taken as framed faces.

    Returns
    -------
    dict or None
        ``bare``: whether the pictures show bare faces; ``statuses``: pictures by status; ``taken_off``: the share
        on which a mask was taken off, with its interval: of bare faces false alarms, of masked ones masks found.
    """
    if not options.looks_for_faces:
        return None
    counts = Counter(table["status"].astype(str))
    hits = np.asarray(table["status"] == OK)
    return {
        "bare": options.bare,
        "statuses": {status: counts[status] for status in STATUSES},
        "taken_off": asdict(share_interval(hits, clusters.codes)),
    }
