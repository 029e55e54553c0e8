"""The headline tables: every system's scores, the raw output apart from them, KID, and the found maps."""

from unmask.model.metrics.table import SCORES, score_of

from .content import EvalReport, ScoreInterval, System, number
from .names import capital
from .table import Column, Table, scores_table

_KID_UNITS = 1000  # KID is small: in thousandths
_KID_TITLE = f"KID \N{MULTIPLICATION SIGN} {_KID_UNITS}"
_COLUMNS = {
    "psnr": "composited",
    "ssim": "composited",
    "mask_psnr": "in the mask",
    "mask_ssim": "in the mask",
    "mask_perceptual": "in the mask",
    "mask_lpips": "in the mask",
    "identity": "to the clean face",
}
_RAW_COLUMNS = {
    "raw_psnr": "whole picture",
    "raw_ssim": "whole picture",
    "raw_mask_psnr": "in the mask",
    "raw_mask_ssim": "in the mask",
}
_MAPS = {"map": "after cleaning", "map_raw": "before cleaning"}


def headline_table(report: EvalReport) -> Table | None:
    """Scores of all systems; None where no restored picture was scored."""
    systems = [s for s in report.systems() if any(report.mean(f"{s.id}_{name}") for name in _COLUMNS)]
    columns = [_score_column(report, systems, name, where) for name, where in _COLUMNS.items()]
    columns.append(_kid_column(report, systems, "mask", "of the mask crop"))
    return scores_table("Headline scores", "System", _names(systems), columns)


def raw_table(report: EvalReport) -> Table | None:
    """Scores of the networks' raw output, which are not the result; None where there is none."""
    systems = report.systems()
    columns = [_score_column(report, systems, name, where) for name, where in _RAW_COLUMNS.items()]
    return scores_table("Raw output", "System", _names(systems), columns)


def kid_table(report: EvalReport) -> Table | None:
    """KID of whole pictures and of mask crops; None where none is known."""
    systems = report.systems()
    regions = {"whole": "whole picture", "mask": "mask crop"}
    columns = [_kid_column(report, systems, region, words) for region, words in regions.items()]
    return scores_table("KID", "System", _names(systems), columns)


def maps_table(report: EvalReport) -> Table | None:
    """The Map Module's scores after and before cleaning; None without a Map Module."""
    columns = [
        Column(
            score,
            [report.mean(f"{prefix}_{name}") for prefix in _MAPS],
            "0 is right" if score.better == "zero" else "",
        )
        for name, score in SCORES.items()
        if score.of == "map"
    ]
    return scores_table("Map Module", "Map", list(_MAPS.values()), columns)


def _names(systems: list[System]) -> list[str]:
    return [capital(system.name) for system in systems]


def _score_column(report: EvalReport, systems: list[System], name: str, where: str) -> Column:
    return Column(score_of(name), [report.mean(f"{system.id}_{name}") for system in systems], where)


def _kid_column(report: EvalReport, systems: list[System], region: str, where: str) -> Column:
    return Column(SCORES["kid"], [_kid(report, system, region) for system in systems], where, _KID_TITLE)


def _kid(report: EvalReport, system: System, region: str) -> ScoreInterval | None:
    """KID in thousandths, with one standard deviation to both sides; None if unknown."""
    found = (report.section("kid").get(system.id) or {}).get(region) or {}
    mean, sd = number(found.get("mean")), number(found.get("sd"))
    if mean is None:
        return None
    low, high = (None, None) if sd is None else (_KID_UNITS * (mean - sd), _KID_UNITS * (mean + sd))
    return ScoreInterval(_KID_UNITS * mean, low, high, None)
