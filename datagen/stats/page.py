"""The page ``stats.html``: one file, no script, nothing fetched; opens from disk, readable on a phone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.svg import safe

from .colour import Cell
from .compare import summarise
from .measure import Stats
from .page_text import DEFINITIONS, GROUP_FILLS, POLICY, STYLE
from .pictures import PicturePair, read_pair
from .plots import (
    draw_bars,
    draw_fabric_cells,
    draw_grid,
    draw_histogram,
    draw_plane,
    lab_hex,
    picture_uri,
)

_PLANE_DOTS = 600
_THUMB_PX = 160


def draw_page(stats: Stats) -> str:
    """Return the page as a text that is both HTML and well-formed XML (after its first line)."""
    report = stats.report
    sections = [
        _head(report),
        _means(stats),
        _colours(stats),
        _counts(report) if "counts" in report else "",
        _poses(report) if "pose" in report else "",
        _attributes(report) if report.get("attributes", {}).get("known") else "",
        _empty(report["empty"]),
        _nearest(stats),
        _all_numbers(report),
    ]
    title = f"Variety of {safe(report['name'])}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>'
        f"<title>{title}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{title}</h1>\n" + "\n".join(part for part in sections if part) + "\n</body></html>\n"
    )


def _figure(title: str, drawing: str, caption: str = "") -> str:
    below = f"<figcaption>{safe(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{safe(title)}</h3>{drawing}{below}</figure>"


def _section(title: str, figures: Iterable[str], words: str = "") -> str:
    lead = f"<p>{safe(words)}</p>" if words else ""
    return f'<h2>{safe(title)}</h2>{lead}<div class="grid">{"".join(figures)}</div>'


def _head(report: Mapping[str, Any]) -> str:
    variety, fabric = report["variety"], report["colour"]["fabric_cells"]
    iou = variety["map_iou"]
    n_maps, n_looks = variety["vendi_maps"]["n"], variety["vendi_appearance"]["n"]
    iou_error = (
        ""
        if iou is None or iou["standard_error"] is None
        else f" \N{PLUS-MINUS SIGN} {iou['standard_error']:.3f}"
    )
    tiles = (
        (f"{report['pictures']['measured']}", f"pictures measured of {report['pictures']['there']}"),
        ("-" if iou is None else f"{iou['mean']:.3f}", f"mean pairwise map IoU{iou_error}"),
        (f"{variety['vendi_maps']['score']:.1f}", f"Vendi score of {n_maps} maps"),
        (f"{variety['vendi_appearance']['score']:.1f}", f"Vendi score of {n_looks} appearances"),
        (f"{fabric['filled']} of {fabric['cells']}", "fabric colours filled"),
        (f"{100 * report['coverage']['mean']:.1f} %", "of a picture is mask, on average"),
        (f"{report['duplicates']['map']['pictures']}", "pictures whose map occurs again"),
        (f"{sum(len(cells) for cells in report['empty'].values())}", "empty cells, named below"),
    )
    boxes = "".join(f'<div class="tile"><b>{safe(a)}</b><span>{safe(b)}</span></div>' for a, b in tiles)
    notes = "".join(f"<li>{safe(note)}</li>" for note in report["notes"])
    return f'<div class="tiles">{boxes}</div>' + (f"<h2>Notes</h2><ul>{notes}</ul>" if notes else "")


def _means(stats: Stats) -> str:
    coverage, position = stats.report["coverage"], stats.report["position"]
    images = []
    for title, image, words in (
        (
            "Mean map",
            stats.opened.mean_map,
            "White: masked in every picture. A varied set gives a soft blur.",
        ),
        (
            "Mean masked picture",
            stats.opened.mean_masked,
            "A mask that can be told here is too often the same.",
        ),
    ):
        images.append(_figure(title, f'<img class="mean" alt="{title}" src="{picture_uri(image)}"/>', words))
    spread = ", ".join(
        f"{name.replace('_', ' ')} {p['mean']:.2f} (sd {p['sd']:.3f})" for name, p in position.items()
    )
    histogram = draw_histogram(
        coverage["histogram"], [100 * edge for edge in coverage["edges"]], "pictures by coverage", "%"
    )
    words = (
        f"Mean {100 * coverage['mean']:.1f} %, sd {100 * coverage['sd']:.1f}; the last bar holds all above."
    )
    place = f"Map's {spread}, as shares of the picture's sides."
    return _section("Where the masks are", [*images, _figure("Coverage", histogram, f"{words} {place}")])


def _colours(stats: Stats) -> str:
    colour = stats.report["colour"]
    lab = np.array([item.cloth[:3] for item in stats.paired_features()[:_PLANE_DOTS]])
    cells: dict[Cell, int] = {
        (line["cell"][0], line["cell"][1], line["cell"][2]): line["pictures"]
        for line in colour["fabric_cells"]["counts"]
    }
    figures = [
        _figure(
            "Colours seen",
            draw_plane(lab, "median colours in the a*b* plane"),
            f"Median colour of {len(lab)} masked regions, light included; rings: chroma 25, 50, 75.",
        ),
        _figure(
            "Fabric colours",
            draw_fabric_cells(cells, "fabric colours, filled or empty"),
            "Across: a*, up: b*, counts of pictures. Crossed: empty. "
            f"{colour['fabric_cells']['pictures_outside']} pictures have a colour outside these cells.",
        ),
        _figure("Colour groups", draw_bars(colour["groups"], "pictures by colour group", GROUP_FILLS)),
    ]
    for name, unit, fills in _histogram_fills(colour):
        entropy = (
            f"Entropy {colour[name]['entropy_bits']:.2f} of {colour[name]['entropy_max_bits']:.2f} bits."
        )
        more = f" {100 * colour['neutral_share']:.0f} % of the pictures are neutral and have none." * (
            name == "hue"
        )
        drawing = draw_histogram(
            colour[name]["histogram"], colour[name]["edges"], f"pictures by {name}", unit, fills
        )
        figures.append(_figure(name.capitalize(), drawing, entropy + more))
    return _section("Colour", figures)


def _histogram_fills(colour: Mapping[str, Any]) -> list[tuple[str, str, list[str] | None]]:
    def middles(name: str) -> NDArray[np.float64]:
        edges = np.array(colour[name]["edges"], np.float64)
        return (edges[1:] + edges[:-1]) / 2

    angles = np.radians(middles("hue"))
    hues = [lab_hex(np.array([62, 45 * np.cos(angle), 45 * np.sin(angle)])) for angle in angles]
    greys = [lab_hex(np.array([0.92 * level, 0.0, 0.0])) for level in middles("lightness")]
    return [("hue", "\N{DEGREE SIGN}", hues), ("lightness", "L*", greys), ("chroma", "C*", None)]


def _counts(report: Mapping[str, Any]) -> str:
    counts = report["counts"]
    figures = [
        _figure(name.replace("_", " ").capitalize(), draw_bars(counts[name], f"rows by {name}"))
        for name in ("family", "template", "texture", "worn", "split", "status", "landmark_source")
        if counts[name]
    ]
    for title, table in (("Family and way worn", "family_worn"), ("Family and texture", "family_texture")):
        lines = report[table]
        columns = list(next(iter(lines.values()), {}))
        drawing = draw_grid([list(line.values()) for line in lines.values()], columns, list(lines), title)
        figures.append(_figure(title, drawing))
    return _section("What is worn, and how", figures, f"Rows of the manifest: {counts['rows']}.")


def _poses(report: Mapping[str, Any]) -> str:
    pose = report["pose"]
    drawing = draw_grid(pose["grid"], pose["yaw"], pose["pitch"], "faces by yaw and pitch")
    caption = "Across: yaw, down: pitch, degrees, of the largest face; rows of the manifest."
    return _section("Pose", [_figure("Yaw and pitch", drawing, caption)])


def _attributes(report: Mapping[str, Any]) -> str:
    attributes = report["attributes"]
    families = list(report["counts"]["family"])
    head = "".join(f'<th class="n">{safe(family)}</th>' for family in families)
    lines = []
    for name, share in sorted(attributes["share"].items(), key=lambda item: (-item[1], item[0])):
        counts = (attributes["by_family"][name][family] for family in families)
        cells = "".join(f'<td class="{"n" if count else "n zero"}">{count}</td>' for count in counts)
        lines.append(f'<tr><td>{safe(name)}</td><td class="n">{100 * share:.1f} %</td>{cells}</tr>')
    table = f'<tr><th>attribute</th><th class="n">share</th>{head}</tr>' + "".join(lines)
    words = (
        f"{attributes['known']} rows have attributes. Share of them that have each, and how many by family."
    )
    return f'<h2>Attributes</h2><p>{words}</p><div class="scroll"><table>{table}</table></div>'


def _empty(empty: Mapping[str, Sequence[str]]) -> str:
    parts = []
    for kind, cells in empty.items():
        names = "".join(f"<li>{safe(line)}</li>" for line in _joined(cells))
        is_open = ' open="open"' if len(cells) <= 100 else ""
        listed = (
            f"<details{is_open}><summary>{safe(kind)}: {len(cells)} empty</summary><ul>{names}</ul></details>"
        )
        parts.append(listed if cells else f"<p>{safe(kind)}: none empty</p>")
    return "<h2>Empty cells</h2>" + "".join(parts)


def _joined(cells: Sequence[str]) -> list[str]:
    """Put cells with the same first part on one line: ``Bald + kn95, cloth``."""
    lines: dict[str, list[str]] = {}
    for cell in cells:
        first, _, second = cell.partition(" + ")
        lines.setdefault(first, []).append(second)
    return [f"{first} + {', '.join(rest)}" if rest[0] else first for first, rest in lines.items()]


def _nearest(stats: Stats) -> str:
    where = {item.pair.name: item.pair for item in stats.paired_features()}
    figures = []
    for near in stats.report["nearest"]:
        images = "".join(_thumb(where[name]) for name in near["pictures"])
        same = " The maps are equal to the pixel." if near["same_map"] else ""
        numbers = f"map IoU {near['map_iou']:.2f}, appearance {near['appearance']:.2f}.{same}"
        names = " and ".join(safe(name) for name in near["pictures"])
        caption = f"<figcaption>{names}: {numbers}</figcaption>"
        title = f"<h3>Distance {near['distance']:.3f}</h3>"
        figures.append(f'<figure>{title}<div class="pair">{images}</div>{caption}</figure>')
    if not figures:
        return ""
    repeated = stats.report["duplicates"]
    words = "Maps that are equal to the pixel: none."
    if repeated["map"]["groups"]:
        names = "; ".join(" = ".join(group) for group in repeated["map"]["names"])
        words = f"Maps that are equal to the pixel, {repeated['map']['groups']} groups: {names}."
    masked = repeated["masked"]["groups"]
    words += f" Masked pictures that are equal to the pixel: {masked or 'no'} groups."
    return _section("Nearest duplicates", figures, words)


def _thumb(pair: PicturePair) -> str:
    try:
        masked, _ = read_pair(pair)
    except UnreadablePictureError:  # it was there a moment ago; the numbers still stand
        return "<span>gone</span>"
    scale = min(1.0, _THUMB_PX / masked.shape[0])
    size = (max(1, round(masked.shape[1] * scale)), max(1, round(masked.shape[0] * scale)))
    small = np.asarray(cv2.resize(masked, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return f'<img alt="{safe(pair.name)}" src="{picture_uri(small, 85)}"/>'


def _all_numbers(report: Mapping[str, Any]) -> str:
    lines = "".join(
        f'<tr><td>{safe(line.name)}</td><td class="n">{safe(line.value)}</td></tr>'
        for line in summarise(report)
    )
    terms = "".join(f"<p><b>{safe(name)}</b>: {safe(text)}</p>" for name, text in DEFINITIONS)
    made = f"Made by unmask {report['toolkit']}, seed {report['seed']}; all numbers are in stats.json."
    table = f"<figure><h3>Main numbers</h3><table>{lines}</table></figure>"
    return (
        f'<h2>Numbers and definitions</h2><div class="grid">{table}<div class="wide">{terms}'
        f'<p class="quiet">{safe(made)}</p></div></div>'
    )
