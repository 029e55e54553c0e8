"""How scores are spread over pictures: histograms, scores over coverage, and the scale of identity."""

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.svg import safe
from unmask.datagen.stats.plots import draw_histogram

from .content import EvalReport, number
from .html import figure, grid, listed, section
from .names import MetricName, capital, read_metric, write_number
from .plots import draw_scale, draw_scatter

DOTS = 600
_BARS = 24
_HISTOGRAMS = ("mask_psnr", "ssim", "mask_ssim")
_MARKS = (
    ("genuine_median", "same person, median"),
    ("impostor_p1", "another person, nearest 1 %"),
    ("impostor_median", "another person, median"),
)


def draw_spread(report: EvalReport) -> str:
    """Draw histograms of the headline scores, and PSNR over coverage; empty where no picture has a score."""
    columns = ["map_iou"]
    ours = report.main_system()
    if ours is not None:
        columns += [f"{ours.id}_{name}" for name in _HISTOGRAMS]
    figures = [_histogram(report, read_metric(column, report.systems())) for column in columns]
    if ours is not None:
        figures += [_scatter(report, f"{ours.id}_{name}") for name in ("psnr", "mask_psnr")]
    words = "A mean hides failures: here is every picture's own score."
    if ours is not None:
        words += f" Restored pictures are those of: {ours.name}."
    return section("spread", "Spread over pictures", grid([part for part in figures if part]), words)


def _histogram(report: EvalReport, metric: MetricName) -> str:
    values = report.values(metric.column)
    values = values[np.isfinite(values)]
    if not len(values):
        return ""
    # A few failures far off would press all others into one bar: they share the first one.
    low, high = np.percentile(values, [0.5, 100])
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BARS + 1)
    counts = np.histogram(np.maximum(values, low), edges)[0].tolist()
    shown = [round(float(edge), 1 if metric.score.unit == "dB" else 3) for edge in edges]
    low5, middle = np.percentile(values, [5, 50])
    words = (
        f"Median {metric.write(float(middle), unit=True)}; "
        f"one picture in twenty is below {metric.write(float(low5))}. "
        f"The first bar holds all below {metric.write(float(edges[1]))}."
    )
    drawing = draw_histogram(counts, shown, f"pictures by {metric.words}", metric.score.unit)
    return figure(capital(metric.what), drawing, words)


def _scatter(report: EvalReport, column: str) -> str:
    metric = read_metric(column, report.systems())
    both = np.stack([100 * report.values("coverage"), report.values(column)], 1)
    there = np.flatnonzero(np.isfinite(both).all(1))
    if not len(there):
        return ""
    many = f"All {len(there):,} pictures"
    if len(there) > DOTS:
        many = f"{DOTS} random pictures"
        there = np.sort(np.random.default_rng(0).choice(there, DOTS, replace=False))
    keys = [str(key) for key in report.table["key"]] if "key" in report.table else [""] * len(report.table)
    titles = [f"{keys[i]}: {metric.write(float(both[i, 1]), unit=True)}, {both[i, 0]:.1f} %" for i in there]
    units = ("% of the picture is mask", f"{metric.what}, {metric.score.unit}")
    drawing = draw_scatter(both[there], titles, f"{metric.words} over coverage", units)
    caption = f"{many}. Correlation with coverage {_correlation(both)}."
    return figure(f"{capital(metric.what)} over coverage", drawing, caption)


def _correlation(both: NDArray[np.float64]) -> str:
    known = both[np.isfinite(both).all(1)]
    if len(known) < 3 or not known.std(0).all():
        return "unknown"
    return write_number(float(np.corrcoef(known[:, 0], known[:, 1])[0, 1]), 2)


def draw_identity(report: EvalReport) -> str:
    """Draw the distance of restored faces to their clean ones on the scale of same and other people."""
    scale = report.section("identity")
    means = {system: report.mean(f"{system.id}_identity") for system in report.systems()}
    rows = {capital(system.name): mean for system, mean in means.items() if mean is not None}
    marks = {words: value for name, words in _MARKS if (value := number(scale.get(name))) is not None}
    if not rows:
        return ""
    drawing = draw_scale(rows, marks, "identity distance by system")
    caption = f"Mean and {report.level_percent} interval. " + _pairs_words(report)
    drawn = figure("Distance to the clean face", drawing)
    content = f'<div class="beside">{drawn}{_identity_words(report, caption)}</div>'
    words = (
        "Distance between face descriptors of the restored and of the clean picture: 0 would be the same "
        "picture. A restored face that is near its clean one is one that this descriptor takes for the same "
        "person. It is a guess all the same, and no evidence of who somebody is. To do nothing is the floor "
        "to beat: a mask hides much of a face but makes up nothing."
    )
    return section("identity", "Identity", content, words)


def _pairs_words(report: EvalReport) -> str:
    scale = report.section("identity")
    genuine, impostor = number(scale.get("genuine_pairs")), number(scale.get("impostor_pairs"))
    if not impostor:
        return "No pairs of people were measured for a scale."
    same = f"{int(genuine):,} pairs of pictures" if genuine else "no two pictures"
    return f"The scale: {same} of one person, {int(impostor):,} pairs of two people."


def _identity_words(report: EvalReport, caption: str) -> str:
    limit = number(report.section("identity").get("impostor_p1"))
    shares = []
    for system in report.systems():
        values = report.values(f"{system.id}_identity")
        values = values[np.isfinite(values)]
        if limit is not None and len(values):
            shares.append((capital(system.name), f"{100 * float(np.mean(values < limit)):.0f} %"))
    told = "Share of pictures that are nearer to their clean face than 99 % of the pairs of two people are:"
    words = f"<p>{safe(caption)}</p>" + (f"<p>{told}</p>{listed(shares)}" if shares else "")
    return f'<div class="quiet">{words}</div>'
