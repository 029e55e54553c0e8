import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.data.options import DataOptions
from unmask.model.training.options import FREE_KEYS, EditOptions, MapOptions, config_fields, key_of
from unmask.model.training.preset_files import packaged_presets

GOOD_MAP = MapOptions(Path("run"), online="demo", minutes=1)
GOOD_EDIT = EditOptions(Path("run"), data=Path("built"), images=64)


def test_good_options_pass():
    GOOD_MAP.validate()
    GOOD_EDIT.validate()


@pytest.mark.parametrize("kind", [MapOptions, EditOptions])
def test_run_alone_is_positional_and_everything_else_has_a_default(
    kind: type[MapOptions] | type[EditOptions],
):
    assert kind(Path("run")).preset == kind.presets[0]


def test_presets_known_without_torch_are_those_of_the_trainings():
    assert set(MapOptions.presets) == set(packaged_presets("map"))
    assert set(EditOptions.presets) == set(packaged_presets("edit"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"online": None}, "`data` DATASET or `online` SOURCE"),
        ({"data": Path("built")}, "not both"),
        ({"minutes": None}, "`images`, `epochs` and `minutes`"),
        ({"images": 5}, "`images` and `minutes`"),
        ({"minutes": 0}, "minutes 0"),
        ({"minutes": float("nan")}, "minutes nan"),
        (
            {"preset": "fidelity"},
            "preset fidelity: expected one of pretrained, compact, paper, or a TOML file",
        ),
        ({"precision": "fp16"}, "precision fp16"),
        ({"existing": "maybe"}, "existing maybe"),
        ({"device": "tpu"}, "device tpu"),
        ({"device": "cuda:x"}, "device cuda:x"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"size": 100}, "size 100: expected a multiple of 16"),
        ({"size": 48}, "size 48"),
        ({"size": 0}, "size 0"),
        ({"size": -64}, "size -64"),
        ({"seed": -1}, "seed -1"),
        ({"limit": 0}, "limit 0"),
        ({"val_pictures": 0}, "val_pictures 0"),
        ({"workers": -1}, "workers -1"),
        ({"learning_rate": 0.0}, "learning_rate 0.0"),
        ({"learning_rate": float("inf")}, "learning_rate inf"),
        ({"checkpoint_minutes": -1.0}, "checkpoint_minutes -1.0"),
        ({"val_every": 0}, "val_every 0"),
        ({"sample_every": 0}, "sample_every 0"),
        ({"families": ()}, "families: names no family"),
        ({"families": ("",)}, "families: there is an empty name"),
        ({"holdout_families": ("gaiter", "")}, "holdout_families: there is an empty name in 'gaiter,'"),
        ({"templates": (Path("nowhere"),)}, "templates nowhere"),
        ({"textures": Path("nowhere")}, "textures nowhere"),
        ({"landmarks": Path("nowhere")}, "landmarks nowhere"),
        ({"init_from": Path("nowhere")}, "init_from nowhere"),
    ],
)
def test_nonsense_is_refused_with_its_flag(changes: dict[str, Any], words: str):
    with pytest.raises(UserError) as refused:
        replace(GOOD_MAP, **changes).validate()
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": "wild"}, "recipe"),
        ({"pins": ("worn=proper",)}, "pins"),
        ({"templates": (Path(),)}, "templates"),
        ({"textures": Path()}, "textures"),
        ({"landmarks": Path(__file__)}, "landmarks"),
    ],
)
def test_what_draws_masks_does_not_go_with_a_dataset_that_has_them(changes: dict[str, Any], words: str):
    replace(GOOD_MAP, **changes).validate()
    with pytest.raises(UserError, match=f"^{words}: goes with `online`"):
        replace(GOOD_EDIT, **changes).validate()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"predicted_share": 1.5}, "predicted_share 1.5"),
        ({"predicted_share": float("nan")}, "predicted_share nan"),
        ({"predicted_share": 0.5}, "predicted_share 0.5: goes with `map_run` RUN"),
        ({"mask_discriminator_from": -0.1}, "mask_discriminator_from -0.1"),
        ({"map_run": Path("nowhere")}, "map_run nowhere"),
        ({"vgg19": Path("nowhere.pth")}, "vgg19 nowhere.pth"),
        ({"preset": "compact"}, "preset compact: expected one of fidelity, perceptual, projected, paper"),
        ({"batch_size": 0}, "batch_size 0"),
    ],
)
def test_nonsense_of_the_editing_module_is_refused_with_its_flag(changes: dict[str, Any], words: str):
    with pytest.raises(UserError) as refused:
        replace(GOOD_EDIT, **changes).validate()
    assert words in str(refused.value)


