import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_balance import share
from test_built_triplets import rewrite
from train_support import BATCH, outcome, short, train

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.sources.open_source import open_source
from unmask.model.data import skin
from unmask.model.data.balance import LEAST, MOST, Balance
from unmask.model.data.faces import open_face_cache
from unmask.model.data.options import DataOptions
from unmask.model.data.traits import skin_trait
from unmask.model.data.triplets import open_triplets
from unmask.model.metrics.skin import skin_lightness
from unmask.model.training.folder import RunFolder


def read_columns(folder: Path) -> list[str]:
    return (folder / "manifest.csv").read_text().partition("\n")[0].split(",")


def test_online_a_face_weighs_by_its_own_attributes(online: Callable[..., DataOptions], drawn_celeba: Path):
    plain, balanced = open_triplets(online()), open_triplets(online(balance=("Male",)))
    assert plain.weights is None
    source = open_source(str(drawn_celeba))
    bits = {face.name: face.attributes[source.attribute_names.index("Male")] for face in source.faces}
    values = np.array([bits[balanced.train.keys(index)] for index in range(len(balanced.train))])
    assert set(values) == {0, 1}
    assert share(balanced.weights, values) == pytest.approx(0.5)
    assert balanced.notes[-1].startswith("balanced Male: without ")
    assert balanced.fingerprint != plain.fingerprint
    assert balanced.val.fingerprint == plain.val.fingerprint


def test_a_dataset_is_balanced_by_its_manifest(built_once: Path):
    splits = open_triplets(DataOptions(data=built_once, balance=("Male",)))
    with (built_once / "manifest.csv").open(newline="") as file:
        bits = {row["key"]: int(row["attr_Male"]) for row in csv.DictReader(file)}
    values = np.array([bits[splits.train.keys(index)] for index in range(len(splits.train))])
    assert set(values) == {0, 1}
    assert share(splits.weights, values) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["Mael", "male", "skinn"])
