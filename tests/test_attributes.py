"""The classifier of attributes: what ships, what it calls a change, and that the command trains one that works."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.model.evaluation.attributes import (
    CARD_NAME,
    SIDE_PX,
    WEIGHTS_NAME,
    AttributeProbe,
    load_probe,
    save_probe,
)
from unmask.model.evaluation.features import GRID, FeatureNetwork

PEOPLE, EACH = 24, 2
PATTERNS = {"Red": lambda n: n % 2 == 0, "Striped": lambda n: n % 3 == 0, "Never": lambda n: False}


@pytest.fixture(scope="module")
def packaged() -> AttributeProbe:
    return load_probe()


def picture(person: int, variant: int) -> np.ndarray:
    rng = np.random.default_rng([person, variant])
    image = np.full((SIDE_PX, SIDE_PX, 3), (40, 120, 160), np.uint8)
    if PATTERNS["Red"](person):
        image[:] = (200, 40, 40)
    if PATTERNS["Striped"](person):
        image[:, ::8] = image[:, 1::8] = 255
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with attributes in CelebA's layout; every fourth person is in the val split."""
    folder = tmp_path_factory.mktemp("celeba")
    (folder / "img_align_celeba").mkdir()
    attributes, people, parts = [], [], []
    for person in range(PEOPLE):
        for variant in range(EACH):
            name = f"{person:03d}_{variant}.png"
            image = picture(person, variant)
            cv2.imwrite(str(folder / "img_align_celeba" / name), image[..., ::-1])
            values = " ".join("1" if has(person) else "-1" for has in PATTERNS.values())
            attributes.append(f"{name} {values}")
            people.append(f"{name} {person}")
            parts.append(f"{name} {1 if person % 4 == 3 or person % 8 == 0 else 0}")
    head = [str(len(attributes)), " ".join(PATTERNS)]
    (folder / "list_attr_celeba.txt").write_text("\n".join([*head, *attributes]) + "\n")
    (folder / "identity_CelebA.txt").write_text("\n".join(people) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
    return folder


def probe(*names: str) -> AttributeProbe:
    card = {"accuracy": {name: {"balanced": 0.7 + 0.1 * index} for index, name in enumerate(names)}}
    count = len(names)
    return AttributeProbe(names, np.zeros((GRID, count), np.float32), np.zeros(count, np.float32), card)


def test_changes_are_shares_of_the_pictures_where_they_can_happen():
    clean = np.array([[1, 0], [1, 0], [1, 0], [0, 0]], bool)
    restored = np.array([[1, 0], [0, 1], [0, 0], [1, 0]], bool)
    found = probe("Smiling", "Bald").changes(clean, restored)
    shares = {name: {key: one[key] for key in ("lost", "gained", "n", "yes")} for name, one in found.items()}
    assert shares == {
        "Smiling": {"lost": 2 / 3, "gained": 1.0, "n": 4, "yes": 3},
        "Bald": {"lost": None, "gained": 0.25, "n": 4, "yes": 0},
    }
    with pytest.raises(ValueError, match="answers"):
        probe("Smiling").changes(clean, restored)


def test_changes_of_one_person_s_pictures_know_less_than_those_of_as_many_people():
    rng = np.random.default_rng(1)
    people = np.repeat(np.arange(40), 5)
    clean = np.ones((200, 1), bool)
    restored = np.repeat(rng.random((40, 1)) < 0.7, 5, axis=0)  # a person's pictures lose it together
    alone = probe("Smiling").changes(clean, restored)["Smiling"]
    together = probe("Smiling").changes(clean, restored, people)["Smiling"]
    assert (alone["yes_clusters"], together["yes_clusters"], together["no_clusters"]) == (200, 40, 0)
    assert alone["lost"] == together["lost"]
    width = {name: one["lost_high"] - one["lost_low"] for name, one in (("a", alone), ("b", together))}
    assert 1.8 < width["b"] / width["a"] < 2.6  # the root of five
    assert together["gained"] is together["gained_low"] is None


def test_an_answer_is_worth_reading_where_guessing_is_beaten_by_far():
    assert probe("Oval_Face", "Smiling", "Bald").known == ("Smiling", "Bald")


def test_the_packaged_classifier_says_what_it_is_and_how_well_it_knows(packaged):
    card = packaged.describe()
    assert len(packaged.names) == 40 and set(card["accuracy"]) == set(packaged.names)
    assert {"No_Beard", "Mustache", "Goatee", "Wearing_Lipstick", "Smiling"} <= set(packaged.known)
    assert "Oval_Face" not in packaged.known
    assert card["pictures"] > 10_000 and "val" in card["judged_on"] and "non-commercial" in card["terms"]
    assert all(0.5 < found["balanced"] <= 1 and found["n"] > 1000 for found in card["accuracy"].values())
    json.dumps(card)


def test_the_packaged_classifier_is_small_and_its_card_names_no_machine(packaged):
    from importlib.resources import files

    folder = files("unmask.assets") / "weights"
    assert len((folder / WEIGHTS_NAME).read_bytes()) < 400_000
    text = (folder / CARD_NAME).read_text(encoding="utf-8")
    assert "/work" not in text and "/home" not in text and "OUT --source CELEBA" in text


def test_the_packaged_classifier_answers_for_every_picture(packaged, draw_face):
    faces = np.stack([draw_face(index)[0][45:173, 25:153] for index in range(3)])
    answers = packaged.predict(FeatureNetwork().describe(faces))
    assert answers.shape == (3, 40) and answers.dtype == np.bool_
    assert answers.any() and not answers.all()


def test_a_trained_classifier_knows_what_can_be_seen_in_people_it_never_saw(source, tmp_path, capsys):
    assert main(["attributes", str(tmp_path / "out"), "--source", str(source)]) == 0
    printed = capsys.readouterr().out
    assert "Red" in printed and "Striped" in printed and "Never" not in printed
    trained = load_probe(tmp_path / "out")
    assert trained.names == trained.known == ("Red", "Striped")
    assert trained.card["data"] == "CelebA, train split" and trained.card["pictures"]["judged"] == 18
    pictures = np.stack([picture(100 + person, 0) for person in range(6)])
    answers = trained.predict(FeatureNetwork().describe(pictures))
    wanted = [[PATTERNS[name](100 + person) for name in trained.names] for person in range(6)]
    assert answers.tolist() == wanted


def test_training_again_writes_the_same_files(source, tmp_path):
    for name in ("a", "b"):
        assert main(["attributes", str(tmp_path / name), "--source", str(source), "--limit", "24"]) == 0
    for file in (WEIGHTS_NAME, CARD_NAME):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert "--limit 24" in (tmp_path / "a" / CARD_NAME).read_text()


def test_what_cannot_be_trained_on_is_one_line(source, tmp_path, capsys):
    plain = tmp_path / "plain"
    plain.mkdir()
    cv2.imwrite(str(plain / "a.png"), picture(0, 0))
    assert main(["attributes", str(tmp_path / "out"), "--source", str(plain)]) == 2
    assert "no attributes" in capsys.readouterr().err
    assert main(["attributes", str(tmp_path / "out"), "--source", str(source), "--limit", "1"]) == 2
    assert capsys.readouterr().err.startswith("error: --source")
    assert not any((tmp_path / "out").iterdir())
    (tmp_path / "file").write_text("")
    assert main(["attributes", str(tmp_path / "file"), "--source", str(source)]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_damaged_or_missing_classifier_is_named(tmp_path):
    with pytest.raises(UserError, match=r"attributes\.json: cannot be read"):
        load_probe(tmp_path)
    weights, thresholds = np.zeros((GRID, 2), np.float16), np.zeros(2, np.float32)
    save_probe(tmp_path, weights, thresholds, {"attributes": ["A", "B", "C"]})
    with pytest.raises(UserError, match="other shapes"):
        load_probe(tmp_path)
    (tmp_path / WEIGHTS_NAME).write_bytes(b"cut")
    with pytest.raises(UserError, match="damaged"):
        load_probe(tmp_path)
    (tmp_path / CARD_NAME).write_text("{}")
    with pytest.raises(UserError, match="no classifier of attributes"):
        load_probe(tmp_path)
