import json
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.rng import generator
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import TemplateSet, check_templates, load_templates, packaged_folder
from unmask.datagen.masks.template_layers import LARGE_FOLDER, load_large_layers, load_layers

DRAWS = 3000
FAMILIES = {
    *("surgical", "surgical_small", "kn95", "n95_cup", "duckbill", "valve_respirator", "half_face"),
    *("cloth", "cloth_pleated", "sponge", "bandana", "gaiter", "scarf", "clear_window"),
}
GUIDE = Path(__file__).parents[1] / "docs" / "templates.md"


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load_templates()


def code_block(language: str) -> str:
    """The first fenced block of a language in the guide for users."""
    found = re.search(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_at_least_thirteen_families_have_names_of_real_kinds(templates: TemplateSet):
    assert set(templates.families) >= FAMILIES
    assert len(templates) >= 30


def test_packaged_files_stay_small():
    sizes = {path: path.stat().st_size for path in packaged_folder().rglob("*") if path.is_file()}
    large = sum(size for path, size in sizes.items() if path.parent.name == LARGE_FOLDER)
    assert large < 3_500_000
    assert sum(sizes.values()) - large < 1_500_000


def test_large_layers_are_the_same_drawing_at_twice_the_size(templates: TemplateSet):
    for template in templates.templates:
        small, large = load_layers(template, 0), load_large_layers(template)
        for name in ("alpha", "height", "glass", "trim"):
            plane, twice = getattr(small, name), getattr(large, name)
            assert twice.shape == (2 * plane.shape[0], 2 * plane.shape[1])
            back = cv2.resize(twice, plane.shape[::-1], interpolation=cv2.INTER_AREA)
            assert np.abs(back - plane).mean() < 0.01, (template.name, name)


def test_default_recipe_uses_every_template(templates: TemplateSet):
    config = load_recipe_config()
    assert set(config.families) >= set(templates.families)
    generators = (generator(5, str(index), 0, "templates") for index in range(DRAWS))
    used = Counter(draw_recipe(rng, config, templates).template for rng in generators)
    assert min(used[template.name] for template in templates.templates) >= 15


def test_every_strap_kind_is_worn(templates: TemplateSet):
    kinds = {template.straps.kind for template in templates.templates}
    assert kinds == {"ear_loops", "head_straps", "ties", "none"}


def test_least_cover_is_lowered_only_for_small_cuts_and_moulded_cups(templates: TemplateSet):
    lowered = {template.family for template in templates.templates if template.least_cover < 0.8}
    assert lowered <= {"surgical_small", "n95_cup", "duckbill", "valve_respirator", "half_face"}


def test_palettes_hold_white_black_and_skin_like_colours(templates: TemplateSet):
    colours = [
        np.array([int(hex_[at : at + 2], 16) for at in (1, 3, 5)])
        for template in templates.templates
        for hex_ in template.palette
    ]
    assert any(colour.min() > 235 for colour in colours)
    assert any(colour.max() < 45 for colour in colours)
    skin = [c for c in colours if c[0] > c[1] + 15 > c[2] + 25 and 120 < c[0] < 245]
    assert len(skin) > 5
    assert all(len(template.palette) >= 6 for template in templates.templates)


def test_windows_let_light_through_inside_the_outline_only(templates: TemplateSet):
    for template in templates.of_family("clear_window"):
        layers = load_layers(template, 0)
        assert 0.05 < (layers.glass > 0.5).mean() < 0.4
        assert (layers.alpha[layers.glass > 0] == 1).all()


def test_small_copies_of_trim_have_no_dark_fringe(templates: TemplateSet):
    white = load_layers(templates["surgical-ties"], 3)
    seen = white.trim > 0.05
    assert white.trim_rgb[:, seen].min() > 0.5


def test_the_guides_example_is_a_valid_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    example = code_block("json")
    assert len(example.splitlines()) <= 15
    folder = tmp_path / "my-masks"
    folder.mkdir()
    (folder / f"{json.loads(example)['name']}.json").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(code_block("python"), {})
    assert check_templates(folder) == []
    assert load_templates([folder])["star-cloth"].family == "mine"


def test_the_guide_names_every_key_of_the_format(templates: TemplateSet):
    text = GUIDE.read_text(encoding="utf-8")
    for template in templates.templates:
        data = json.loads((template.folder / f"{template.name}.json").read_bytes())
        for key in (*data, *data["layers"], *data["anchors"], *data.get("parameters", {})):
            assert f"`{key}`" in text or f'"{key}"' in text or f"`{key}." in text, key
