import json
import math
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.dataset.again import Again
from unmask.datagen.dataset.manifest import iterate_manifest, read_manifest, write_manifest
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.wall import Wall, WallFilter
from unmask.datagen.masks.recipe import BINDING, STRAP_LATER, MaskRecipe
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.render.recipe_text import parse_recipe
from unmask.datagen.render.triplet import Triplet


@pytest.fixture(scope="module")
def wall(built_once: Path) -> Wall:
    return Wall(built_once)


@pytest.fixture(scope="module")
def again(built_once: Path) -> Again:
    return Again(built_once)


def test_every_filter_keeps_what_the_manifest_says(wall: Wall, built_once: Path):
    table = read_manifest(built_once / "manifest.csv")
    family, worn = table.family[0], table.worn[1]
    middle = float(table.coverage.median())
    for wanted, fits in (
        (WallFilter(), table.status == "ok"),
        (WallFilter(families=(family, "none such")), table.family == family),
        (WallFilter(worn=(worn,)), table.worn == worn),
        (WallFilter(splits=("train", "val")), table.split != "test"),
        (WallFilter(coverage=(middle, 1.0)), table.coverage >= middle),
        (WallFilter(yaw=(-math.inf, 0.0), roll=(0.0, 90.0)), (table.yaw <= 0) & (table.roll >= 0)),
        (WallFilter(attributes=("Male",)), table.attr_Male == 1),
        (WallFilter(attributes=("-Male", "Young")), (table.attr_Male == 0) & (table.attr_Young == 1)),
    ):
        assert [row.key for row in wall.select(wanted)] == list(table.key[fits]), wanted
        assert fits.sum() > 0


def test_facets_count_the_triplets(wall: Wall, built_once: Path):
    table = read_manifest(built_once / "manifest.csv")
    assert wall.facets["families"] == table.family.value_counts().to_dict()
    assert wall.facets["splits"] == table.split.value_counts().to_dict()
    assert wall.facets["attributes"]["Male"] == table.attr_Male.sum()


def test_an_attribute_that_the_dataset_does_not_have_is_named(wall: Wall):
    with pytest.raises(ArgumentError, match="unknown 'Mle'"):
        wall.select(WallFilter(attributes=("-Mle",)))


def test_a_picture_with_several_faces_has_the_families_of_all(tmp_path: Path, built_once: Path):
    out = copied(built_once, tmp_path, lambda row: replace(row, faces=2, recipe=doubled(row.recipe)))
    row = Wall(out).rows[0]
    assert row.families == {row.family, "scarf"}


def doubled(recipe: str) -> str:
    data = json.loads(recipe)
    other = json.loads(json.dumps(data["faces"][0]))
    other["mask"]["family"] = "scarf"
    return json.dumps({**data, "faces": [*data["faces"], other]})


def copied(built: Path, tmp_path: Path, change: Callable[[ManifestRow], ManifestRow]) -> Path:
    out = tmp_path / "changed"
    shutil.copytree(built, out)
    rows = [change(row) for row in iterate_manifest(built / "manifest.csv")]
    write_manifest(out / "manifest.csv", [replace(row, attributes=()) for row in rows])
    return out


def test_rows_that_lead_out_of_the_dataset_are_refused(tmp_path: Path, built_once: Path):
    out = copied(built_once, tmp_path, lambda row: replace(row, clean="../secret.png"))
    with pytest.raises(UserError, match=r"'\.\./secret\.png' is no file inside"):
        Wall(out)


def test_a_link_that_takes_a_pictures_place_is_not_followed(tmp_path: Path, built_once: Path):
    out = copied(built_once, tmp_path, lambda row: row)
    wall = Wall(out)
    row = wall.rows[0]
    (tmp_path / "secret").write_bytes(b"secret")
    (out / row.masked).unlink()
    (out / row.masked).symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match="no file inside"):
        wall.read(row.number, "masked")


def test_a_folder_that_is_no_dataset_is_named(tmp_path: Path):
    with pytest.raises(ArgumentError, match=r"no manifest\.csv in it"):
        Wall(tmp_path)


def test_nothing_changed_gives_the_triplet_of_the_dataset(wall: Wall, again: Again, built_once: Path):
    for number in (0, 5):
        row = wall.whole_row(number)
        made = again.change(wall.read(number, "clean"), row, {})
        assert np.array_equal(made.masked, decode_picture(wall.read(number, "masked")).image_rgb)
        assert np.array_equal(made.map, decode_picture(wall.read(number, "map")).image_rgb[..., 0])


def test_a_draw_with_the_seed_of_the_build_gives_the_triplet_of_the_dataset(wall: Wall, again: Again):
    for number in (0, 5):
        made = again.draw(wall.read(number, "clean"), wall.whole_row(number), (), seed=1)
        assert np.array_equal(made.masked, decode_picture(wall.read(number, "masked")).image_rgb)


