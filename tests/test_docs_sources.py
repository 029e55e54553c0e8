"""The commands of docs/sources.md, on small sources of the names that they have there."""

import json
import re
import shlex
import shutil
import zipfile
from pathlib import Path

import pytest

from unmask.cli.data import main
from unmask.datagen.drawn_faces.demo import drawn_landmarks, write_demo
from unmask.datagen.pictures.picture import encode_png

PAGE = (Path(__file__).parent.parent / "docs/sources.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("#")[0].split(" ", 1)[1].strip()
    for line in re.findall(r"^    (unmask-data .*)$", PAGE, re.MULTILINE)
    if "SOURCE" not in line
]


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small source of each name."""
    root = tmp_path_factory.mktemp("downloads")
    write_demo(root / "celeba", 30)
    pictures = sorted((root / "celeba/img_align_celeba").iterdir())[:6]
    with (
        zipfile.ZipFile(root / "img_align_celeba.zip", "w") as official,
        zipfile.ZipFile(root / "celeba-dataset.zip", "w") as kaggle,
        zipfile.ZipFile(root / "photographs.zip", "w") as own,
    ):
        for path in pictures:
            official.write(path, f"img_align_celeba/{path.name}")
            kaggle.write(path, f"img_align_celeba/img_align_celeba/{path.name}")
            own.write(path, f"holiday/{path.name}")
        kaggle.write(root / "celeba/list_attr_celeba.txt", "list_attr_celeba.csv")
    shutil.copytree(root / "celeba", root / "torchvision-root/celeba")
    shutil.copytree(root / "celeba/img_align_celeba", root / "hub-folder/train")
    rows = [json.dumps({"file_name": f"train/{path.name}", "Male": True}) for path in pictures]
    (root / "hub-folder/metadata.jsonl").write_text("\n".join(rows))
    copies = {
        "CelebAMask-HQ/CelebA-HQ-img/0.jpg": 0,
        "celeba_hq/train/male/1.jpg": 1,
        "images1024x1024/00000/00000.png": 2,
        "lfw/Ann_Lee/Ann_Lee_0001.jpg": 3,
        "UTKFace/26_1_0_2017.jpg.chip.jpg": 4,
        "photographs/a.jpg": 5,
    }
    for name, number in copies.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures[number], root / name)
    write_points(root)
    return root


def write_points(root: Path) -> None:
    points = drawn_landmarks(5)
    part = root / "CelebAMask-HQ/CelebAMask-HQ-mask-anno/0/00000_skin.png"
    part.parent.mkdir(parents=True)
    part.write_bytes(encode_png((points[:1, :1] * 0).astype("uint8")))
    flat = ",".join(f"{value:.2f}" for value in points.ravel())
    (root / "points.csv").write_text(f"a.jpg,{flat}\n")
    (root / "points.json").write_text(json.dumps({"a.jpg": points.tolist()}))
    lines = "".join(f"{x} {y}\n" for x, y in points)
    (root / "photographs/a.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
    image = {"file_path": "images1024x1024/00000/00000.png", "face_landmarks": points.tolist()}
    (root / "ffhq-dataset-v2.json").write_text(json.dumps({"0": {"category": "training", "image": image}}))


def hub_parquet(root: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (root / "hub-parquet/data").mkdir(parents=True, exist_ok=True)
    cells = [path.read_bytes() for path in (root / "celeba/img_align_celeba").iterdir()]
    parquet.write_table(arrow.table({"image": cells}), root / "hub-parquet/data/train-00000-of-00001.parquet")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(
    command: str, downloads: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(downloads)
    if "hub-parquet" in command:
        hub_parquet(downloads)
    code = main([*shlex.split(command), "--dry-run"])
    told = capfd.readouterr()
    assert code == 0, told.err
    assert "dry run: nothing was written" in told.out
    assert not (downloads / "OUT").exists()


def test_the_page_has_its_commands():
    assert len(COMMANDS) >= 16
