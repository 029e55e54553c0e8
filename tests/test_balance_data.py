import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_built_triplets import rewrite
from train_support import BATCH, outcome, short, train

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.sources.open_source import open_source
from unmask.model.data.options import DataOptions
from unmask.model.data.triplets import open_triplets
from unmask.model.training.folder import RunFolder


def share(weights: np.ndarray, values: np.ndarray) -> float:
    return float(weights[values == 1].sum() / weights.sum())


def read_columns(folder: Path) -> list[str]:
    return (folder / "manifest.csv").read_text().partition("\n")[0].split(",")


@pytest.fixture(scope="module")
def online(drawn_celeba: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DataOptions]:
    base = DataOptions(
        online=str(drawn_celeba),
        landmarks=drawn_celeba / "landmarks.csv",
        size=64,
        cache=tmp_path_factory.mktemp("cache"),
        workers=1,
    )
    return lambda **changes: replace(base, **changes)


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


@pytest.mark.parametrize(
    ("names", "words"),
    [(("Male", ""), "balance: there is an empty name"), (("Male", "Male"), "balance: Male is named twice")],
)
def test_names_that_make_no_sense_are_refused(names: tuple[str, ...], words: str):
    with pytest.raises(UserError, match=words):
        DataOptions(online="demo", balance=names).check_data()


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
    kept = card.read_text().replace('"balance": null,', "")
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
