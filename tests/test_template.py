import json
import os
import runpy
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from unmask.assets import draw_sheets
from unmask.datagen.common.errors import UserError
from unmask.datagen.masks.template import check_templates, load_templates, packaged_folder
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig

SCRIPT = "unmask.assets.draw_templates"
WRITTEN = "scarf-loose-height.png"  # in both sizes, for its bytes
ANCHORS = {f"{edge}_{part}" for edge in ("top", "bottom") for part in ("centre", "middle", "side")}
PACKAGED = sorted(packaged_folder().rglob("*.json"))


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """A folder of templates of one's own: a renamed copy of a packaged one, in a family of its own."""
    source = next(path for path in PACKAGED if path.parent.name == "cloth")
    folder = tmp_path / "own"
    folder.mkdir()
    data = json.loads(source.read_bytes()) | {"name": "my-mask", "family": "mine"}
    for name in data["layers"].values():
        shutil.copyfile(source.parent / name, folder / name)
    (folder / "my-mask.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


@pytest.fixture
def spoil(own_folder: Path) -> Callable[[Callable[[dict[str, Any]], object]], None]:
    """Changes the JSON of the own template: spoil(lambda data: data.pop("anchors"))."""

    def change(how: Callable[[dict[str, Any]], object]) -> None:
        path = own_folder / "my-mask.json"
        data = json.loads(path.read_bytes())
        how(data)
        path.write_text(json.dumps(data), encoding="utf-8")

    return change


def expect_problem(folder: Path, word: str) -> None:
    """The validator says in lines of their own which file is wrong and what."""
    problems = [str(problem) for problem in check_templates(folder)]
    assert any("my-mask.json" in problem and word in problem for problem in problems), problems
    assert not any("\n" in problem for problem in problems)


def test_at_least_six_families_are_packaged_and_all_are_valid():
    assert check_templates(packaged_folder()) == []
    templates = load_templates()
    assert len(templates) == len(PACKAGED)
    assert set(templates.families) >= {"surgical", "kn95", "n95_cup", "cloth", "sponge", "bandana"}


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_a_packaged_template_has_licence_anchors_and_layers(path: Path):
    data = json.loads(path.read_bytes())
    assert data["name"] == path.stem
    assert data["family"] == path.parent.name
    assert data["licence"] == "Apache-2.0"
    assert set(data["anchors"]) == ANCHORS
    sizes = set()
    for layer in data["layers"].values():
        picture = cv2.imread(str(path.parent / layer), cv2.IMREAD_UNCHANGED)
        assert picture is not None, layer
        sizes.add(picture.shape[:2])
    assert len(sizes) == 1


def test_every_packaged_file_is_drawn_by_our_own_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept, write = packaged_folder(), draw_sheets._write
    other: list[str] = []

    def compare(path: Path, image: np.ndarray) -> None:
        """Compare layers level by level: their compression is a third of the work, and OpenCV's own."""
        if path.name == WRITTEN:
            return write(path, image)
        packaged = cv2.imread(str(kept / path.relative_to(tmp_path)), cv2.IMREAD_UNCHANGED)
        if packaged is None or not np.array_equal(packaged, draw_sheets.levels(image)):
            other.append(str(path))
        return path.touch()

    monkeypatch.setattr(draw_sheets, "_write", compare)
    monkeypatch.setattr(sys, "argv", ["draw_templates", str(tmp_path)])
    monkeypatch.delitem(sys.modules, SCRIPT, raising=False)  # runpy warns of a module that is there already
    runpy.run_module(SCRIPT, run_name="__main__")
    assert other == []
    drawn = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert drawn == {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()}
    written = [name for name in drawn if name.suffix == ".json" or name.name == WRITTEN]
    assert any(name.name == WRITTEN for name in written)
    assert [
        str(name) for name in written if (tmp_path / name).read_bytes() != (kept / name).read_bytes()
    ] == []


def test_a_template_of_ones_own_loads_beside_the_packaged_ones_and_is_worn(
    own_folder: Path, draw_face: Callable, triplet_config: TripletConfig
):
    assert check_templates(own_folder) == []
    templates = load_templates([own_folder])
    assert "mine" in templates.families
    assert len(templates) == len(PACKAGED) + 1
    image, landmarks = draw_face(0)
    config = replace(triplet_config, templates=load_templates([own_folder], ["mine"]))
    triplet = make_triplet(image, [landmarks], config, key="a", variant=0)
    assert isinstance(triplet, Triplet)
    assert (triplet.summary.template, triplet.summary.family) == ("my-mask", "mine")
    assert (triplet.map >= 128).any()


def test_a_name_that_a_packaged_template_has_is_a_problem(own_folder: Path, spoil: Callable):
    spoil(lambda data: data.update(name="surgical-pleated"))
    assert any(
        "'surgical-pleated' is also used by" in str(problem) for problem in check_templates(own_folder)
    )


def test_templates_may_lie_one_folder_down(own_folder: Path, tmp_path: Path):
    own_folder.rename(tmp_path / "inner")
    (tmp_path / "outer").mkdir()
    (tmp_path / "inner").rename(tmp_path / "outer" / "mine")
    assert "mine" in load_templates([tmp_path / "outer"]).families


def test_one_changed_pixel_of_a_layer_changes_the_fingerprint(own_folder: Path):
    before = load_templates([own_folder])
    assert load_templates([own_folder]).fingerprint == before.fingerprint
    for layer in sorted(own_folder.glob("*.png")):
        picture = cv2.imread(str(layer), cv2.IMREAD_UNCHANGED)
        picture[100, 100] ^= 1
        cv2.imwrite(str(layer), picture)
        after = load_templates([own_folder])
        assert after.fingerprint != before.fingerprint
        assert after["my-mask"] != before["my-mask"]
        before = after


def test_a_choice_of_families_keeps_those_and_changes_the_fingerprint():
    some = load_templates(families=["cloth", "surgical"])
    assert some.families == ("cloth", "surgical")
    assert some.fingerprint != load_templates().fingerprint


def test_an_unknown_family_is_named_with_the_flag_and_the_known_ones():
    with pytest.raises(UserError, match=r"families.*'surgicl'.*surgical"):
        load_templates(families=["cloth", "surgicl"])


def test_a_template_that_is_not_there_is_a_user_error_that_names_it():
    with pytest.raises(UserError, match="'nothing'"):
        load_templates()["nothing"]


def test_a_missing_or_empty_folder_is_one_problem(tmp_path: Path):
    for folder in (tmp_path / "absent", tmp_path):
        assert [problem.path for problem in check_templates(folder)] == [folder]
        with pytest.raises(UserError, match=r"^templates"):
            load_templates([folder])


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"name": }', "\ufeff{}", "\x00"], ids=repr)
def test_broken_json_is_named(own_folder: Path, text: str):
    (own_folder / "my-mask.json").write_text(text, encoding="utf-8")
    expect_problem(own_folder, "")


