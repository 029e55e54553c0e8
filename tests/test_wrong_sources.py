"""What people give by mistake where a source, known points or parsing maps belong: each one line, exit code 2."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unmask.cli.data import main
from unmask.datagen.pictures.picture import encode_jpg, encode_png

JPG = encode_jpg(np.full((64, 64, 3), 90, np.uint8))
MAP = encode_png(np.zeros((64, 64), np.uint8))


def folder(root: Path, *names: str, content: bytes = JPG) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def zipped(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, JPG)
    return path


def cut(path: Path, by: int) -> Path:
    path.write_bytes(path.read_bytes()[:-by])
    return path


def locked(path: Path) -> Path:
    """A zip file that says of its pictures that they have a password."""
    data = path.read_bytes().replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\1\0")
    path.write_bytes(data.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"))
    return path


def fifo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


def with_flag(root: Path, flag: str, value: Path | str) -> list[object]:
    return [folder(root / "faces", "a.jpg"), flag, value]


def celebamask(root: Path) -> Path:
    folder(root / "CelebA-HQ-img", "0.jpg")
    text(root / "list_eval_partition.txt", "000001.jpg 0\n")
    text(root / "CelebA-HQ-to-CelebA-mapping.txt", "idx orig_idx orig_file\nzero 1 000001.jpg\n")
    return root


def parts(root: Path) -> list[object]:
    maps = folder(root / "maps", "0/00000_skin.png", content=MAP)
    return [folder(root / "faces", "0.jpg"), "--parsing", maps, "--parsing-labels", "bisenet"]


FIVE_POINTS = json.dumps({"a.jpg": [[1, 2]] * 5})
SHARES = json.dumps({"a.jpg": [[0.2, 0.4]] * 68})
OTHERS = json.dumps({"b.jpg": [[n, 2 * n] for n in range(68)]})
PTS = "version: 1\nn_points: 68\n{\n1 2\n"
HUB = '{"file_name": "a.jpg"}\n{"file_name": '

WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing there": (lambda r: r / "nowhere", "no such folder"),
    "a picture": (lambda r: folder(r, "a.jpg") / "a.jpg", "not a folder, nor a zip or parquet file"),
    "a tar file": (lambda r: folder(r, "a.tar") / "a.tar", "not a folder, nor a zip or parquet file"),
    "an empty folder": (lambda r: folder(r, "x/y.txt"), "1 file that is not a picture was left out"),
    "a folder that holds a zip": (
        lambda r: zipped(r / "faces.zip", "a").parent,
        "holds faces.zip: name that",
    ),
    "a folder that holds a 7z": (lambda r: folder(r, "img_align_celeba_png.7z"), "unpack it first"),
    "a zip cut short": (lambda r: cut(zipped(r / "a.zip", "a.jpg"), 30), "no zip file, or one cut short"),
    "a page called zip": (
        lambda r: text(r / "a.zip", "<html>quota exceeded</html>"),
        "no zip file, or one cut short",
    ),
    "a zip without pictures": (lambda r: zipped(r / "a.zip", "a.txt"), "picture in it (1 file that is not"),
    "a zip that leads out": (lambda r: zipped(r / "a.zip", "../a.jpg"), "(1 file whose name leads out of it"),
    "a zip with a password": (
        lambda r: locked(zipped(r / "a.zip", "a.jpg")),
        "encrypted; unpack it with",
    ),
    "a pipe called zip": (lambda r: fifo(r / "a.zip"), "not a regular file"),
    "ffhq in two sizes": (
        lambda r: folder(r, "images1024x1024/00000/00000.png", "thumbnails128x128/00000/00000.png"),
        "name one of them",
    ),
    "a split that lfw has not": (
        lambda r: [folder(r, "Ann_Lee/Ann_Lee_0001.jpg"), "--split", "test"],
        "has no list_eval_partition",
    ),
    "a split that ffhq has not": (
        lambda r: [folder(r, "00000/00000.png"), "--split", "test"],
        "--split test: no picture of",
    ),
    "a mapping with a word": (celebamask, "CelebA-HQ-to-CelebA-mapping.txt: line 2: 'zero'"),
    "metadata cut short": (
        lambda r: text(folder(r, "a.jpg") / "metadata.jsonl", HUB).parent,
        "line 2: not JSON",
    ),
    "points cut short": (
        lambda r: with_flag(r, "--landmarks", text(r / "p.json", '{"a')),
        "p.json: not JSON",
    ),
    "five points": (
        lambda r: with_flag(r, "--landmarks", text(r / "p.json", FIVE_POINTS)),
        "a.jpg: 5 points",
    ),
    "points in shares": (
        lambda r: with_flag(r, "--landmarks", text(r / "p.json", SHARES)),
        "pixels are needed",
    ),
    "points of others": (
        lambda r: with_flag(r, "--landmarks", text(r / "p.json", OTHERS)),
        "names none of the 1",
    ),
    "pts cut short": (
        lambda r: with_flag(r, "--landmarks", text(r / "a.pts", PTS)),
        "a.pts: not a .pts file",
    ),
    "no pts": (lambda r: with_flag(r, "--landmarks", folder(r / "x", "a.jpg")), "no .pts file in it"),
    "points that are a pipe": (
        lambda r: with_flag(r, "--landmarks", fifo(r / "p.csv")),
        "not a regular file",
    ),
    "parts with numbers": (parts, "have names, no numbers"),
    "maps of others": (
        lambda r: with_flag(r, "--parsing", folder(r / "maps", "0/00007_skin.png", content=MAP)),
        "has a map of none of the 1 pictures",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_input_is_one_line_and_nothing_is_written(
    case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    make, words = WRONG[case]
    given = make(tmp_path / "given")
    source, *flags = map(str, given if isinstance(given, list) else [given])
    assert main(["build", source, str(tmp_path / "out"), "--workers", "1", *flags]) == 2
    error = capfd.readouterr().err.strip()
    assert error.startswith("error: ")
    assert words in error
    assert "\n" not in error
    assert not (tmp_path / "out").exists()
