"""Faces as Hugging Face data sets have them: a folder with metadata, or parquet files."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.pictures.picture import encode_jpg
from unmask.datagen.sources import parquet_pictures
from unmask.datagen.sources.open_source import open_source

FACES = [encode_jpg(draw_demo_face(number).image_rgb) for number in range(3)]
SQUARE = encode_jpg(np.full((64, 64, 3), 90, np.uint8))
ROWS = [
    {"celeb_id": 7, "Male": True, "Smiling": 1, "score": 0.5, "box": [1, 2], "caption": "a face"},
    {"celeb_id": 7, "Male": False, "Smiling": -1, "score": 1, "box": [1, 2], "caption": "a face"},
    {"celeb_id": 9, "Male": True, "Smiling": -1, "score": 0.25, "box": [1, 2], "caption": "another"},
]
PLACES = ["train/0.jpg", "train/1.jpg", "validation/0.jpg"]


def folder(root: Path, kind: str, *, apart: bool = False, pictures: tuple[bytes, ...] = tuple(FACES)) -> Path:
    """An imagefolder: one metadata file at the top, or one for each split."""
    for name, content in zip(PLACES, pictures, strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    for place in ("train", "validation") if apart else ("",):
        chosen = [(name, row) for name, row in zip(PLACES, ROWS, strict=True) if name.startswith(place)]
        rows = [{"file_name": name.removeprefix(f"{place}/" if place else ""), **row} for name, row in chosen]
        lines = [json.dumps(row) for row in rows]
        if kind == "csv":
            columns = ["file_name", "celeb_id", "Male", "Smiling", "score"]
            lines = [",".join(columns), *(",".join(str(row[column]) for column in columns) for row in rows)]
        (root / place / f"metadata.{kind}").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_metadata_brings_people_splits_and_every_yes_or_no(tmp_path, kind, apart):
    source = open_source(str(folder(tmp_path, kind, apart=apart)))
    assert source.kind == "huggingface"
    assert source.notes == (f"Hugging Face, by metadata.{kind}",)
    assert source.attribute_names == ("Male", "Smiling")
    told = [(face.name, face.split, face.identity, face.attributes) for face in source.faces]
    assert told == [
        ("train/0.jpg", "train", "7", (1, 1)),
        ("train/1.jpg", "train", "7", (0, 0)),
        ("validation/0.jpg", "val", "9", (1, 0)),
    ]
    assert all(face.aligned for face in source.faces)


def test_a_column_of_splits_goes_before_folders(tmp_path):
    folder(tmp_path, "jsonl")
    lines = [json.loads(line) for line in (tmp_path / "metadata.jsonl").read_text().splitlines()]
    text = "\n".join(json.dumps({**line, "split": "test"}) for line in lines)
    (tmp_path / "metadata.jsonl").write_text(text)
    assert {face.split for face in open_source(str(tmp_path)).faces} == {"test"}


def test_pictures_and_metadata_that_do_not_match_are_counted(tmp_path):
    folder(tmp_path, "jsonl", pictures=(SQUARE,) * 3)
    (tmp_path / "train/1.jpg").rename(tmp_path / "train/5.jpg")
    source = open_source(str(tmp_path))
    assert "metadata.jsonl names 1 picture that is not in the folder" in source.notes
    assert "metadata.jsonl does not name 1 picture that is in the folder" in source.notes
    assert source.faces[1].attributes == ()
    assert not any(face.aligned for face in source.faces)


def test_metadata_of_another_sort_leaves_a_plain_folder(tmp_path):
    (tmp_path / "a.jpg").write_bytes(SQUARE)
    (tmp_path / "metadata.jsonl").write_text('{"camera": "mine"}\n')
    assert open_source(str(tmp_path)).kind == "folder"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"file_name": "a.jpg"}\n{"file_name": \n', "line 2: not JSON"),
        ('{"file_name": "a.jpg"}\n{"Male": 1}\n', "line 2: no file_name"),
        ('{"file_name": "a.jpg"}\n[1]\n', "line 2: no object"),
        ('{"file_name": "a.jpg"}\n\n{"file_name": "a.jpg"}\n', r"line 3: a\.jpg is there twice"),
        ('{"file_name": 7}\n', "line 1: no file_name"),
    ],
)
def test_a_malformed_line_of_metadata_is_named(tmp_path, text, words):
    (tmp_path / "a.jpg").write_bytes(SQUARE)
    (tmp_path / "metadata.jsonl").write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        open_source(str(tmp_path))
    assert "metadata.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- parquet ------------------------------------------------------------------------------------------------


def write_parquet(
    path: Path, rows: list[dict], names: list[str | None], pictures: list[bytes | None]
) -> Path:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [
        {"image": {"bytes": data, "path": name}, **row}
        for row, name, data in zip(rows, names, pictures, strict=True)
    ]
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    columns = {key: [cell[key] for cell in cells] for key in cells[0]}
    table = arrow.table({key: arrow.array(v, kind if key == "image" else None) for key, v in columns.items()})
    parquet.write_table(table, path, row_group_size=2)
    return path


def hub(root: Path) -> Path:
    write_parquet(root / "data/train-00000-of-00001.parquet", ROWS[:2], ["1.jpg", "2.jpg"], FACES[:2])
    write_parquet(root / "data/valid-00000-of-00001.parquet", ROWS[2:], ["3.jpg"], FACES[2:])
    return root


def test_parquet_of_the_hub_is_a_source(tmp_path):
    source = open_source(str(hub(tmp_path)))
    assert (source.kind, source.notes) == ("huggingface", ("Hugging Face, by 2 parquet files",))
    assert source.attribute_names == ("Male", "Smiling")
    told = [(face.name, face.split, face.identity, face.attributes, face.aligned) for face in source.faces]
    assert told == [
        ("1.jpg", "train", "7", (1, 1), True),
        ("2.jpg", "train", "7", (0, 0), True),
        ("3.jpg", "val", "9", (1, 0), True),
    ]
    assert [face.read_bytes() for face in source.faces] == FACES
    assert all(len(pickle.dumps(face)) < 1000 for face in source.faces)
    one = open_source(str(tmp_path / "data/valid-00000-of-00001.parquet"))
    assert [face.read_bytes() for face in one.faces] == FACES[2:]


def test_a_dataset_of_parquet_is_the_one_of_the_same_pictures_in_a_folder(tmp_path):
    (tmp_path / "img_align_celeba").mkdir()
    for number, content in enumerate(FACES, 1):
        (tmp_path / f"img_align_celeba/{number}.jpg").write_bytes(content)
    build(BuildOptions(str(hub(tmp_path / "hub")), tmp_path / "a"))
    build(BuildOptions(str(tmp_path / "img_align_celeba"), tmp_path / "b"))
    for name in ("masked/1_00.png", "map/3_00.png", "clean/2.jpg", "landmarks.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.parametrize(
    "names", [[None, None, None], ["a.jpg", "a.jpg", "b.jpg"], ["../a.jpg", "b.jpg", "c.jpg"]]
)
def test_pictures_without_names_of_their_own_are_numbered(tmp_path, names):
    path = write_parquet(tmp_path / "faces.parquet", ROWS, names, FACES)
    assert [face.name for face in open_source(str(path)).faces] == [f"faces/{n:06d}.jpg" for n in range(3)]


def test_a_cell_without_a_picture_is_a_row_that_says_why(tmp_path):
    write_parquet(
        tmp_path / "faces.parquet", ROWS, ["a.jpg", "b.jpg", "c.jpg"], [FACES[0], None, b"no picture"]
    )
    build(BuildOptions(str(tmp_path), tmp_path.with_name("out-of-cells")))
    rows = {row.source: row for row in iterate_manifest(tmp_path.with_name("out-of-cells") / "manifest.csv")}
    assert rows["a.jpg"].status == "ok"
    assert rows["b.jpg"].reason == "the parquet file names it and does not hold it"
    assert rows["c.jpg"].status == "unreadable"


def test_a_parquet_file_that_was_cut_since_is_unreadable(tmp_path):
    path = write_parquet(tmp_path / "faces.parquet", ROWS, ["a.jpg", "b.jpg", "c.jpg"], FACES)
    face = open_source(str(tmp_path)).faces[2]
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UnreadablePictureError, match=r"parquet file|cannot be read"):
        face.read_bytes()


def test_parquet_that_cannot_be_used_is_one_line(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    whole = write_parquet(tmp_path / "whole.parquet", ROWS, ["a.jpg", "b.jpg", "c.jpg"], FACES)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[:-30])
    parquet.write_table(arrow.table({"words": ["a", "b"]}), tmp_path / "words.parquet")
    empty = arrow.table({"image": arrow.array([], arrow.binary())})
    parquet.write_table(empty, tmp_path / "empty.parquet")
    cases = {
        "cut.parquet": "cannot be read",
        "words.parquet": "no column of it holds pictures",
        "empty.parquet": "its parquet files have no row",
    }
    for name, words in cases.items():
        with pytest.raises(UserError, match=words) as caught:
            open_source(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_without_pyarrow_parquet_says_what_to_install(tmp_path, monkeypatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    (tmp_path / "faces.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(parquet_pictures, "import_module", missing)
    with pytest.raises(UserError, match=r"pip install 'unmask\[interchange\]'"):
        open_source(str(tmp_path))