@pytest.mark.parametrize(
    ("how", "word"),
    [
        (lambda data: data.pop("licence"), "licence"),
        (lambda data: data.update(licence=" "), "licence"),
        (lambda data: data.update(colour="red"), "colour"),
        (lambda data: data.update(name="../up"), "name"),
        (lambda data: data.update(name=""), "name"),
        (lambda data: data.pop("anchors"), "anchors"),
        (lambda data: data["anchors"].pop("top_side"), "top_side"),
        (lambda data: data["anchors"].update(ear=[1, 2]), "ear"),
        (lambda data: data["anchors"].update(top_side=[1]), "top_side"),
        (lambda data: data["anchors"].update(top_side=["a", 2]), "top_side"),
        (lambda data: data["anchors"].update(top_side=[500, 2]), "top_side"),
        (lambda data: data["anchors"].update(top_middle=[40, float("nan")]), "top_middle"),
        (lambda data: data["anchors"].update(top_centre=[0, -80]), "above"),
        (lambda data: data.update(lift={"centre": [0, 0, 0, 0, 0]}), "lift.side"),
        (lambda data: data.update(lift=3), "lift"),
        (lambda data: data.update(relief="high"), "relief"),
        (lambda data: data.update(relief=7), "relief"),
        (lambda data: data.update(palette={}), "palette"),
        (lambda data: data.update(palette={"red": 1}), "red"),
        (lambda data: data.update(palette={"#12345g": 1}), "#12345g"),
        (lambda data: data.update(straps={"kind": "glue"}), "glue"),
        (lambda data: data["straps"].update(upper=[float("nan"), 0.1]), "straps.upper"),
        (lambda data: data.update(textures={"tartan_of_my_clan": 1}), "tartan_of_my_clan"),
        (lambda data: data.update(parameters={"width": {"choice": ["wide"]}}), "parameters.width"),
        (lambda data: data.update(parameters={"width": [-5, -4]}), "parameters.width"),
        (lambda data: data.update(parameters={"height": 1}), "height"),
        (lambda data: data.update(parameters=[1]), "parameters"),
        (lambda data: data.update(tint="no"), "tint"),
        (lambda data: data.update(solids=7), "solids"),
        (lambda data: data.update(solids=[{"at": [0, 0.5], "half": [0.2, 0.2]}]), "solids[0].height"),
        (lambda data: data.update(solids=[{"at": [0], "half": [0.2, 0.2], "height": 0.1}]), "solids[0].at"),
        (lambda data: data.update(solids=[{"at": [0, 1], "half": [9, 1], "height": 1}]), "solids[0].half"),
        (lambda data: data.update(solids=[{"deep": 1}]), "deep"),
        (lambda data: data.update(solids=["valve"]), "solids[0]"),
        (lambda data: data.update(layers={}), "albedo"),
        (lambda data: data["layers"].update(albedo=""), "albedo"),
        (lambda data: data["layers"].update(albedo=None), "albedo"),
        (lambda data: data["layers"].update(heigth="a.png"), "heigth"),
        (lambda data: data["layers"].update(albedo="absent.png"), "absent.png"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_value_is_named(own_folder: Path, spoil: Callable, how: Callable, word: str):
    spoil(how)
    expect_problem(own_folder, word)


@pytest.mark.parametrize(
    ("picture", "word"),
    [
        (np.full((384, 512, 3), 255, np.uint8), "RGBA"),
        (np.full((384, 512), 255, np.uint8), "RGBA"),
        (np.full((384, 512, 4), 65535, np.uint16), "8 bits"),
        (np.full((384, 500, 4), 255, np.uint8), "size"),
        (np.full((8, 8, 4), 255, np.uint8), "measure"),
        (np.zeros((384, 512, 4), np.uint8), "opaque"),
        (None, "not a picture"),
    ],
    ids=["RGB", "grey", "16 bit", "other size", "tiny", "empty", "text"],
)
def test_an_albedo_of_the_wrong_kind_is_named(own_folder: Path, picture: np.ndarray | None, word: str):
    path = next(own_folder.glob("*albedo.png"))
    path.write_bytes(b"no picture" if picture is None else cv2.imencode(".png", picture)[1].tobytes())
    expect_problem(own_folder, word)


def test_every_problem_is_listed_at_once_and_loading_names_the_first(own_folder: Path, spoil: Callable):
    spoil(lambda data: data.update(licence="", relief=9, palette={}))
    assert len(check_templates(own_folder)) == 3
    with pytest.raises(UserError, match=r"templates: .*my-mask\.json: licence.*2 more") as caught:
        load_templates([own_folder])
    assert "\n" not in str(caught.value)


def test_a_name_used_twice_is_an_error_that_names_a_file(own_folder: Path, spoil: Callable):
    (own_folder / "copy.json").write_bytes((own_folder / "my-mask.json").read_bytes())
    assert any("my-mask" in str(problem) for problem in check_templates(own_folder))
    with pytest.raises(UserError, match=r"(copy|my-mask)\.json"):
        load_templates([own_folder])


def test_the_name_of_a_packaged_template_cannot_be_taken(own_folder: Path, spoil: Callable):
    spoil(lambda data: data.update(name=PACKAGED[0].stem))
    with pytest.raises(UserError, match=PACKAGED[0].stem):
        load_templates([own_folder])


def _way_out(way: str, own_folder: Path, tmp_path: Path) -> str:
    """A name under which the albedo lies outside the template's folder."""
    outside = tmp_path / "outside.png"
    shutil.copyfile(next(own_folder.glob("*albedo.png")), outside)
    if way == "absolute":
        return str(outside)
    if way == "..":
        return "../outside.png"
    name = {"link": "link.png", "linked folder": "sub/outside.png"}[way]
    link = own_folder / Path(name).parts[0]
    link.symlink_to(tmp_path if way == "linked folder" else outside)
    return name


@pytest.mark.parametrize("way", ["absolute", "..", "link", "linked folder"])
def test_a_layer_outside_the_folder_is_refused(own_folder: Path, spoil: Callable, tmp_path: Path, way: str):
    name = _way_out(way, own_folder, tmp_path)
    spoil(lambda data: data["layers"].update(albedo=name))
    expect_problem(own_folder, f"layers.albedo: {name!r} cannot be read: it leads outside its folder")
    with pytest.raises(UserError, match=r"^templates: .*my-mask\.json: layers\.albedo"):
        load_templates([own_folder])


def test_a_layer_in_a_folder_below_or_linked_inside_the_folder_is_fine(own_folder: Path, spoil: Callable):
    albedo = next(own_folder.glob("*albedo.png"))
    (own_folder / "layers").mkdir()
    albedo.rename(own_folder / "layers" / "a.png")
    (own_folder / "link.png").symlink_to("layers/a.png")
    for name in ("layers/a.png", "link.png"):
        spoil(lambda data, name=name: data["layers"].update(albedo=name))
        assert check_templates(own_folder) == []


def test_a_json_that_is_a_link_to_elsewhere_is_refused(own_folder: Path, tmp_path: Path):
    (own_folder / "my-mask.json").rename(tmp_path / "elsewhere.json")
    (own_folder / "my-mask.json").symlink_to(tmp_path / "elsewhere.json")
    expect_problem(own_folder, "it leads outside its folder")


def test_a_pipe_is_refused_and_not_waited_for(own_folder: Path, spoil: Callable):
    os.mkfifo(own_folder / "pipe.png")
    spoil(lambda data: data["layers"].update(albedo="pipe.png"))
    expect_problem(own_folder, "layers.albedo: 'pipe.png' cannot be read: not a regular file")
    (own_folder / "my-mask.json").unlink()
    os.mkfifo(own_folder / "my-mask.json")
    expect_problem(own_folder, "not a regular file")


@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png", ".", "loop.png", "x" * 300], ids=repr)
def test_a_name_that_no_file_can_have_is_named(own_folder: Path, spoil: Callable, name: str):
    (own_folder / "loop.png").symlink_to("loop.png")
    spoil(lambda data: data["layers"].update(albedo=name))
    expect_problem(own_folder, "layers.albedo")


def test_a_json_too_large_to_be_a_template_is_named(own_folder: Path):
    with (own_folder / "my-mask.json").open("a") as file:
        file.write(" " * (1 << 20))
    expect_problem(own_folder, "larger than 1 MiB")
