import os
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.masks.draw import check_recipe, draw_recipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates

TEMPLATES = load_templates()


@pytest.mark.parametrize(
    "text",
    [
        "palettes = 3",
        "palettes = 'ab'",
        "palettes = [1]",
        "palettes = true",
        "[palettes]\nsurgical = 3",
        "[palettes]\nsurgical = {}",
        "[palettes]\nsurgical = {red = 1}",
        "[palettes.surgical]\n'#aabbcc' = -1",
        "families = []",
        "families = {}",
        "[families]\nnope = 1",
        "templates = {}",
        "[templates]\nnope = 1",
        "[worn]\nstates = {}",
        "[worn]\nstates = []",
        "[worn.states]\nproper = inf",
        "[[worn.states]]\nproper = 1",
        "[colour]\nonly = ['#aabbcc']",
        "[texture.kinds]\n'own:red' = 1",
        "[shape]\nwidth = {choice = ['nan']}",
        "[shape]\nwidth = {choice = ['inf']}",
        "[shape]\nwidth = {choice = [1], weights = 3}",
        "[jitter]\nflip = 2",
        "[a.b]\nc = 1",
    ],
)
def test_a_recipe_file_of_wrong_types_is_one_line(tmp_path: Path, text: str):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        check_recipe(load_recipe_config(str(path)), TEMPLATES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "folder", "large"])
def test_a_recipe_that_is_no_file_of_a_recipes_size_is_one_line(tmp_path: Path, kind: str):
    path = tmp_path / "mine.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(UserError, match=r"^recipe: .*mine.toml cannot be read: ") as caught:
        load_recipe_config(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "pin",
    [
        "", "=", "=1", "family", "family=", "family=nope", "family=others", "family=surgical,cloth",
        "template=nope", "worn=nope", "texture=own:red", "colour=red", "colour=#abc", "palettes={}",
        "families={}", "families=3", "worn.states={}", "worn.states={proper=0}", "templates={}", "colour.only={}",
        "shape.width=nan", "shape.width=-inf", "shape.width=1e400", "shape.width=true", "shape.width='1'",
        "shape.width=[1", "shape.width=1]", "shape.width=[2, 1]", "shape.width={choice=['nan']}",
        "shape.width=2020-01-01", "shape.width=\x00", "SHAPE.WIDTH=1", "light.wrong=2", "sensor.edge=-1",
    ],
)  # fmt: skip
def test_a_pin_of_nonsense_is_one_line(pin: str):
    with pytest.raises(UserError) as caught:
        check_recipe(load_recipe_config("default", [pin]), TEMPLATES)
    assert "\n" not in str(caught.value)


def test_the_last_of_two_pins_holds():
    config = load_recipe_config(
        "default", ["worn=chin", "worn=proper", "shape.width=1.2", " shape.width = 1.1 "]
    )
    assert set(config.states) == {"proper"}
    assert config.ranges["shape.width"].span() == (1.1, 1.1)


def test_a_palette_of_a_file_and_a_pinned_colour_are_what_is_drawn(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text("[colour]\nfree = 0\njitter = 0\n[palettes]\nsurgical = {'#ff0000' = 1}\n")
    for pins, colour in (
        (["family=surgical"], "#ff0000"),
        (["family=surgical", "colour=#00ff00"], "#00ff00"),
    ):
        config = load_recipe_config(str(path), pins)
        drawn = {
            draw_recipe(np.random.default_rng(seed), config, TEMPLATES).fabric.colour for seed in range(10)
        }
        assert len(drawn) == 1
        (one,) = drawn
        wanted, got = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (colour, one))
        assert np.abs(wanted - got).max() <= 6
