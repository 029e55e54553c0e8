from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

import httpx
from serve_support import Served, pixels

from unmask.datagen.dataset.manifest import read_manifest
from unmask.datagen.pictures.picture import decode_picture


@pytest.fixture(scope="module")
def get(served: Served) -> Callable[..., httpx.Response]:
    return lambda path="", **query: httpx.get(f"{served.url}api/data{path}", params=query)


def again(served: Served, number: int, **wish: Any) -> httpx.Response:
    return httpx.post(f"{served.url}api/data/triplets/{number}/again", json=wish)


def test_the_dataset_is_summed_up(get: Callable[..., httpx.Response], built_once: Path):
    told = get().json()
    assert (told["name"], told["triplets"]) == (built_once.name, 12)
    assert sum(told["splits"].values()) == 12
    assert "wild" in told["recipes"]
    assert {"key": "fabric.colour", "kind": "colour", "span": None, "choices": []} in told["fields"]


def test_pages_hold_every_triplet_once_and_in_order(get: Callable[..., httpx.Response], built_once: Path):
    pages = [get("/triplets", per_page=5, page=page).json() for page in (1, 2, 3, 4)]
    assert [len(page["triplets"]) for page in pages] == [5, 5, 2, 0]
    assert {(page["total"], page["pages"]) for page in pages} == {(12, 3)}
    keys = [triplet["key"] for page in pages for triplet in page["triplets"]]
    assert keys == list(read_manifest(built_once / "manifest.csv").key)


def test_filters_are_those_of_the_address(get: Callable[..., httpx.Response], built_once: Path):
    table = read_manifest(built_once / "manifest.csv")
    two = [table.family[0], table.family[3]]
    found = get("/triplets", family=two, attribute=["-Male"], coverage_min=0.02, yaw_max=90).json()
    fits = table.family.isin(two) & (table.attr_Male == 0) & (table.coverage >= 0.02)
    assert [triplet["key"] for triplet in found["triplets"]] == list(table.key[fits])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"page": 0}, "page: "),
        ({"per_page": 10_000}, "per_page: "),
        ({"coverage_min": "much"}, "coverage_min: "),
        ({"famly": "kn95"}, "famly: "),
        ({"attribute": "Mle"}, "unknown 'Mle'"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    get: Callable[..., httpx.Response], query: dict[str, Any], words: str
):
    answer = get("/triplets", **query)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_triplet_is_told_whole(get: Callable[..., httpx.Response], built_once: Path):
    told = get("/triplets/3").json()
    row = read_manifest(built_once / "manifest.csv").iloc[3]
    assert told["row"]["key"] == row.key and "recipe" not in told["row"]
    assert told["faces"][0]["template"] == row.template
    assert "points" not in told["faces"][0]


def test_pictures_are_the_files_or_smaller(get: Callable[..., httpx.Response], built_once: Path):
    row = read_manifest(built_once / "manifest.csv").iloc[3]
    for kind, mime in (("masked", "image/png"), ("map", "image/png"), ("clean", "image/jpeg")):
        answer = get(f"/triplets/3/{kind}")
        assert answer.content == (built_once / row[kind]).read_bytes()
        assert answer.headers["content-type"] == mime
    assert decode_picture(get("/triplets/3/masked", height=109).content).image_rgb.shape == (109, 89, 3)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/triplets/12", 404),
        ("/triplets/-1", 404),
        ("/triplets/x", 422),
        ("/triplets/0/layers", 422),
        ("/triplets/0/..%2fmanifest.csv", 404),
        ("/triplets/12/masked", 404),
        ("/triplets/0/masked?height=99999", 422),
    ],
)
def test_what_is_not_there_is_said(get: Callable[..., httpx.Response], path: str, status: int):
    answer = get(path) if "?" not in path else get(path.partition("?")[0], height=99_999)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_face_is_made_again_and_nothing_is_written(
    served: Served, built_once: Path, tree: Callable[[Path], dict[str, bytes]]
):
    before = tree(built_once)
    as_it_was = again(served, 3).json()
    masked = decode_picture((built_once / "masked" / f"{key_of(built_once, 3)}.png").read_bytes()).image_rgb
    assert np.array_equal(pixels(as_it_was["masked"]), masked)
    other = again(served, 3, changes={"fabric.colour": "#c02030"}).json()
    assert other["faces"][0]["fabric"]["colour"] == other["summary"]["colour"] == "#c02030"
    assert not np.array_equal(pixels(other["masked"]), masked)
    drawn = again(
        served, 3, pins=["worn=chin"], seed=5, recipe="wild", changes={"template": "kf94-boat"}
    ).json()
    assert (drawn["summary"]["worn"], drawn["summary"]["family"]) == ("chin", "kn95")
    assert tree(built_once) == before


def key_of(built: Path, number: int) -> str:
    return str(read_manifest(built / "manifest.csv").key[number])


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"changes": {"fabric.colour": "red"}}, "fabric.colour is 'red'"),
        ({"changes": {"fabric.colour": [1]}}, "changes"),
        ({"change": {}}, "change: "),
        ({"face": 4}, "face 4"),
        ({"pins": ["worn=sideways"]}, "sideways"),
        ({"recipe": "../../etc/passwd"}, "recipe: expected one of"),
        ({"seed": -1}, "seed: "),
    ],
)
def test_wishes_that_make_no_mask_are_refused(served: Served, wish: dict[str, Any], words: str):
    answer = again(served, 0, **wish)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_bodies_that_are_no_wish_are_refused(served: Served):
    address = f"{served.url}api/data/triplets/0/again"
    for body in (b"", b"{", b"[]", b"\xff\xfe", b"[" * 5000, b'{"seed": 1e999}'):
        answer = httpx.post(address, content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, body[:9]
        assert answer.json()["detail"]
