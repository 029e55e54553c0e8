"""The first screen of the page: how good, against what, for whom, on which masks."""

import numpy as np
import pandas as pd

from . import names
from .content import EvalReport, System, number
from .head import best_baseline

_FACES = ("attribute", "crossing", "lightness", "yaw", "pitch")
_MASKS = ("family", "template", "worn", "coverage", "colour", "texture")
_WORST = 2  # of faces and of masks on the first screen
_FAMILIES = 6


def answers(report: EvalReport) -> list[tuple[str, str]]:
    """Return the questions that a report answers first, each with its sentences; what is not known is left out."""
    found = {
        "How good": [*_pipeline(report), *_how_good(report)],
        "Against what": _against(report),
        "For whom": [*_pictures(report), *_worst(report, _FACES, "faces")],
        "On which masks": [*_masks(report), *_worst(report, _MASKS, "masks")],
    }
    return [(question, " ".join(sentences)) for question, sentences in found.items() if sentences]


def _pipeline(report: EvalReport) -> list[str]:
    """Of photographs: how often a mask was taken off, and what the maps are worth with the others counted as 0."""
    pipeline = report.section("pipeline")
    found = pipeline.get("taken_off") or {}
    share, low, high, n = (number(found.get(key)) for key in ("mean", "low", "high", "n"))
    if share is None or n is None:
        return []
    spread = "" if low is None or high is None else f", {100 * low:.1f} to {100 * high:.1f} %"
    hits = f"{round(share * n):,} of {int(n):,} photographs"
    often = f"({100 * share:.1f} %{spread})"
    counts = pipeline.get("statuses") or {}
    others = ", ".join(
        f"{names.plain(why)} {count}" for why, count in counts.items() if why != "ok" and count
    )
    others = f" The others: {others}." if others else ""
    if pipeline.get("bare"):
        return [
            f"False alarms: on {hits} of bare faces {often} a mask is taken off that is not there.{others}"
        ]
    whole = report.mean("map_pipeline_iou")
    worth = ""
    if whole:
        spread = f" ({whole.range(3)})" if whole.range(3) else ""
        worth = f" Over all of them, those without a map counted as 0, IoU is {whole.mean:.3f}{spread}."
    return [f"Faces were looked for: on {hits} {often} a mask was found and taken off.{others}{worth}"]


def _how_good(report: EvalReport) -> list[str]:
    sentences = []
    for system in report.systems():
        if system.is_module and report.mean(f"{system.id}_psnr"):
            who = "Both modules together" if system.id == "pipe" else names.capital(system.name)
            sentences.append(f"{who}: {_decibels(report, system, intervals=True)}.")
    iou, boundary = report.mean("map_iou"), report.mean("map_boundary_f")
    if iou:
        spread = f" ({iou.range(3)})" if iou.range(3) else ""
        whose = "Where one was found, maps" if report.section("pipeline") else "The found maps"
        outlines = f"; their outlines with a boundary F of {boundary.mean:.3f}" if boundary else ""
        sentences.append(f"{whose} overlap the true ones with an IoU of {iou.mean:.3f}{spread}{outlines}.")
    return sentences


def _decibels(report: EvalReport, system: System, *, intervals: bool = False) -> str:
    words = []
    for suffix, where in (("mask_psnr", "in the mask"), ("psnr", "over the whole picture")):
        mean = report.mean(f"{system.id}_{suffix}")
        if mean:
            spread = f" ({mean.range(1)})" if intervals and mean.range(1) else ""
            words.append(f"{mean.mean:.1f} dB {where}{spread}")
    return ", ".join(words)


def _against(report: EvalReport) -> list[str]:
    ours, fill = report.main_system(), best_baseline(report)
    sentences = []
    if fill is not None:
        better = _share_better(report, ours, fill) if ours else ""
        sentences.append(f"The best of the simple fills, {fill.name}: {_decibels(report, fill)}{better}.")
    nothing = next((s for s in report.systems() if s.id == "nothing"), None)
    if nothing is not None and nothing != fill:
        sentences.append(f"The masked picture itself: {_decibels(report, nothing)}.")
    comparison = report.comparison or {}
    if comparison.get("verdict"):
        sentences.append(f"The report {comparison.get('other')}: this one is {comparison['verdict']}.")
    return sentences


def _share_better(report: EvalReport, ours: System, fill: System) -> str:
    """In how many pictures ours has the higher PSNR, in the mask where that is known."""
    for suffix in ("mask_psnr", "psnr"):
        gaps = report.values(f"{ours.id}_{suffix}") - report.values(f"{fill.id}_{suffix}")
        gaps = gaps[np.isfinite(gaps)]
        if len(gaps):
            return f"; ours is nearer to the truth in {100 * np.mean(gaps > 0):.0f} % of the pictures"
    return ""


def _pictures(report: EvalReport) -> list[str]:
    if not len(report.table):
        return []
    data = report.section("data")
    split = f", split {data['split']}" if data.get("split") not in (None, "", "all") else ""
    return [f"{report.many_pictures} of {data.get('folder', 'a folder')}{split}."]


def _worst(report: EvalReport, kinds: tuple[str, ...], what: str) -> list[str]:
    """The groups that do worst by the headline metric, the widest gap first."""
    column = report.headline_metric()
    if column is None or not set(report.breakdown["kind"].astype(str)) & set(kinds):
        return []
    metric = names.read_metric(column, report.systems())
    worst = [
        item
        for item in report.summary.get("worst") or []
        if item.get("metric") == column and item.get("kind") in kinds and number(item.get("gap")) is not None
    ]
    if not worst and not _any_tested(report, column, kinds):
        return [f"Groups of {what} are too small to be compared."]
    if not worst:
        return [f"No group of {what} is significantly worse in {metric.what}."]
    worst.sort(key=lambda item: -abs(number(item.get("gap")) or 0.0))
    told = []
    for item in worst[:_WORST]:
        group = names.group_words(*(str(item.get(key)) for key in ("kind", "name", "group")))
        told.append(f"{group} ({metric.worse_words(number(item.get('gap')) or 0.0, brief=True)})")
    return [f"Worst in {metric.what}: {', '.join(told)}."]


def _any_tested(report: EvalReport, column: str, kinds: tuple[str, ...]) -> bool:
    table = report.breakdown
    rows = table[(table["metric"] == column) & table["kind"].isin(kinds)]
    return bool(pd.to_numeric(rows["p"], errors="coerce").notna().any()) if "p" in rows else True


def _masks(report: EvalReport) -> list[str]:
    families: list[str] = []
    if "family" in report.table:
        families = sorted({names.plain(str(name)) for name in report.table["family"] if _is_known(name)})
    coverage = number(report.section("data").get("coverage_mean"))
    covered = f"cover {100 * coverage:.1f} % of the picture on average" if coverage is not None else ""
    if families:
        many = ", ".join(families[:_FAMILIES]) + " and others" * (len(families) > _FAMILIES)
        plural = "families" if len(families) > 1 else "family"
        return [f"Masks of {len(families)} {plural} ({many}){f' that {covered}' if covered else ''}."]
    return [f"Masks {covered}."] if covered else []


def _is_known(name: object) -> bool:
    return bool(str(name).strip()) and not pd.isna(name)  # type: ignore[call-overload]
