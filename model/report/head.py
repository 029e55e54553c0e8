"""The first screen of the page: the result in words, what was evaluated, and the groups where it is worst."""

from collections.abc import Mapping
from typing import Any

from unmask.datagen.common.svg import safe

from .content import EvalReport, Interval, System, number
from .html import listed, section
from .names import MetricName, capital, group_words, plain, read_metric, write_p

_WORST_SHOWN = 12


def draw_head(report: EvalReport) -> str:
    """Draw everything up to the tables: tiles, the result in words, what was evaluated, the run's own notes."""
    words = "".join(f'<p class="headline">{safe(text)}</p>' for text in headline_words(report))
    notes = listed([("", str(note)) for note in report.summary.get("notes") or []])
    return (
        f'{words}<div class="tiles">{_tiles(report)}</div><h2>What was evaluated</h2><dl>{_subject(report)}</dl>'
        + (f"<h2>Notes of this evaluation</h2>{notes}" if notes else "")
    )


def headline_words(report: EvalReport) -> list[str]:
    """Say the result in a sentence or two, with the best of the simple fills beside it."""
    sentences = []
    ours = [system for system in report.systems() if system.is_module and report.mean(f"{system.id}_psnr")]
    for system in ours:
        told = _decibels(report, system)
        sentences.append(
            f"{'Both modules together' if system.id == 'pipe' else capital(system.name)}: {told}."
        )
    floor = _best_floor(report)
    if ours and floor is not None:
        told = f"The best of the simple fills, {floor.name}: {_decibels(report, floor)}."
        sentences.append(told)
    iou, boundary = report.mean("map_iou"), report.mean("map_boundary_f")
    if iou is not None:
        outline = f"; their outlines with a boundary F of {boundary.mean:.3f}" if boundary else ""
        sentences.append(
            f"The found maps overlap the true ones with an IoU of {iou.mean:.3f}{_range(iou, 3)}{outline}."
        )
    return sentences or ["No score is known: see metrics.csv."]


def _decibels(report: EvalReport, system: System) -> str:
    parts = []
    for suffix, where in (("psnr", "composited"), ("mask_psnr", "in the mask")):
        mean = report.mean(f"{system.id}_{suffix}")
        if mean is not None:
            spread = _range(mean, 1)
            parts.append(f"{mean.mean:.1f} dB {where}{spread if system.is_module else ''}")
    return ", ".join(parts)


def _range(interval: Interval, digits: int) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f" ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


def _best_floor(report: EvalReport) -> System | None:
    means = {s: report.mean(f"{s.id}_mask_psnr") or report.mean(f"{s.id}_psnr") for s in report.systems()}
    known = {system: mean.mean for system, mean in means.items() if mean and not system.is_module}
    return max(known, key=lambda system: known[system], default=None)


def _tiles(report: EvalReport) -> str:
    data = report.section("data")
    coverage = number(data.get("coverage_mean"))
    tiles = [(f"{len(report.table):,}", "pictures scored")]
    left_out = sum(int(number(count) or 0) for count in (data.get("left_out") or {}).values())
    if left_out:
        tiles.append((f"{left_out:,}", "pictures left out"))
    if coverage is not None:
        tiles.append((f"{100 * coverage:.1f} %", "of a picture is mask, on average"))
    best = report.main_system()
    shown = [(f"{best.id}_{name}", words) for name, words in _tile_scores()] if best else []
    for column, words in [*shown, ("map_iou", "IoU of the found maps")]:
        mean = report.mean(column)
        if mean is not None:
            score = read_metric(column, report.systems()).score
            digits = 1 if score.unit == "dB" else 3
            tiles.append((f"{mean.mean:.{digits}f} {score.unit}".strip(), words))
    return "".join(f'<div class="tile"><b>{safe(a)}</b><span>{safe(b)}</span></div>' for a, b in tiles)


def _tile_scores() -> tuple[tuple[str, str], ...]:
    return (
        ("psnr", "PSNR, composited"),
        ("mask_psnr", "PSNR in the mask"),
        ("ssim", "SSIM, composited"),
    )


def _subject(report: EvalReport) -> str:
    data, models = report.section("data"), report.section("models")
    sizes = data.get("sizes") or {}
    many = ", ".join(f"{int(number(count) or 0):,} of {size}" for size, count in list(sizes.items())[:4])
    size = next(iter(sizes)) if len(sizes) == 1 else f"{many}{' and others' if len(sizes) > 4 else ''}"
    words = [
        f"{data.get('folder', 'unknown folder')}",
        f"{'a dataset of this toolkit' if data.get('kind') == 'dataset' else 'pairs of pictures'}",
        f"split {data['split']}" if data.get("split") else "",
        f"{len(report.table):,} pictures" + (f" of {size} px" if sizes else ""),
    ]
    left = [
        f"{int(number(count) or 0):,} {plain(why)}" for why, count in (data.get("left_out") or {}).items()
    ]
    if left:
        words.append(f"left out: {', '.join(left)}")
    lines = [("Data", ", ".join(word for word in words if word))]
    for name, title in (("map", "Map Module"), ("edit", "Editing Module")):
        if isinstance(models.get(name), Mapping):
            lines.append((title, _model_words(models[name])))
    return "".join(f"<dt>{safe(a)}</dt><dd>{safe(b)}</dd>" for a, b in lines)


def _model_words(model: Mapping[str, Any]) -> str:
    images = number(model.get("images"))
    parts = [
        str(model.get("path", "")),
        f"network {model['network']}" if model.get("network") else "",
        f"preset {model['preset']}" if model.get("preset") else "",
        f"trained on {int(images):,} pictures" if images else "",
        f"SHA-256 {str(model['sha256'])[:12]}" if model.get("sha256") else "",
    ]
    return ", ".join(part for part in parts if part)


def draw_worst(report: EvalReport) -> str:
    """Name the worst groups in words, the headline metric's first, else in the summary's order."""
    if not report.broken_down() and not report.summary.get("worst"):
        return ""
    headline = report.headline_metric()
    worst = sorted(report.summary.get("worst") or [], key=lambda item: item.get("metric") != headline)
    by_metric: dict[str, list[tuple[str, str]]] = {}
    for item in worst[:_WORST_SHOWN]:
        metric = read_metric(str(item.get("metric")), report.systems())
        group = group_words(str(item.get("kind")), str(item.get("name")), str(item.get("group")))
        line = (capital(group), _worst_words(item, metric))
        by_metric.setdefault(metric.words, []).append(line)
    parts = (f"<h3>{safe(capital(name))}</h3>{listed(lines, 'ol')}" for name, lines in by_metric.items())
    none = "<p>No group of 30 pictures or more is significantly worse than the others.</p>"
    words = "Groups of 30 pictures and more that do worst, against all other pictures."
    if len(worst) > _WORST_SHOWN:
        words += f" The first {_WORST_SHOWN} of {len(worst)}; the others are named among all groups below."
    content = "".join(parts) or none
    return section("worst", "For whom and on which masks it is worst", content, words if worst else "")


def _worst_words(item: Mapping[str, Any], metric: MetricName) -> str:
    mean, gap, count = (number(item.get(name)) for name in ("mean", "gap", "n"))
    far = f", {metric.worse_words(gap)}" if gap is not None else ""
    chance = f"adjusted p {write_p(number(item.get('p_adjusted')))}"
    return f"{metric.write(mean, unit=True)}{far} ({int(count or 0):,} pictures, {chance})"