def test_a_draw_keeps_to_its_pins(wall: Wall, again: Again):
    made = again.draw(wall.read(0, "clean"), wall.whole_row(0), ("family=gaiter", "worn=chin"), seed=9)
    assert (made.summary.family, made.summary.worn) == ("gaiter", "chin")
    with pytest.raises(ArgumentError, match="unknown key 'wor'"):
        again.draw(wall.read(0, "clean"), wall.whole_row(0), ("wor=chin",), seed=9)


def test_another_colour_changes_the_mask_and_nothing_beside_it(wall: Wall, again: Again):
    row, clean = wall.whole_row(0), wall.read(0, "clean")
    made = again.change(clean, row, {"fabric.colour": "#c02030", "fabric.texture": "plain"})
    assert made.summary.colour == "#c02030"
    there = made.layers.any(axis=2)
    assert np.array_equal(made.masked[~there], decode_picture(clean).image_rgb[~there])
    red, green, _ = made.masked[made.map == 255].mean(axis=0)
    assert red > 2 * green


def test_another_template_brings_its_family(wall: Wall, again: Again):
    made = again.change(wall.read(0, "clean"), wall.whole_row(0), {"template": "kf94-boat"})
    assert (made.summary.template, made.summary.family) == ("kf94-boat", "kn95")


@pytest.mark.parametrize(
    ("changes", "face", "words"),
    [
        ({"fabric.colur": "#ffffff"}, 0, "changes: unknown 'fabric.colur'"),
        ({"worn": "chin"}, 0, "changes: unknown 'worn'"),
        ({"fabric.colour": "red"}, 0, "changes: not a mask recipe: fabric.colour is 'red'"),
        ({"shape.width": 99}, 0, "changes: not a mask recipe: shape.width is '99'"),
        ({"template": "none such"}, 0, "template 'none such' is not at hand"),
        ({"fabric.scale": True}, 0, "changes: not a mask recipe"),
        ({}, 1, "face 1: the picture has 1"),
    ],
)
def test_changes_that_make_no_mask_are_refused_by_name(
    wall: Wall, again: Again, changes: Mapping[str, object], face: int, words: str
):
    with pytest.raises(UserError, match=re.escape(words)):
        again.change(wall.read(0, "clean"), wall.whole_row(0), changes, face)


def test_whatever_a_recipe_has_can_be_changed_but_what_follows_from_it(wall: Wall, again: Again):
    mask = parse_recipe(wall.whole_row(0).recipe)["faces"][0]["mask"]
    there = {f"{part}.{name}" for part, value in mask.items() if isinstance(value, dict) for name in value}
    there |= {name for name, value in mask.items() if not isinstance(value, dict)}
    left_out = {"shape.thickness", "fabric.solid", *(f"fabric.{name}" for name in BINDING)}  # what it has not
    left_out |= {f"strap.{name}" for name in STRAP_LATER}
    assert {field.key for field in again.fields} == (there - {"family", "worn"}) | left_out
    assert {field.name for field in fields(MaskRecipe)} - set(mask) == {"occluder"}
    for field in again.fields:
        assert (field.span is not None) == (field.kind in ("number", "whole"))
        assert bool(field.choices) == (field.kind == "choice")


def test_masks_are_told_with_every_value_that_has_an_effect(again: Again, built_once: Path):
    row = next(row for row in iterate_manifest(built_once / "manifest.csv") if row.status == "ok")
    clean = (built_once / row.clean).read_bytes()
    flat, valved = (
        again.masks(again.change(clean, row, {"template": name}).recipe_json)[0]
        for name in ("surgical-pleated", "valve-fold")
    )
    told = {(part, name) for part, values in valved.items() if isinstance(values, dict) for name in values}
    assert {tuple(field.key.split(".")) for field in again.fields if "." in field.key} == told
    assert flat["shape"]["thickness"] == valved["shape"]["thickness"] == 0.0
    assert "solid" not in flat["fabric"]
    own = valved["fabric"]["solid"]
    drawn = again.change(clean, row, {"template": "valve-fold", "fabric.solid": own})
    assert again.masks(drawn.recipe_json)[0]["fabric"]["solid"] == own
    dyed = again.change(clean, row, {"template": "valve-fold", "fabric.solid": "#c02030"})
    as_it_is = again.change(clean, row, {"template": "valve-fold"})
    assert far(drawn, as_it_is) < far(dyed, as_it_is)


def far(one: Triplet, other: Triplet) -> float:
    return float(np.abs(one.masked.astype(int) - other.masked).mean())
