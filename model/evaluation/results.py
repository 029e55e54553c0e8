"""From finished passes to the report's files: the table, its means and groups, and the page."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from unmask.model.metrics.table import score_of
from unmask.model.report.page import EvalReport, draw_report

from .attributes import AttributeProbe
from .breakdown import Metric, break_down, breakdown_csv, worst_groups
from .clusters import find_clusters
from .evaluate import Bar, Evaluation
from .folder import BREAKDOWN, METRICS, PAGE, SUMMARY
from .gallery import draw_galleries
from .groups import cross, make_groupings
from .passes import collect
from .summary import SEED, plain, summarise
from .systems import EDIT, MAP, PIPE

_LOG = logging.getLogger(__name__)
_BROKEN_DOWN = {
    MAP: ("pipeline_iou", "iou", "boundary_f", "false_alarm"),
    PIPE: ("mask_psnr", "mask_ssim", "psnr", "ssim", "mask_perceptual", "mask_lpips", "identity"),
    EDIT: ("mask_psnr", "mask_ssim", "psnr", "ssim", "mask_perceptual", "mask_lpips", "identity"),
}


def write_report(
    evaluation: Evaluation,
    probe: AttributeProbe | None,
    command: str,
    comparison: Mapping[str, Any] | None,
    bar: Bar,
) -> dict[str, Any]:
    """Write ``metrics.csv``, ``breakdown.csv``, ``summary.json`` and ``report.html``; returns the summary."""
    passes = collect(evaluation)
    table, folder = passes.scored, evaluation.folder
    groupings = [*make_groupings(table), *(cross(table, names) for names in evaluation.options.by)]
    metrics = _metrics(table)
    clusters = find_clusters(table)
    _LOG.info("intervals and groups of %d pictures", len(table))
    breakdown = break_down(table, metrics, groupings, clusters.codes, seed=SEED)
    summary = summarise(evaluation, passes, clusters, probe, command)
    summary["worst"] = worst_groups(breakdown)
    summary["comparison"] = comparison
    folder.write(METRICS, passes.table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    folder.write(BREAKDOWN, breakdown_csv(breakdown))
    folder.write(SUMMARY, json.dumps(plain(summary), indent=2) + "\n")
    with bar("pictures of the page") as progress:
        examples, galleries = draw_galleries(evaluation, passes.table, progress)
    page = draw_report(EvalReport(summary, table, breakdown, galleries, comparison, examples))
    folder.write(PAGE, page)
    return summary


def _metrics(table: pd.DataFrame) -> list[Metric]:
    found = []
    for system, names in _BROKEN_DOWN.items():
        for name in names:
            column = f"{system}_{name}"
            if column in table and table[column].notna().any():
                found.append(Metric(column, score_of(name).sign > 0))
    return found
