"""Packing faces: small, with everything that is known of them, and a source by themselves."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.cli.data import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.pack import PackReport, pack
from unmask.datagen.dataset.pack_options import PackOptions
from unmask.datagen.drawn_faces.demo import write_demo
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.sources.open_source import open_source

FACES = 30


@pytest.fixture(scope="module")
def celeba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "celeba"
    write_demo(folder, FACES)
    (folder / "img_align_celeba" / "000003.jpg").write_bytes(b"no picture")
    return folder


def asked(source: Path, out: Path, **changes: object) -> PackOptions:
    given = {"size": 96, "landmarks": source / "landmarks.csv", **changes}
    return PackOptions(str(source), out, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def packed(celeba: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, PackReport]]:
    out = tmp_path_factory.mktemp("packed") / "faces"
    yield out, pack(asked(celeba, out))


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_a_pack_is_a_source_that_knows_what_its_source_knew(celeba: Path, packed: tuple[Path, PackReport]):
    before = {face.name: face for face in open_source(str(celeba)).faces}
    after = open_source(str(packed[0]))
    assert after.kind == "celeba" and not after.notes
    assert after.attribute_names == open_source(str(celeba)).attribute_names
    assert {face.name for face in after.faces} == before.keys() - {"000003.jpg"}
    for face in after.faces:
        was = before[face.name]
        assert (face.split, face.identity, face.attributes) == (was.split, was.identity, was.attributes)
        assert face.aligned


def test_pictures_are_small_and_their_points_went_with_them(celeba: Path, packed: tuple[Path, PackReport]):
    was, now = LandmarkTable.read(celeba / "landmarks.csv"), LandmarkTable.read(packed[0] / "landmarks.csv")
    for face in open_source(str(packed[0])).faces:
        image = decode_picture(face.read_bytes()).image_rgb
        assert image.shape == (118, 96, 3)
        ((_, (before,)),) = was.entries(face.name)
        ((_, (after,)),) = now.entries(face.name)
        expected = (before.points + 0.5) * (96 / 178) - 0.5
        assert np.abs(after.points - expected).max() < 0.75  # whole rows, and quarter pixels
    assert packed[1].counts == {"ok": FACES - 1, "unreadable": 1}
    assert packed[1].megabytes < 0.5


def test_the_same_command_gives_the_same_bytes_with_any_number_of_workers(
    celeba: Path, packed: tuple[Path, PackReport], tmp_path: Path
):
    pack(asked(celeba, tmp_path / "two", workers=2))
    assert files(tmp_path / "two") == files(packed[0])
    pack(asked(celeba, tmp_path / "two", workers=1))
    assert files(tmp_path / "two") == files(packed[0])


def test_parts_are_as_small_as_asked_and_are_the_folder_when_unpacked(celeba: Path, tmp_path: Path):
    # Noise, so that JPEG files are large: a part cannot be smaller than a megabyte.
    source = tmp_path / "noise"
    (source / "img_align_celeba").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(40):
        noise = rng.integers(0, 256, (218, 178, 3), np.uint8)
        cv2.imwrite(str(source / f"img_align_celeba/{index + 1:06d}.jpg"), noise)
    points = (celeba / "landmarks.csv").read_text().splitlines()
    rows = [f"{index + 1:06d}.jpg,{points[1].partition(',')[2]}" for index in range(40)]
    (source / "landmarks.csv").write_text("\n".join([points[0], *rows]) + "\n")
    out = tmp_path / "out"
    report = pack(asked(source, out, size=176, quality=100, part_mb=1.0))
    assert len(report.parts) > 2
    assert all(path.stat().st_size <= 1_000_000 for path in report.parts)
    for path in report.parts:
        with tarfile.open(path) as tar:
            tar.extractall(tmp_path / "faces", filter="data")
    whole = files(out)
    assert files(tmp_path / "faces") == {
        name: data for name, data in whole.items() if not name.startswith("parts/") and name != "pack.json"
    }
    again = pack(asked(source, out, size=176, quality=100, existing="overwrite"))
    assert not again.parts and not (out / "parts").exists()


def test_other_photographs_are_packed_with_all_their_faces(tmp_path: Path):
    from unmask.datagen.drawn_faces.demo import portrait_rgb

    folder = tmp_path / "photos" / "deep"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "portrait.png"), portrait_rgb()[..., ::-1])
    cv2.imwrite(str(folder / "grey.png"), np.full((60, 60, 3), 128, np.uint8))
    report = pack(PackOptions(str(tmp_path / "photos"), tmp_path / "out", size=192))
    assert report.counts == {"ok": 1, "no_face": 1}
    (face,) = open_source(str(tmp_path / "out")).faces
    assert face.name == "pictures/deep__portrait.jpg" and not face.aligned
    found = LandmarkTable.read(tmp_path / "out/landmarks.csv").entries(face.name)
    assert len(found) == 1 and len(found[0][1]) == 1
    assert min(decode_picture(face.read_bytes()).image_rgb.shape[:2]) == 192


def test_a_small_jpeg_is_not_compressed_once_more(celeba: Path, tmp_path: Path):
    pack(asked(celeba, tmp_path / "out", size=192, limit=2))
    name = "img_align_celeba/000001.jpg"
    assert (tmp_path / "out" / name).read_bytes() == (celeba / name).read_bytes()


def test_what_an_earlier_pack_left_goes_and_what_is_not_ours_stays(celeba: Path, tmp_path: Path):
    out = tmp_path / "out"
    pack(asked(celeba, out, limit=4))
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"limit.* was 4, now 2.*overwrite"):
        pack(asked(celeba, out, limit=2))
    pack(asked(celeba, out, limit=2, existing="overwrite"))
    assert [path.name for path in sorted((out / "img_align_celeba").iterdir())] == [
        "000001.jpg",
        "000002.jpg",
    ]
    assert (out / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["--size", "16"], "--size 16: expected 32 to 8192 pixels"),
        (["--quality", "0"], "--quality 0: expected 1 to 100"),
        (["--part-mb", "0.5"], "--part-mb 0.5: expected 1 to 1,000,000 megabytes"),
        (["--landmarks", "none.csv"], "--landmarks none.csv: no such file"),
        (["--split", "exam"], "--split exam: not one of"),
    ],
)
def test_what_makes_no_sense_is_one_line_before_anything_is_written(
    celeba: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], says: str
):
    assert main(["pack", str(celeba), str(tmp_path / "out"), *changes]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_pack_inside_its_source_is_refused(celeba: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["pack", str(celeba), str(celeba / "img_align_celeba" / "small")]) == 2
    assert "lies inside" in capsys.readouterr().err


def test_the_command_says_what_became_of_the_pictures_and_what_comes_next(
    celeba: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "small faces"
    table = str(celeba / "landmarks.csv")
    command = ["pack", str(celeba), str(out), "--size", "64", "--limit", "5", "--workers", "1"]
    assert main([*command, "--landmarks", table, "--part-mb", "1"]) == 0
    printed = capsys.readouterr().out
    assert "unreadable" in printed and "1 part of at most 0." in printed
    assert "next: unmask-train map RUN --online FACES --landmarks FACES/landmarks.csv" in printed
