import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from report_fixture import made_report

from unmask.model.metrics.table import SCORES, write_number
from unmask.model.report.content import ScoreInterval, System
from unmask.model.report.names import group_label, group_words, read_metric
from unmask.model.report.page import EvalReport, Gallery, GalleryRow, draw_report
from unmask.model.report.plots import Gap, draw_gaps, draw_scale, draw_scatter
from unmask.model.report.table import best_rows

PICTURE = np.zeros((20, 30, 3), np.uint8)


@pytest.fixture(scope="module")
def report() -> EvalReport:
    return made_report()


@pytest.fixture(scope="module")
def page(report: EvalReport) -> str:
    return draw_report(report)


def tree_of(page: str) -> ET.Element:
    return ET.fromstring(page.partition("\n")[2])


def words_of(element: ET.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def section(tree: ET.Element, name: str) -> ET.Element:
    found = tree.find(f".//section[@id='{name}']")
    assert found is not None, name
    return found


def sections(page: str) -> set[str]:
    return {part.get("id", "") for part in tree_of(page).iter("section")}


def rows_of(table: ET.Element) -> dict[str, list[str]]:
    rows = [[words_of(cell) for cell in line] for line in table.iter("tr")]
    return {row[0]: row[1:] for row in rows}


def with_summary(report: EvalReport, **changes: Any) -> EvalReport:
    return replace(report, summary={**report.summary, **changes})


def test_the_page_fetches_nothing_and_is_well_formed(page: str):
    assert not any(word in page.lower() for word in ("http:", "https:", "url(", "@import", "<link", 'src="/'))
    tree = tree_of(page)
    images = list(tree.iter("img"))
    assert len(images) > 10
    assert all(re.match("data:image/(png|jpeg);base64,", image.get("src", "")) for image in images)
    assert all(image.get("alt") for image in images)
    assert 'name="viewport"' in page


def test_only_the_page_s_own_script_may_run(page: str):
    tree = tree_of(page)
    (script,) = tree.iter("script")
    assert script.text is not None
    assert not set("<&") & set(script.text)
    assert f"<script>{script.text}</script>" in page
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    (policy,) = (meta.get("content", "") for meta in tree.iter("meta") if meta.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}';" in policy
    assert not re.search(r"<[a-z]+[^>]* on[a-z]+=", page)


def test_a_report_is_drawn_the_same_every_time(report: EvalReport, page: str):
    assert draw_report(report) == page


def answers_of(page: str) -> dict[str, str]:
    found = next(part for part in tree_of(page).iter("dl") if part.get("class") == "answers")
    parts = [words_of(part) for part in found]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_first_words_answer_how_good_against_what_for_whom_and_on_which_masks(
    report: EvalReport, page: str
):
    means, first = report.summary["means"], answers_of(page)
    assert list(first) == ["How good", "Against what", "For whom", "On which masks"]
    inside = means["pipe_mask_psnr"]
    assert first["How good"].startswith(
        f"Both modules together: {inside['mean']:.1f} dB in the mask ({inside['low']:.1f} to {inside['high']:.1f})"
    )
    assert f"IoU of {means['map_iou']['mean']:.3f}" in first["How good"]
    nearer = 100 * np.mean(report.table["pipe_mask_psnr"] > report.table["mean_face_mask_psnr"])
    assert first["Against what"].startswith(
        f"The best of the simple fills, mean face: {means['mean_face_mask_psnr']['mean']:.1f} dB in the mask"
    )
    assert f"ours is nearer to the truth in {nearer:.0f} % of the pictures" in first["Against what"]
    assert "better in 2 of 3 scores" in first["Against what"]
    people = report.table["identity"].nunique()
    assert first["For whom"].startswith(f"200 pictures of {people} people of test128, split test.")
    assert "Masks of 4 families (cloth pleated, duckbill, gaiter, n95 cup)" in first["On which masks"]


def test_the_worst_groups_of_faces_and_masks_are_on_the_first_screen(report: EvalReport):
    line = {"metric": "pipe_mask_psnr", "n": 80, "mean": 18.2, "p_adjusted": 0.001}
    worst = [
        line | {"kind": "attribute", "name": "No_Beard", "group": "no", "gap": -1.3},
        line | {"kind": "family", "name": "family", "group": "gaiter", "gap": -0.7},
        line | {"kind": "attribute", "name": "Young", "group": "no", "gap": -9.0, "metric": "pipe_psnr"},
    ]
    first = answers_of(draw_report(with_summary(report, worst=worst)))
    assert first["For whom"].endswith(
        "Worst in PSNR in the mask: faces with a beard (1.3 dB below the rest)."
    )
    assert first["On which masks"].endswith(": mask family gaiter (0.7 dB below the rest).")
    first = answers_of(draw_report(with_summary(report, worst=[])))
    assert first["For whom"].endswith("No group of faces is significantly worse in PSNR in the mask.")


def test_six_pictures_from_best_to_worst_come_before_the_parts(page: str):
    body = tree_of(page).find("body")
    assert body is not None
    order = [part.get("class") or part.tag for part in body]
    assert order.index("examples") < order.index("nav") < order.index("part")
    shown = body[order.index("examples")]
    captions = [words_of(caption) for caption in shown.iter("figcaption")]
    assert (captions[0], captions[1], captions[-1]) == (
        "25.0 dB best",
        "23.0 dB better than 80 %",
        "15.0 dB worst",
    )
    assert len(list(shown.iter("img"))) == 6 * 3


def test_parts_fold_and_a_link_leads_inside_what_it_unfolds(page: str):
    parts = [part for part in tree_of(page).iter("details") if part.get("class") == "part"]
    anchors = [part.find("section").get("id") for part in parts]  # type: ignore[union-attr]
    assert set(anchors) == sections(page)
    opened = {name for name, part in zip(anchors, parts, strict=True) if part.get("open")}
    assert opened == {"results", "maps", "comparison"}
    assert all(part[0].tag == "summary" for part in parts)
    assert "beforeprint" in page
    assert "details::details-content" in page


def test_what_was_evaluated_is_said(page: str):
    words = words_of(tree_of(page))
    assert (
        "test128, a dataset of this toolkit, split test, 200 pictures of 128x128 px, left out: 7 no face"
        in words
    )
    assert (
        "runs/edit, network compact, preset fidelity, trained on 64,960 pictures, SHA-256 a1b2c3d4a1b2"
        in words
    )
    assert "The Map Module was trained on other mask families." in words


def test_the_headline_table_has_modules_first_intervals_and_one_best_in_each_column(page: str):
    tables = list(section(tree_of(page), "results").iter("table"))
    rows = rows_of(tables[0])
    assert list(rows)[1:4] == ["Both modules, predicted maps", "Editing Module, true maps", "Do nothing"]
    assert len(rows["System"]) == 7
    best = [
        [cell for cell in column if "\N{BLACK STAR}" in cell]
        for column in zip(*list(rows.values())[1:], strict=True)
    ]
    assert all(len(cells) == 1 for cells in best)
    assert re.fullmatch(r"\d+\.\d\d \d+\.\d\d to \d+\.\d\d", rows["Nearest pixel"][0])


def test_raw_output_stands_in_a_table_of_its_own(page: str):
    rows = rows_of(list(section(tree_of(page), "results").iter("table"))[1])
    assert list(rows) == ["System", "Both modules, predicted maps", "Editing Module, true maps"]
    assert "raw" not in words_of(next(section(tree_of(page), "results").iter("table")))


def test_maps_are_scored_after_and_before_cleaning(page: str):
    rows = rows_of(next(section(tree_of(page), "maps").iter("table")))
    assert list(rows) == ["Map", "after cleaning", "before cleaning"]
    assert "0 is right" in rows["Map"][5]
    assert not any("\N{BLACK STAR}" in row[5] for row in rows.values())


def test_without_an_editing_module_the_page_is_about_maps():
    page = draw_report(made_report(60, with_edit=False, compared=False))
    assert {"maps", "groups", "pictures-map", "spread"} <= sections(page)
    assert not {"results", "pictures-edit", "changes", "identity", "kid", "comparison"} & sections(page)
    words = words_of(tree_of(page))
    assert "Gap in IoU: Map Module" in words
    assert "Editing Module" not in words
    assert "A restored face is a guess" not in words


def test_without_a_map_module_the_page_is_about_restored_pictures():
    page = draw_report(made_report(60, with_map=False, compared=False))
    assert {"results", "pictures-edit", "changes", "identity", "kid"} <= sections(page)
    assert not {"maps", "pictures-map"} & sections(page)
    words = words_of(tree_of(page))
    assert "Gap in PSNR in the mask: Editing Module, true maps, dB" in words
    assert "Both modules" not in words


def test_links_lead_to_the_parts_that_are_there(page: str):
    tree = tree_of(page)
    assert {link.get("href", "")[1:] for link in tree.iter("a")} == sections(page)
    lean = draw_report(made_report(40, with_edit=False, compared=False))
    assert {link.get("href", "")[1:] for link in tree_of(lean).iter("a")} == sections(lean)


def test_a_report_that_knows_nothing_is_still_a_page():
    page = draw_report(EvalReport({}, pd.DataFrame(), pd.DataFrame()))
    assert "No score is known" in words_of(tree_of(page))


@pytest.mark.parametrize(
    "part", ["data", "settings", "models", "systems", "means", "kid", "identity", "attributes", "worst"]
)
@pytest.mark.parametrize("value", ["missing", None, {}])
def test_any_part_of_the_summary_may_be_missing(report: EvalReport, part: str, value: object):
    summary = {name: content for name, content in report.summary.items() if name != part}
    if value != "missing":
        summary[part] = value
    assert tree_of(draw_report(replace(report, summary=summary, galleries=()))) is not None


def test_a_metric_that_nobody_measured_leaves_no_column(report: EvalReport):
    means = {name: mean for name, mean in report.summary["means"].items() if "perceptual" not in name}
    means["nothing_psnr"] = {"mean": float("nan"), "low": None, "high": None, "n": 0}
    rows = rows_of(
        next(
            section(tree_of(draw_report(with_summary(report, means=means, kid={}))), "results").iter("table")
        )
    )
    assert len(rows["System"]) == 5
    assert rows["Do nothing"][0] == "-"


def test_names_that_look_like_markup_do_no_harm(report: EvalReport):
    bad = "</script><b>&\"'x\n"
    summary = {
        **report.summary,
        "notes": [bad],
        "command": bad,
        "worst": [{"metric": bad, "kind": bad, "name": bad}],
    }
    summary["data"] = {"folder": bad, "left_out": {bad: 1}, "sizes": {bad: 2}, "split": bad}
    summary["systems"] = [{"id": "pipe", "name": bad}, {"id": "nearest", "name": bad}]
    summary["models"] = {"map": {"path": bad, "network": bad}}
    summary["attributes"] = {"classifier": {"trained_on": bad}, "changes": {"pipe": {bad: {"lost": 0.1}}}}
    table = report.table.assign(key=bad)
    breakdown = report.breakdown.assign(
        name=bad, kind=lambda frame: frame["kind"].replace("worn", bad), group="yes"
    )
    gallery = Gallery("edit", bad, bad, (bad,), (GalleryRow(bad, bad, (PICTURE,)),))
    comparison = {"other": bad, "pictures": 3, "rows": [{"metric": bad, "ours": 1.0, "theirs": 2.0}]}
    page = draw_report(EvalReport(summary, table, breakdown, (gallery,), comparison))
    tree = tree_of(page)
    assert page.count("<script") == page.count("</script") == 1
    assert "</script><b>&\"'x\\x0a" in words_of(tree)
    assert not [part for part in tree.iter("b") if part.text in ("x", "&\"'x")]


def test_the_worst_groups_are_named_in_words(report: EvalReport):
    worst = [
        {
            "metric": "pipe_mask_psnr",
            "kind": "attribute",
            "name": "Wearing_Hat",
            "group": "yes",
            "n": 80,
            "mean": 18.2,
        }
        | {"gap": -1.3, "p_adjusted": 0.0001},
        {
            "metric": "pipe_mask_psnr",
            "kind": "family",
            "name": "family",
            "group": "n95_cup",
            "n": 99,
            "mean": 18.9,
        }
        | {"gap": -0.6, "p_adjusted": 0.02},
        {"metric": "pipe_identity", "kind": "attribute", "name": "Young", "group": "no", "n": 40, "mean": 0.6}
        | {"gap": 0.1, "p_adjusted": None},
    ]
    words = words_of(section(tree_of(draw_report(with_summary(report, worst=worst))), "worst"))
    assert "PSNR in the mask: both modules, predicted maps" in words
    assert "Faces with a hat : 18.20 dB, 1.30 dB below the rest (80 pictures, adjusted p <0.001)" in words
    assert "Mask family n95 cup : 18.90 dB, 0.60 dB below the rest (99 pictures, adjusted p 0.020)" in words
    assert "Faces of older people : 0.600, 0.100 above the rest (40 pictures, adjusted p -)" in words


def broken_down(**changes: Any) -> pd.DataFrame:
    row = {
        "metric": "pipe_mask_psnr",
        "kind": "attribute",
        "name": "Bald",
        "group": "yes",
        "n": 100,
        "mean": 18.0,
    }
    row |= {
        "low": 17.0,
        "high": 18.5,
        "rest_n": 300,
        "rest_mean": 20.0,
        "gap": -2.0,
        "p": 0.01,
        "p_adjusted": 0.02,
    }
    row |= {"significant": True, "small": False, "worst": True}
    return pd.DataFrame([row | changes])


def test_the_gap_s_interval_is_the_group_s_widened_for_the_rest(report: EvalReport):
    page = draw_report(replace(report, breakdown=broken_down()))
    title = words_of(section(tree_of(page), "attributes").find(".//g/title"))  # type: ignore[arg-type]
    wider = (1 + 100 / 300) ** 0.5
    low, high = -2 - wider * 1.0, -2 + wider * 0.5
    assert (
        title
        == f"bald: \N{MINUS SIGN}2.00 (\N{MINUS SIGN}{-low:.2f} to \N{MINUS SIGN}{-high:.2f}), 100 pictures"
    )


@pytest.mark.parametrize(
    ("changes", "sign", "remark"),
    [
        ({}, "*", "worst"),
        ({"worst": False}, "*", "worse"),
        ({"worst": "False", "significant": "True", "gap": 2.0}, "*", "better"),
        ({"worst": False, "significant": False}, "", ""),
        ({"significant": False, "small": True, "n": 12}, "\N{DAGGER}", "too small"),
        ({"significant": False, "rest_n": 12}, "\N{DAGGER}", "rest too small"),
    ],
)
def test_significant_and_small_groups_are_marked_by_more_than_colour(
    report: EvalReport, changes: dict[str, Any], sign: str, remark: str
):
    tree = tree_of(draw_report(replace(report, breakdown=broken_down(**changes))))
    drawn = [words_of(text) for text in section(tree, "attributes").iter("text")]
    assert [mark for mark in ("*", "\N{DAGGER}") if mark in drawn] == ([sign] if sign else [])
    rows = rows_of(next(section(tree, "groups").iter("table")))
    assert list(rows)[1] == f"bald people {remark}".strip()


def test_gaps_are_drawn_worst_first_and_small_groups_last(report: EvalReport):
    frames = [
        broken_down(name=name, gap=gap, small=small)
        for name, gap, small in (
            ("Bald", -1.0, False),
            ("Male", 1.0, False),
            ("Hat", -3.0, True),
            ("Bangs", -2.0, False),
        )
    ]
    no = broken_down(name="Young", group="no", gap=-9.0)
    tree = tree_of(draw_report(replace(report, breakdown=pd.concat([*frames, no]))))
    names = [words_of(title).partition(":")[0] for title in section(tree, "attributes").iter("title")]
    assert names == ["bangs", "bald", "male", "Hat"]
    lower = pd.concat(frames).assign(metric="pipe_identity")
    tree = tree_of(draw_report(replace(report, breakdown=lower)))
    names = [words_of(title).partition(":")[0] for title in section(tree, "attributes").iter("title")]
    assert names == ["male", "bald", "bangs", "Hat"]


def test_every_kind_of_group_has_a_sortable_table_for_every_metric(report: EvalReport, page: str):
    parts = list(section(tree_of(page), "groups").iter("details"))
    assert [part.get("data-metric") for part in parts] == [str(i) for i in range(len(report.broken_down()))]
    assert [part.get("open") for part in parts] == ["open"] + [None] * (len(parts) - 1)
    options = [words_of(option) for option in section(tree_of(page), "groups").iter("option")]
    assert options == [words_of(next(part.iter("summary"))) for part in parts]
    assert options[0] == "PSNR in the mask: both modules, predicted maps"
    for part in parts:
        titles = [words_of(title) for title in part.iter("h3")]
        assert titles[:2] == ["Attribute of the face", "Mask family"]
        assert all(table.get("class") == "sort" for table in part.iter("table"))
    gaps = [float(row[3].get("data-v", "nan")) for row in next(parts[0].iter("tbody"))]
    chosen = report.breakdown.query("metric == 'pipe_mask_psnr' and kind == 'attribute'")
    np.testing.assert_allclose(gaps, chosen["gap"], rtol=1e-4)


def test_pictures_are_jpeg_maps_are_png_and_none_is_wider_than_160_px():
    rng = np.random.default_rng(0)
    shapes = [(300, 400, 3), (300, 400), (100, 90, 3), (2000, 20), (1, 1)]
    images = tuple(rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes)
    gallery = Gallery("map", "Worst", "", tuple("abcde"), (GalleryRow("key", "caption", images),))
    page = draw_report(EvalReport({}, pd.DataFrame(), pd.DataFrame(), (gallery,)))
    found = [
        image.get("src", "").partition(",") for image in section(tree_of(page), "pictures-map").iter("img")
    ]
    assert [head[11:14] for head, _, _ in found] == ["jpe", "png", "jpe", "png", "png"]
    sizes = []
    for _, _, data in found:
        decoded = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
        sizes.append(decoded.shape[:2])
    assert sizes == [(120, 160), (120, 160), (100, 90), (240, 2), (1, 1)]


def test_galleries_stand_by_module_with_their_captions(page: str):
    for module, count in (("edit", 6), ("map", 4)):
        part = section(tree_of(page), f"pictures-{module}")
        assert [words_of(title) for title in part.iter("h3")] == ["Best", "Median", "Worst"]
        assert len(list(part.iter("img"))) == 3 * 2 * count
        assert "182638_00 PSNR in the mask 19.50 dB" in words_of(part)


def test_at_most_600_dots_are_drawn_and_the_page_of_2000_pictures_stays_small():
    report = made_report(2000, gallery_rows=1)
    page = draw_report(report)
    drawings = [d for d in section(tree_of(page), "spread").iter("svg") if d.find(".//circle") is not None]
    assert [len(list(drawing.iter("circle"))) for drawing in drawings] == [600, 600]
    assert len(page.encode()) < 2_000_000


def test_histograms_show_median_and_tail_and_leave_out_what_is_missing(report: EvalReport):
    table = report.table.copy()
    table.loc[:49, "map_iou"] = np.nan
    words = words_of(section(tree_of(draw_report(replace(report, table=table))), "spread"))
    assert f"Median {np.nanmedian(table['map_iou']):.4f}" in words
    table["map_iou"] = np.nan
    table["pipe_mask_psnr"] = 20.0
    titles = [
        words_of(t) for t in section(tree_of(draw_report(replace(report, table=table))), "spread").iter("h3")
    ]
    assert "IoU" not in titles
    assert "PSNR in the mask" in titles


def test_changes_stand_beside_the_classifier_s_accuracy_and_large_ones_are_marked(report: EvalReport):
    accuracy = {"Goatee": {"accuracy": 0.9, "balanced": 0.8, "n": 200}}
    counts = {"n": 200, "yes": 60}
    changes = {"pipe": {"Goatee": {"lost": 0.11, "gained": 0.09, **counts}, "Bald": {"lost": None}}}
    changes |= {"shifted": {"Goatee": {"lost": 0.01, "gained": 0.0}}, "nearest": {"Goatee": {"lost": 0.9}}}
    attributes = {"classifier": {"accuracy": accuracy}, "changes": changes}
    part = section(tree_of(draw_report(with_summary(report, attributes=attributes))), "changes")
    rows = rows_of(next(part.iter("table")))
    assert [cell.replace("\xa0", " ") for cell in rows["Goatee"]] == [
        "60",
        "140",
        "11.0 *",
        "9.0",
        "1.0",
        "0.0",
        "90.0",
        "80.0",
    ]
    assert rows["Bald"] == ["-"] * 8
    assert "the classifier errs too" in words_of(part)
    assert "changes" not in sections(draw_report(with_summary(report, attributes=None)))


def test_changes_of_two_faces_are_shown_as_too_small_and_not_marked(report: EvalReport):
    accuracy = {name: {"accuracy": 0.9, "balanced": 0.8} for name in ("Bald", "No_Beard")}
    changes = {
        "Bald": {"lost": 1.0, "gained": 0.2, "n": 200, "yes": 2},
        "No_Beard": {"lost": 0.3, "gained": 0.05, "n": 200, "yes": 180},
    }
    attributes = {"classifier": {"accuracy": accuracy}, "changes": {"pipe": changes}}
    part = section(tree_of(draw_report(with_summary(report, attributes=attributes))), "changes")
    rows = {name: [cell.replace("\xa0", " ") for cell in row] for name, row in rows_of(part).items()}
    assert rows["Bald"][:4] == ["2 too small", "198", "100.0 too small", "20.0 *"]
    # lost and gained of "no beard", seen from the beard
    assert rows["Beard"][:4] == ["20 too small", "180", "5.0 too small", "30.0 *"]


def test_changes_of_few_people_are_too_small_and_a_mark_needs_the_whole_interval(report: EvalReport):
    accuracy = {name: {"accuracy": 0.9, "balanced": 0.8} for name in ("Bald", "Goatee", "Smiling")}
    counts = {"gained": 0.0, "n": 200, "yes": 100, "yes_clusters": 50, "no_clusters": 12}
    limits = {"Bald": (0.05, 0.3), "Goatee": (0.12, 0.3)}
    changes = {
        name: counts | {"lost": 0.2, "lost_low": low, "lost_high": high}
        for name, (low, high) in limits.items()
    }
    changes["Smiling"] = counts | {"lost": 0.2, "lost_low": 0.15, "lost_high": 0.3, "yes_clusters": 29}
    attributes = {"classifier": {"accuracy": accuracy}, "changes": {"pipe": changes}}
    part = section(tree_of(draw_report(with_summary(report, attributes=attributes))), "changes")
    rows = {name: [cell.replace("\xa0", " ") for cell in row] for name, row in rows_of(part).items()}
    assert rows["Bald"][:4] == ["100", "100 too small", "20.0 5.0 to 30.0", "0.0 too small"]
    assert rows["Goatee"][2] == "20.0 * 12.0 to 30.0"
    assert rows["Smiling"][:3] == ["100 too small", "100 too small", "20.0 too small"]


def test_when_no_group_is_worse_the_page_says_so_and_many_are_cut_short(report: EvalReport):
    words = words_of(section(tree_of(draw_report(with_summary(report, worst=[]))), "worst"))
    assert "No group of 30 people or more is significantly worse" in words
    line = {
        "kind": "family",
        "name": "family",
        "group": "gaiter",
        "n": 40,
        "mean": 20.0,
        "gap": -1.0,
        "p_adjusted": 0.01,
    }
    worst = [line | {"metric": "pipe_psnr"}] * 20 + [line | {"metric": "pipe_mask_psnr"}]
    part = section(tree_of(draw_report(with_summary(report, worst=worst))), "worst")
    assert next(words_of(title) for title in part.iter("h3")).startswith("PSNR in the mask")
    assert len(list(part.iter("li"))) == 12
    assert "The first 12 of 21" in words_of(part)


@pytest.mark.parametrize(
    ("kind", "name", "group", "label", "words"),
    [
        ("attribute", "Wearing_Hat", "yes", "with a hat", "faces with a hat"),
        ("attribute", "Young", "no", "older people", "faces of older people"),
        ("attribute", "No_Beard", "no", "with a beard", "faces with a beard"),
        ("attribute", "Male", "no", "women", "faces of women"),
        ("attribute", "Smiling", "no", "not smiling", "faces that are not smiling"),
        ("attribute", "my_own", "no", "without my own", "faces without my own"),
        ("family", "family", "n95_cup", "n95 cup", "mask family n95 cup"),
        ("lightness", "lightness", "L* 20.1 to 35.0", "L* 20.1 to 35.0", "skin lightness L* 20.1 to 35.0"),
        ("crossing", "Male x Young", "Male yes, Young no", "men, older people", "faces: men, older people"),
        (
            "crossing",
            "Male x worn",
            "Male no, worn nose_out",
            "women, worn nose out",
            "faces: women, worn nose out",
        ),
        ("camera", "lens", "wide_angle", "lens: wide angle", "lens wide angle"),
    ],
)
def test_groups_are_put_into_words(kind: str, name: str, group: str, label: str, words: str):
    assert group_label(kind, name, group) == label
    assert group_words(kind, name, group) == words


def test_identity_has_its_scale(report: EvalReport):
    part = section(tree_of(draw_report(report)), "identity")
    words = words_of(part)
    assert "same person, median 0.50" in words
    assert "another person, nearest 1 % 0.64" in words
    share = 100 * float((report.table["pipe_identity"] < 0.64).mean())
    assert f"Both modules, predicted maps : {share:.0f} %" in words
    alone = {**report.summary["identity"], "genuine_median": None, "genuine_pairs": 0}
    words = words_of(section(tree_of(draw_report(with_summary(report, identity=alone))), "identity"))
    assert "no two pictures of one person, 5,000 pairs of two people" in words
    assert "same person" not in words.partition("The scale")[0].partition("Distance to the clean face")[2]
    bare = section(tree_of(draw_report(with_summary(report, identity=None))), "identity")
    assert "No pairs of people were measured" in words_of(bare)


@pytest.mark.parametrize(
    ("metric", "values", "verdict"),
    [
        ("pipe_psnr", (28.0, 27.0, 0.5, 1.5), "better"),
        ("pipe_psnr", (26.0, 27.0, -1.5, -0.5), "worse"),
        ("pipe_psnr", (27.1, 27.0, -0.5, 0.5), "no difference shown"),
        ("pipe_l1", (3.0, 2.0, 0.5, 1.5), "worse"),
        ("map_area_error", (-0.1, -0.3, 0.1, 0.3), "better"),
        ("something_else", (1.0, 2.0, -1.5, -0.5), "differs"),
    ],
)
def test_a_score_says_which_of_two_is_better(
    metric: str, values: tuple[float, float, float, float], verdict: str
):
    assert read_metric(metric, [System("pipe", "both")]).score.judge(*values) == verdict


def test_a_comparison_shows_its_verdicts(page: str):
    part = section(tree_of(page), "comparison")
    rows = list(rows_of(next(part.iter("table"))))
    assert [row.rpartition("maps ")[2] for row in rows[1:3]] == ["better", "better"]
    assert rows[3] == "IoU: Map Module no difference shown"
    assert "This one is better in 2 of 3 scores, worse in 0" in words_of(part)


def test_every_setting_is_listed(page: str):
    rows = rows_of(next(section(tree_of(page), "settings").iter("table")))
    assert rows["bootstrap: draws"] == ["2000"]
    assert rows["models: map: sha256"] == ["a1b2c3d4" * 8]
    assert rows["data: fingerprint"] == ["5f" * 16]
    assert rows["versions: torch"] == ["2.6.0"]


@pytest.mark.parametrize(
    ("column", "words", "better"),
    [
        ("pipe_mask_psnr", "PSNR in the mask: both", "high"),
        ("pipe_raw_box_l1", "L1 in the box, raw output: both", "low"),
        ("mean_face_identity", "identity distance: mean face", "low"),
        ("mean_face_ssim", "SSIM of the picture: mean face", "high"),
        ("map_raw_boundary_f", "boundary F before cleaning: Map Module", "high"),
        ("map_area_error", "area error: Map Module", "zero"),
        ("pipe_strange", "pipe_strange", ""),
        ("lightness", "lightness", ""),
    ],
)
def test_columns_are_put_into_words(column: str, words: str, better: str):
    metric = read_metric(column, [System("pipe", "both"), System("mean_face", "mean face")])
    assert (metric.words, metric.score.better) == (words, better)


def test_numbers_have_a_real_minus_sign_and_no_negative_zero():
    assert write_number(-1.25, 1, sign=True) == "\N{MINUS SIGN}1.2"
    assert write_number(-0.001, 2, sign=True) == "0.00"
    assert write_number(1234.5, 0) == "1,234"
    assert write_number(0.5, 1, sign=True) == "+0.5"


def test_equal_bests_share_the_mark_and_one_alone_has_none():
    assert best_rows([1.001, None, 1.002, 0.5], "high", 2) == [True, False, True, False]
    assert best_rows([1.0, 2.0], "low", 2) == [True, False]
    assert best_rows([1.0, None], "high", 2) == [False, False]
    assert best_rows([1.0, 2.0], "zero", 2) == [False, False]


def test_drawings_stand_extreme_values():
    flat = Gap("flat", 0.0, 0.0, 0.0, 5, significant=False, small=False, worse=False)
    far = Gap("far" * 20, -1e4, -2e4, 3e4, 5, significant=True, small=True, worse=True)
    for gaps in ([flat], [far], [flat, far]):
        tree = ET.fromstring(draw_gaps(gaps, "label", SCORES["psnr"]))
        assert len(list(tree.iter("g"))) == len(gaps)
    for points in (np.zeros((1, 2)), np.array([[1.0, 1e-9], [1.0, 1e9]])):
        assert ET.fromstring(draw_scatter(points, ["t"] * len(points), "label", ("x", "y"))) is not None
    assert ET.fromstring(draw_scale({"a": ScoreInterval(0.0, None, None, None)}, {}, "label")) is not None
