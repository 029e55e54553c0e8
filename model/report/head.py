"""What stands out: numbers in tiles, the best of the simple fills, and what was evaluated."""

from collections.abc import Mapping
from typing import Any

from unmask.model.metrics.table import score_of

from .content import EvalReport, System, number
from .names import plain

_TILES = {"mask_psnr": "PSNR in the mask", "psnr": "PSNR, composited"}
_MAP_TILES = {
    "map_pipeline_iou": "IoU, 0 where no mask was found",
    "map_iou": "IoU of the found maps",
    "map_boundary_f": "boundary F of the found maps",
}
_KINDS = {"dataset": "a dataset of this toolkit", "bare": "photographs of bare faces"}
_MOST = 3  # scores


def best_baseline(report: EvalReport) -> System | None:
    """Return the simple fill with the highest PSNR, in the mask where that is known."""
    means = {s: report.mean(f"{s.id}_mask_psnr") or report.mean(f"{s.id}_psnr") for s in report.systems()}
    known = {system: mean.mean for system, mean in means.items() if mean and not system.is_module}
    return max(known, key=lambda system: known[system], default=None)


def tiles(report: EvalReport) -> list[tuple[str, str]]:
    """Return the numbers that stand out, and what each is."""
    ours = report.main_system()
    shown = {f"{ours.id}_{name}": words for name, words in _TILES.items()} if ours else {}
    scores = [
        (score_of(column).write(mean.mean, unit=True, brief=True), words)
        for column, words in (shown | _MAP_TILES).items()
        if (mean := report.mean(column)) is not None
    ]
    if report.section("pipeline"):
        scores = [*_taken_off(report), *scores]
    count, _, words = report.many_pictures.partition(" ")
    return [*scores[:_MOST], (count, f"{words}, scored")]


def _taken_off(report: EvalReport) -> list[tuple[str, str]]:
    pipeline = report.section("pipeline")
    share = number((pipeline.get("taken_off") or {}).get("mean"))
    words = (
        "of bare faces: a mask is taken off" if pipeline.get("bare") else "of photographs: a mask was found"
    )
    return [] if share is None else [(f"{100 * share:.1f} %", words)]


def subject(report: EvalReport) -> list[tuple[str, str]]:
    """Say what was evaluated: the data and the modules."""
    data, models = report.section("data"), report.section("models")
    sizes = data.get("sizes") or {}
    many = ", ".join(f"{_count(count)} of {size}" for size, count in list(sizes.items())[:4])
    size = next(iter(sizes)) if len(sizes) == 1 else f"{many}{' and others' if len(sizes) > 4 else ''}"
    left = ", ".join(f"{_count(count)} {plain(why)}" for why, count in (data.get("left_out") or {}).items())
    failed = ", ".join(f"{_count(count)} {plain(why)}" for why, count in (data.get("failed") or {}).items())
    words = [
        str(data.get("folder", "unknown folder")),
        _KINDS.get(str(data.get("kind")), "pairs of pictures"),
        f"split {data['split']}" if data.get("split") else "",
        f"{len(report.table):,} pictures" + (f" of {size} px" if sizes else ""),
        f"left out: {left}" if left else "",
        f"not scored: {failed}" if failed else "",
    ]
    lines = [("Data", _joined(words))]
    for name, title in (("map", "Map Module"), ("edit", "Editing Module")):
        if isinstance(models.get(name), Mapping):
            lines.append((title, _model_words(models[name])))
    return lines


def _model_words(model: Mapping[str, Any]) -> str:
    images = number(model.get("images"))
    return _joined(
        [
            str(model.get("path", "")),
            f"network {model['network']}" if model.get("network") else "",
            f"preset {model['preset']}" if model.get("preset") else "",
            f"trained on {int(images):,} pictures" if images else "",
            f"SHA-256 {str(model['sha256'])[:12]}" if model.get("sha256") else "",
        ]
    )


def _count(value: object) -> str:
    return f"{int(number(value) or 0):,}"


def _joined(words: list[str]) -> str:
    return ", ".join(word for word in words if word)