def test_an_unknown_attribute_is_refused_with_the_nearest_before_faces_are_decoded(
    online: Callable[..., DataOptions], built_once: Path, tmp_path: Path, name: str
):
    words = rf"balance: unknown attribute '{name}'; the nearest known one is "
    with pytest.raises(UserError, match=words):
        open_triplets(online(balance=("Young", name), cache=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    with pytest.raises(UserError, match=words):
        open_triplets(DataOptions(data=built_once, balance=(name,)))


def test_a_source_or_dataset_without_attributes_is_refused(
    drawn_celeba: Path, built_once: Path, tmp_path: Path
):
    faces = shutil.copytree(drawn_celeba / "img_align_celeba", tmp_path / "faces")
    options = DataOptions(online=str(faces), size=64, cache=tmp_path / "none")
    with pytest.raises(UserError, match=r"balance Male: .*faces has no attributes"):
        open_triplets(replace(options, balance=("Male",)))
    assert not (tmp_path / "none").exists()
    copied = Path(shutil.copytree(built_once, tmp_path / "data"))
    unknown = [name for name in read_columns(copied) if name.startswith("attr_")]
    rewrite(copied, lambda row: row.update(dict.fromkeys(unknown, "")))
    with pytest.raises(UserError, match="balance Male: unknown of every picture to train on"):
        open_triplets(DataOptions(data=copied, balance=("Male",)))
    rewrite(copied, lambda row: [row.pop(name) for name in unknown])
    with pytest.raises(UserError, match=r"balance Male: .*data has no attributes"):
        open_triplets(DataOptions(data=copied, balance=("Male",)))


def test_skin_is_measured_once_whatever_the_workers_and_asks_for_no_attributes(
    drawn_celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source, table = open_source(str(drawn_celeba)), LandmarkTable.read(drawn_celeba / "landmarks.csv")
    caches = [open_face_cache(source, (64, 64), False, tmp_path / name, 1, table) for name in "ab"]
    monkeypatch.setattr(skin, "_CHUNK_PICTURES", 2)
    monkeypatch.setattr(skin, "_STARTING", 3)  # so that the six faces are two processes' work
    one, two = (skin.measure_lightness(cache, workers) for cache, workers in zip(caches, (1, 2), strict=True))
    assert np.array_equal(one, two, equal_nan=True)
    wanted = [skin_lightness(caches[0].picture(i), caches[0].landmarks(i).points) for i in range(6)]
    assert one.tolist() == pytest.approx(
        [np.nan if found is None else found for found in wanted], nan_ok=True
    )
    (caches[1].folder / skin.LIGHTNESS).write_bytes(b"damaged")
    assert np.array_equal(skin.measure_lightness(caches[1], 1), one, equal_nan=True)
    monkeypatch.setattr(skin, "skin_lightness", None)
    assert np.array_equal(skin.measure_lightness(caches[1], 1), one, equal_nan=True)


def test_faces_are_balanced_by_five_classes_of_skin():
    lightness = np.array([30, 49.9, *[65] * 10, 90, np.nan], np.float32)
    found = skin_trait(lightness)
    assert found.values.tolist() == [0, 0, *[2] * 10, 4, -1]
    weights = Balance((found,)).weights
    assert weights[[2, 12]] == pytest.approx([LEAST, MOST])
    assert weights[:2] == pytest.approx([2, 2], rel=0.1)
    assert weights[13] == pytest.approx(1, rel=0.1)
    assert found.note(weights).startswith("balanced skin: L* below 50 15.4 % -> ")


def test_skin_needs_no_attributes_and_a_dataset_has_none(
    online: Callable[..., DataOptions], drawn_celeba: Path, built_once: Path, tmp_path: Path
):
    faces = shutil.copytree(drawn_celeba / "img_align_celeba", tmp_path / "faces")
    options = online(online=str(faces), cache=tmp_path / "cache", balance=("skin",))
    assert open_triplets(options).notes[-1].startswith("balanced skin: ")
    with pytest.raises(UserError, match=r"balance Male: .*faces has no attributes; only skin is measured"):
        open_triplets(replace(options, balance=("skin", "Male")))
    with pytest.raises(UserError, match="balance skin: goes with `online`"):
        DataOptions(data=built_once, balance=("skin",)).check_data()


@pytest.mark.parametrize(
    ("names", "words"),
    [(("Male", ""), "balance: there is an empty name"), (("Male", "Male"), "balance: Male is named twice")],
)
def test_names_that_make_no_sense_are_refused(names: tuple[str, ...], words: str):
    with pytest.raises(UserError, match=words):
        DataOptions(online="demo", balance=names).check_data()


@pytest.mark.parametrize("strength", [0.0, -1.0, 1.5, float("nan")])
def test_a_strength_that_makes_no_sense_is_refused(strength: float):
    with pytest.raises(UserError, match="balance_strength"):
        DataOptions(online="demo", balance=("Male",), balance_strength=strength).check_data()
    with pytest.raises(UserError, match="balance_strength: goes with `balance`"):
        DataOptions(online="demo", balance_strength=0.5).check_data()


# ---- trainings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["map", "edit"])
def test_a_balanced_training_resumes_as_if_it_had_never_stopped(
    narrow: None, module: str, tmp_path: Path, face_cache: Path
):
    apart = {"val_every": 3 * BATCH, "sample_every": 3 * BATCH, "balance": ("Male", "Young")}
    whole, halves = (short(module, tmp_path / name, face_cache, **apart) for name in ("whole", "halves"))
    train(whole)
    assert train(halves, stop_in=2).stopped == "interrupted"
    train(halves)
    assert outcome(halves.run) == outcome(whole.run)
    plain = replace(whole, run=tmp_path / "plain", balance=None)
    train(plain)
    assert outcome(plain.run)["last weights"] != outcome(whole.run)["last weights"]
    assert (RunFolder(whole.run).read_config() or {})["balance"] == ["Male", "Young"]
    with pytest.raises(UserError, match=r"`balance` was Male,Young, now Male"):
        train(replace(whole, balance=("Male",)))


def test_a_run_of_before_there_was_a_balance_goes_on(narrow: None, tmp_path: Path, face_cache: Path):
    options = short("map", tmp_path / "run", face_cache)
    train(options, stop_in=2)
    card = options.run / "config.json"
    kept = card.read_text().replace('"balance": null,', "").replace('"balance_strength": null,', "")
    assert "balance" not in kept
    card.write_text(kept)
    assert train(options).stopped == "finished"


def test_the_flag_says_in_one_line_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    run = tmp_path / "run"
    command = ["map", str(run), "--online", "demo", "--images", "8", "--cache", str(tmp_path / "cache")]
    assert main([*command, "--balance", "Young,Beard"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: --balance: unknown attribute 'Beard'; the nearest known one is No_Beard\n"
    assert main([*command, "--balance", "Young,Young"]) == 2
    assert capsys.readouterr().err == "error: --balance: Young is named twice\n"
    assert not list(tmp_path.iterdir())
