"""Two reports on the same pictures: paired differences."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.json_text import Needs, misfit, parse_json
from unmask.datagen.common.read_file import CARD_BYTES, read_file
from unmask.model.metrics.intervals import paired_difference
from unmask.model.metrics.table import SCORES, score_of

from .clusters import find_clusters
from .folder import METRICS, SUMMARY

_LOG = logging.getLogger(__name__)

_COMPARED = (
    *(f"{system}_{name}" for system in ("pipe", "edit") for name in (
        "psnr", "ssim", "mask_psnr", "mask_ssim", "raw_psnr", "mask_perceptual", "mask_lpips", "identity"
    )),
    "map_pipeline_iou", "map_iou", "map_boundary_f",
)  # fmt: skip


def read_metrics(report: Path) -> pd.DataFrame:
    """Read the ``metrics.csv`` of a finished report, tags as text.

    Raises
    ------
    UserError
        Naming ``compare``, when there is none or it is no such table.
    """
    path = report / METRICS
    if not path.is_file():
        raise ArgumentError("compare", f"{report}: no {METRICS} in it: not a finished report of unmask-eval")
    try:
        table = pd.read_csv(
            path, dtype={"key": "str"}, keep_default_na=False, na_values=[""], low_memory=False
        )
    except (ValueError, OSError) as error:
        raise ArgumentError("compare", f"{path}: cannot be read: {error}") from error
    if "key" not in table:
        raise ArgumentError("compare", f"{path}: not a table of unmask-eval")
    return table


def drop_other_judges(theirs: pd.DataFrame, report: Path, judges: Mapping[str, str]) -> pd.DataFrame:
    """Leave out of another report's table the distances that were measured in other networks than ours.

    Parameters
    ----------
    theirs : DataFrame
        From `read_metrics`.
    report : Path
    judges : mapping of str to str
        Networks of our distances, by the distances' names, as ``summary.json`` has them under ``settings``.
    """
    settings = _settings_of(report)
    for name, ours in judges.items():
        columns = [column for column in map(str, theirs) if column.endswith(f"_{name}")]
        if columns and settings.get(name) != ours:
            _LOG.info(f"{report.name}: {SCORES[name].words} was measured in another network: not compared")
            theirs = theirs.drop(columns=columns)
    return theirs


def _settings_of(report: Path) -> Mapping[str, Any]:
    """Return the settings of a report; none where its summary is missing or another's."""
    try:
        summary = parse_json(read_file(report / SUMMARY, CARD_BYTES))
    except (OSError, ValueError):
        return {}
    return {} if misfit(summary, Needs({"settings": dict})) else summary["settings"]


def compare_tables(ours: pd.DataFrame, theirs: pd.DataFrame, name: str) -> Mapping[str, Any]:
    """Compare every headline score that both have on the pictures that both have, as page and summary show it.

    Each row has its verdict: what ours is, where the interval of the difference does not hold zero.

    Raises
    ------
    UserError
        When no picture is in both.
    """
    both = ours.merge(theirs, on="key", suffixes=("", "\0"))
    if both.empty:
        raise ArgumentError("compare", f"{name}: no picture is in both reports")
    clusters = find_clusters(both)
    rows = []
    for metric in _COMPARED:
        if f"{metric}\0" not in both:
            continue
        a = pd.to_numeric(both[metric], errors="coerce").to_numpy(np.float64)
        b = pd.to_numeric(both[f"{metric}\0"], errors="coerce").to_numpy(np.float64)
        shared = np.isfinite(a) & np.isfinite(b)
        if shared.sum() < 2:
            continue
        found = paired_difference(a, b, clusters.codes)
        ours_mean, theirs_mean = float(a[shared].mean()), float(b[shared].mean())
        rows.append(
            {
                "metric": metric,
                "ours": ours_mean,
                "theirs": theirs_mean,
                "difference": found.mean,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "n": found.n,
                "clusters": found.clusters,
                "verdict": score_of(metric).judge(ours_mean, theirs_mean, found.low, found.high),
            }
        )
    many = f"{len(both):,} pictures"
    if clusters.count < len(both):
        many += f" of {clusters.count:,} {clusters.words}"
    return {
        "other": name,
        "pictures": len(both),
        "clusters": clusters.count,
        "verdict": f"{_count_verdicts([str(row['verdict']) for row in rows])} ({many})",
        "rows": rows,
    }


def _count_verdicts(verdicts: Sequence[str]) -> str:
    """Sum up: "better in 3 of 8 scores, worse in 1, no difference shown in 4"."""
    counts = Counter(verdicts)
    words = [f"better in {counts.pop('better', 0)} of {len(verdicts)} scores"]
    words.append(f"worse in {counts.pop('worse', 0)}")
    return ", ".join([*words, *(f"{verdict} in {count}" for verdict, count in counts.items())])
