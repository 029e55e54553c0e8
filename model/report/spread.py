"""How scores are spread over pictures: histograms, scores over coverage, and the scale of identity."""

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from unmask.datagen.stats.plots import draw_histogram
from unmask.model.metrics.table import write_number

from .content import EvalReport, number
from .names import capital, read_metric
from .plots import draw_scale, draw_scatter

DOTS = 600
_BARS = 24
_HISTOGRAMS = ("mask_psnr", "ssim", "mask_ssim")
_MARKS = (
    ("genuine_median", "same person, median"),
    ("impostor_p1", "another person, nearest 1 %"),
    ("impostor_median", "another person, median"),
)
Figure = tuple[str, Markup, str]  # title, drawing, caption


def spread_figures(report: EvalReport) -> list[Figure]:
    """Draw histograms of the headline scores, and PSNR over coverage, of what pictures have a score of."""
    ours = report.main_system()
    columns = ["map_iou", *(f"{ours.id}_{name}" for name in _HISTOGRAMS if ours)]
    figures = [_histogram(report, column) for column in columns]
    figures += [_scatter(report, f"{ours.id}_{name}") for name in ("psnr", "mask_psnr") if ours]
    return [one for one in figures if one is not None]


def _histogram(report: EvalReport, column: str) -> Figure | None:
    values = report.values(column)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    metric = read_metric(column, report.systems())
    write, brief = metric.score.write, metric.score.brief
    # A few failures far off would press all others into one bar: they share the first one.
    low, high = np.percentile(values, [0.5, 100])
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BARS + 1)
    counts = np.histogram(np.maximum(values, low), edges)[0].tolist()
    low5, middle = np.percentile(values, [5, 50])
    words = (
        f"Median {write(float(middle), unit=True)}; one picture in twenty is below {write(float(low5))}. "
        f"The first bar holds all below {write(float(edges[1]))}."
    )
    shown = [round(float(edge), brief) for edge in edges]
    drawing = draw_histogram(counts, shown, f"pictures by {metric.words}", metric.score.unit)
    return capital(metric.what), drawing, words


def _scatter(report: EvalReport, column: str) -> Figure | None:
    metric = read_metric(column, report.systems())
    both = np.stack([100 * report.values("coverage"), report.values(column)], 1)
    there = np.flatnonzero(np.isfinite(both).all(1))
    if not len(there):
        return None
    many = f"All {len(there):,} pictures"
    if len(there) > DOTS:
        many = f"{DOTS} random pictures"
        there = np.sort(np.random.default_rng(0).choice(there, DOTS, replace=False))
    keys = [str(key) for key in report.table["key"]] if "key" in report.table else [""] * len(report.table)
    titles = [
        f"{keys[i]}: {metric.score.write(float(both[i, 1]), unit=True)}, {both[i, 0]:.1f} %" for i in there
    ]
    units = ("% of the picture is mask", metric.what + metric.score.comma_unit)
    drawing = draw_scatter(both[there], titles, f"{metric.words} over coverage", units)
    caption = f"{many}. Correlation with coverage {_correlation(both)}."
    return f"{capital(metric.what)} over coverage", drawing, caption


def _correlation(both: NDArray[np.float64]) -> str:
    known = both[np.isfinite(both).all(1)]
    if len(known) < 3 or not known.std(0).all():
        return "unknown"
    return write_number(float(np.corrcoef(known[:, 0], known[:, 1])[0, 1]), 2)


def identity_scale(report: EvalReport) -> Markup | None:
    """Draw the distance of restored faces to their clean ones on the scale of same and other people."""
    scale = report.section("identity")
    means = {system: report.mean(f"{system.id}_identity") for system in report.systems()}
    rows = {capital(system.name): mean for system, mean in means.items() if mean is not None}
    marks = {words: value for name, words in _MARKS if (value := number(scale.get(name))) is not None}
    return draw_scale(rows, marks, "identity distance by system") if rows else None


def nearer_shares(report: EvalReport) -> list[tuple[str, str]]:
    """Say of each system which share of its faces is nearer to the clean one than nearly all other people are."""
    limit = number(report.section("identity").get("impostor_p1"))
    shares = []
    for system in report.systems():
        values = report.values(f"{system.id}_identity")
        values = values[np.isfinite(values)]
        if limit is not None and len(values):
            shares.append((capital(system.name), f"{100 * float(np.mean(values < limit)):.0f} %"))
    return shares