def test_the_share_that_a_printed_configuration_has_needs_no_map_and_none_neither():
    for share in (0.3, 0.0):
        replace(GOOD_EDIT, predicted_share=share, map_run=None).validate()


def test_tensorboard_is_asked_for_before_the_work_and_not_after(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("unmask.model.training.options.find_spec", lambda name: None)
    with pytest.raises(UserError, match="unmask\\[tensorboard\\]"):
        replace(GOOD_MAP, tensorboard=True).validate()


def test_the_configuration_is_json_and_has_every_option_but_run():
    options = replace(GOOD_EDIT, map_run=Path("map"), pins=("worn=proper",), families=("cloth", "kn95"))
    config = options.to_config()
    assert json.loads(json.dumps(config)) == config
    assert not any(isinstance(value, dict) for value in config.values())
    assert len(config) == len(fields(EditOptions)) - 2  # RUN and what changes the preset
    assert (config["map"], config["data"]) == (str(Path("map").absolute()), str(Path("built").absolute()))
    assert (config["set"], config["families"], config["templates"]) == (
        ["worn=proper"],
        ["cloth", "kn95"],
        [],
    )


def test_names_of_weights_are_written_down_as_names_and_files_as_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    config = replace(GOOD_EDIT, map_run=Path("shipped"), init_from=Path("hf://some/one")).to_config()
    assert (config["map"], config["init_from"]) == ("shipped", "hf://some/one")
    assert replace(GOOD_EDIT, data=Path("shipped")).to_config()["data"] == str(tmp_path / "shipped")
    Path("shipped").mkdir()
    assert replace(GOOD_EDIT, map_run=Path("shipped")).to_config()["map"] == str(tmp_path / "shipped")


def test_the_data_get_the_options_of_their_names():
    options = replace(GOOD_MAP, holdout_families=("gaiter",), limit=9, pins=("worn=proper",), jitter=True)
    data: DataOptions = options
    assert (data.online, data.data, data.size) == ("demo", None, 128)
    assert (data.holdout_families, data.limit, data.pins, data.jitter) == (
        ("gaiter",),
        9,
        ("worn=proper",),
        True,
    )


@pytest.mark.parametrize("kind", [MapOptions, EditOptions])
def test_defaults_of_the_data_are_those_of_the_training(kind: type[MapOptions] | type[EditOptions]):
    options, data = kind(Path("run")), DataOptions()
    assert {name: getattr(options, name) for name in vars(data)} == vars(data)


def test_what_may_change_between_sessions_is_part_of_the_configuration():
    assert config_fields(MapOptions).keys() >= FREE_KEYS
    assert not FREE_KEYS & {"preset", "batch_size", "size", "seed", "learning_rate", "holdout_families"}


def test_keys_follow_from_names():
    assert (key_of("batch_size"), key_of("map_run")) == ("batch_size", "map")


def test_workers_share_the_cores_among_the_processes_of_a_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert [GOOD_MAP.render_workers(processes) for processes in (1, 2, 100)] == [8, 4, 1]
    assert replace(GOOD_MAP, workers=0).render_workers(2) == 0
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(200)), raising=False)
    assert GOOD_MAP.render_workers() == 16


def test_the_budget_is_the_one_that_is_given():
    assert GOOD_EDIT.budget().total_images(10) == 64
    assert GOOD_MAP.budget().total_images(10) is None


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0])
def test_a_share_of_bare_faces_leaves_some_masks(share: float):
    replace(GOOD_MAP, bare_share=0.0).validate()
    with pytest.raises(UserError, match=r"bare_share .*: expected a share from 0 to below 1"):
        replace(GOOD_MAP, bare_share=share).validate()


def test_weights_that_come_along_go_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    edit = replace(GOOD_EDIT, map_run=Path("shipped"), init_from=Path("fidelity"))
    edit.validate()
    assert find_weights(Path("fidelity")).name == "edit-fidelity.safetensors"
    with pytest.raises(UserError, match="init_from best: no such file or folder"):
        replace(edit, init_from=Path("best")).validate()
    Path("fidelity").mkdir()  # a run of that name, as ./fidelity
    assert find_weights(Path("./fidelity")) == Path("fidelity")
