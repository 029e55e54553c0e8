"""The headline tables: every system's scores, the raw output apart from them, KID, and the found maps."""

from .content import EvalReport, Interval, System, number
from .html import Cell, Head, best_rows, draw_table, interval_cell, section
from .names import ARROWS, SCORES, Score, capital, read_metric

BEST = "\N{BLACK STAR}"
_KID_UNITS = 1000  # KID is small: in thousandths
_COLUMNS = (
    ("psnr", "composited"),
    ("ssim", "composited"),
    ("mask_psnr", "in the mask"),
    ("mask_ssim", "in the mask"),
    ("mask_perceptual", "in the mask"),
    ("identity", "to the clean face"),
)
_RAW_COLUMNS = (
    ("raw_psnr", "whole picture"),
    ("raw_ssim", "whole picture"),
    ("raw_mask_psnr", "in the mask"),
    ("raw_mask_ssim", "in the mask"),
)
_MAP_COLUMNS = ("iou", "dice", "precision", "recall", "boundary_f", "area_error", "abs_area_error")


def draw_results(report: EvalReport) -> str:
    """Draw the headline table of all systems and, apart from it, that of the networks' raw output."""
    systems = [s for s in report.systems() if any(report.mean(f"{s.id}_{name}") for name, _ in _COLUMNS)]
    table = _systems_table(report, systems, _COLUMNS, "Headline scores", with_kid=True)
    words = (
        "Our modules first, then what simple fills reach on the same pictures. "
        "A module with true maps is told where the mask is, which no user can tell it. "
        f"{BEST}: best of its column. {ARROWS['high']} higher is better, {ARROWS['low']} lower is better. "
        f"Small print: {report.level_percent} interval over pictures; of KID one standard deviation."
    )
    raw = [s for s in systems if any(report.mean(f"{s.id}_{name}") for name, _ in _RAW_COLUMNS)]
    below = ""
    if raw:
        below = "<h3>Raw output of the network</h3>" + (
            "<p>Not the result: the network's own picture, before the input's pixels are put back outside "
            "the map. Do not compare it with the table above.</p>"
        )
        below += _systems_table(report, raw, _RAW_COLUMNS, "Raw output")
    return section("results", "Restored pictures", table + below if table else "", words)


def _systems_table(
    report: EvalReport,
    systems: list[System],
    columns: tuple[tuple[str, str], ...],
    label: str,
    *,
    with_kid: bool = False,
) -> str:
    heads, cells = [Head("System", is_number=False)], []
    for suffix, where in columns:
        found = [report.mean(f"{system.id}_{suffix}") for system in systems]
        if any(found):
            score = read_metric(f"edit_{suffix}", [System("edit", "")]).score
            heads.append(_head(score, where))
            cells.append(_column(found, score))
    kid = [_kid(report, system) for system in systems] if with_kid else []
    if any(kid):
        heads.append(Head(f"KID \N{MULTIPLICATION SIGN} 1000 {ARROWS['low']}", "of the mask crop"))
        cells.append(_kid_column(kid))
    if not cells:
        return ""
    rows = [
        [Cell(capital(system.name)), *line]
        for system, line in zip(systems, zip(*cells, strict=True), strict=True)
    ]
    return draw_table(heads, rows, label)


def _head(score: Score, where: str) -> Head:
    unit = f", {score.unit}" if score.unit else ""
    arrow = f" {ARROWS[score.better]}" if score.better in ARROWS else ""
    words = score.words[:1].upper() + score.words[1:]
    return Head(f"{words.removesuffix(' distance')}{unit}{arrow}", where)


def _column(found: list[Interval | None], score: Score) -> list[Cell]:
    best = best_rows([item.mean if item else None for item in found], score.better, score.digits)
    return [
        interval_cell(item, score.digits, BEST if first else "")
        for item, first in zip(found, best, strict=True)
    ]


def _kid(report: EvalReport, system: System) -> Interval | None:
    return kid_interval(report, system, "mask")


def kid_interval(report: EvalReport, system: System, region: str) -> Interval | None:
    """KID in thousandths, "mask" or "whole", with one standard deviation to both sides; None if unknown."""
    found = (report.section("kid").get(system.id) or {}).get(region) or {}
    mean, sd = number(found.get("mean")), number(found.get("sd"))
    if mean is None:
        return None
    mean *= _KID_UNITS
    if sd is None:
        return Interval(mean, None, None, None)
    sd *= _KID_UNITS
    return Interval(mean, mean - sd, mean + sd, None)


def _kid_column(found: list[Interval | None]) -> list[Cell]:
    best = best_rows([item.mean if item else None for item in found], "low", 1)
    return [interval_cell(item, 1, BEST if first else "") for item, first in zip(found, best, strict=True)]


def draw_kid(report: EvalReport) -> str:
    """Draw the KID of whole pictures and of mask crops; empty where none is known."""
    systems = [
        s for s in report.systems() if kid_interval(report, s, "whole") or kid_interval(report, s, "mask")
    ]
    heads = [Head("System", is_number=False)]
    columns = []
    for region, words in (("whole", "whole picture"), ("mask", "mask crop")):
        heads.append(Head(f"KID \N{MULTIPLICATION SIGN} 1000 {ARROWS['low']}", words))
        columns.append(_kid_column([kid_interval(report, system, region) for system in systems]))
    rows = [
        [Cell(capital(s.name)), *line] for s, line in zip(systems, zip(*columns, strict=True), strict=True)
    ]
    words = (
        "How far the restored pictures as a set are from the clean ones, as seen by an embedded "
        "EfficientNet-lite0. Compare within this page only: no published FID or KID uses these features. "
        "Small print: one standard deviation to both sides."
    )
    return section("kid", "KID", draw_table(heads, rows, "KID") if rows else "", words)


def draw_maps(report: EvalReport) -> str:
    """Draw the Map Module's scores after and before cleaning; empty without a Map Module."""
    heads, columns = [Head("Map", is_number=False)], []
    for name in _MAP_COLUMNS:
        found = [report.mean(f"{prefix}_{name}") for prefix in ("map", "map_raw")]
        if any(found):
            score = SCORES[name]
            heads.append(_head(score, "0 is right" if score.better == "zero" else ""))
            columns.append(_column(found, score))
    if not columns:
        return ""
    names = ("after cleaning", "before cleaning")
    rows = [[Cell(name), *line] for name, line in zip(names, zip(*columns, strict=True), strict=True)]
    rows = [row for row in rows if any(cell.text != "-" for cell in row[1:])]
    words = (
        "The found map against the true one. Cleaning opens it, fills its holes and keeps its largest part."
    )
    return section("maps", "Found maps", draw_table(heads, rows, "Map Module"), words)
