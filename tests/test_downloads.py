"""CelebA as people have it: in the zip file that it comes in, and in the folders of those who hand it on."""

import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.verify import verify
from unmask.datagen.drawn_faces.demo import write_demo
from unmask.datagen.pictures.picture import encode_jpg
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source

JPG = encode_jpg(np.full((218, 178, 3), 90, np.uint8))


@pytest.fixture(scope="module")
def celeba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drawn faces as CelebA, unpacked."""
    root = tmp_path_factory.mktemp("celeba")
    write_demo(root, 3)
    return root


def lists_of(celeba: Path) -> list[Path]:
    return [path for path in celeba.iterdir() if path.suffix == ".txt"]


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def as_kaggle(celeba: Path, root: Path) -> Path:
    """Its folder in a folder of the same name, and tables with commas."""
    pictures = root / "img_align_celeba/img_align_celeba"
    pictures.mkdir(parents=True)
    for path in (celeba / "img_align_celeba").iterdir():
        (pictures / path.name).write_bytes(path.read_bytes())
    for name, text in csv_lists(celeba).items():
        (root / name).write_bytes(text)
    return root


def csv_lists(celeba: Path) -> dict[str, bytes]:
    attributes = [line.split() for line in (celeba / "list_attr_celeba.txt").read_text().splitlines()[1:]]
    parts = [line.split() for line in (celeba / "list_eval_partition.txt").read_text().splitlines()]
    rows = {
        "list_attr_celeba.csv": [["image_id", *attributes[0]], *attributes[1:]],
        "list_eval_partition.csv": [["image_id", "partition"], *parts],
    }
    return {name: "\n".join(map(",".join, cells)).encode() for name, cells in rows.items()}


def as_kaggle_zip(celeba: Path, root: Path) -> Path:
    """As Kaggle's command line leaves it: one zip file with all in it."""
    files = {
        f"img_align_celeba/img_align_celeba/{path.name}": path.read_bytes()
        for path in (celeba / "img_align_celeba").iterdir()
    }
    return zipped(root / "celeba-dataset.zip", files | csv_lists(celeba))


def as_torchvision(celeba: Path, root: Path) -> Path:
    place = root / "celeba"
    (place / "img_align_celeba").mkdir(parents=True)
    for path in (*lists_of(celeba), *(celeba / "img_align_celeba").iterdir()):
        (place / path.relative_to(celeba)).write_bytes(path.read_bytes())
    (place / "img_align_celeba.zip").write_bytes(b"what was downloaded stays there")
    return root


def official_zip(celeba: Path, path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    files = {
        f"img_align_celeba/{picture.name}": picture.read_bytes()
        for picture in (celeba / "img_align_celeba").iterdir()
    }
    return zipped(path, {"img_align_celeba/": b"", **files}, method)


def as_official(celeba: Path, root: Path) -> Path:
    """Img, Anno and Eval, the zip file as it came."""
    official_zip(celeba, root / "Img/img_align_celeba.zip")
    for path in lists_of(celeba):
        place = root / ("Eval" if "partition" in path.name else "Anno")
        place.mkdir(exist_ok=True)
        (place / path.name).write_bytes(path.read_bytes())
    return root


def as_zip_with_lists_beside(celeba: Path, root: Path) -> Path:
    path = official_zip(celeba, root / "img_align_celeba.zip", zipfile.ZIP_STORED)
    for each in lists_of(celeba):
        (root / each.name).write_bytes(each.read_bytes())
    return path


def facts(source: Source) -> list[tuple[object, ...]]:
    return [
        (face.name, face.stem, face.split, face.attributes, face.aligned, face.read_bytes())
        for face in source.faces
    ]


def as_official_unpacked(celeba: Path, root: Path) -> Path:
    as_official(celeba, root)
    with zipfile.ZipFile(root / "Img/img_align_celeba.zip") as archive:
        archive.extractall(root / "Img")
    return root


WAYS = [as_official_unpacked, as_kaggle, as_kaggle_zip, as_torchvision, as_official, as_zip_with_lists_beside]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_celeba_is_the_same_whoever_it_comes_from(tmp_path, celeba, way):
    source = open_source(str(way(celeba, tmp_path)))
    plain = open_source(str(celeba))
    assert (source.kind, source.notes, source.attribute_names) == ("celeba", (), plain.attribute_names)
    assert facts(source) == facts(plain)
    # what stands in build.json, from where evaluation takes the training faces
    assert facts(open_source(source.root)) == facts(plain)


def test_the_folder_that_holds_the_zip_is_a_source_as_well(tmp_path, celeba):
    path = as_zip_with_lists_beside(celeba, tmp_path)
    assert open_source(str(tmp_path)) == open_source(str(path))
    assert open_source(str(as_official(celeba, tmp_path / "a") / "Img/img_align_celeba.zip")).faces[0].split


def test_a_dataset_from_a_zip_is_the_one_from_its_folder_and_can_be_verified(tmp_path, celeba):
    path = as_zip_with_lists_beside(celeba, tmp_path / "source")
    build(BuildOptions(str(celeba), tmp_path / "plain", limit=2))
    report = build(BuildOptions(str(path), tmp_path / "out", limit=2))
    assert report.counts["ok"] == 2
    for name in ("manifest.csv", "landmarks.csv", "masked/000001_00.png", "clean/000002.jpg"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes(), name
    assert not verify(tmp_path / "out", replay=2)
    assert build(BuildOptions(str(path), tmp_path / "out", limit=2)).resumed == 2


def test_nothing_is_unpacked(tmp_path, celeba):
    path = as_zip_with_lists_beside(celeba, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for face in open_source(str(path)).faces:
        face.read_bytes()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_face_of_a_zip_is_small_and_travels(tmp_path, celeba):
    for face in open_source(str(as_zip_with_lists_beside(celeba, tmp_path))).faces:
        packed = pickle.dumps(face)
        assert pickle.loads(packed).read_bytes() == face.read_bytes()
        assert len(packed) < 1000


def test_any_zip_of_photographs_is_a_source(tmp_path):
    names = ["b/c.jpg", "a.PNG", "notes.txt", "movie.mp4", "__MACOSX/._a.PNG", ".hidden.jpg"]
    source = open_source(str(zipped(tmp_path / "mine.zip", dict.fromkeys(names, JPG))))
    assert source.kind == "folder"
    assert [face.name for face in source.faces] == ["a.PNG", "b/c.jpg"]
    assert source.notes == ("2 files that are not pictures were left out",)
    assert not any(face.aligned for face in source.faces)


def test_names_that_lead_out_of_a_zip_are_left_out_and_counted(tmp_path):
    names = ["a.jpg", "../b.jpg", "/c.jpg", "d/../../e.jpg", "C:\\f.jpg", "..\\g.jpg"]
    source = open_source(str(zipped(tmp_path / "mine.zip", dict.fromkeys(names, JPG))))
    assert [face.name for face in source.faces] == ["a.jpg"]
    assert source.notes == ("5 files whose names lead out of it were left out",)


# ---- damage -------------------------------------------------------------------------------------------------


def patched(path: Path, old: bytes, new: bytes, count: int = -1) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, count))
    return path


def encrypted(path: Path, name: str) -> Path:
    """Set the flag of encryption of one member, or of all, as a zip with a password has it."""
    data = bytearray(path.read_bytes())
    for mark, flags, name_at, length_at in ((b"PK\3\4", 6, 30, 26), (b"PK\1\2", 8, 46, 28)):
        start = data.find(mark)
        while start >= 0:
            (length,) = struct.unpack_from("<H", data, start + length_at)
            if name in data[start + name_at : start + name_at + length].decode():
                data[start + flags] |= 1
            start = data.find(mark, start + 4)
    path.write_bytes(bytes(data))
    return path


def bomb(path: Path, claimed: int | None = None) -> Path:
    """A picture of zeros that inflates to 40 MB, and may claim to be small."""
    zipped(path, {"a.jpg": JPG, "bomb.jpg": bytes(40_000_000)})
    if claimed is not None:
        patched(path, struct.pack("<I", 40_000_000), struct.pack("<I", claimed))
    return path


def spoilt(path: Path, kind: str) -> Path:
    if kind == "encrypted":
        return encrypted(zipped(path, {"a.jpg": JPG, "bomb.jpg": JPG}), "bomb")
    if kind == "bomb":
        return bomb(path, 1000)
    if kind == "honest bomb":
        return bomb(path)
    if kind == "huge":
        return patched(bomb(path), struct.pack("<I", 40_000_000), struct.pack("<I", 4_000_000_000))
    if kind == "bzip2":
        zipped(path, {"a.jpg": JPG})
        with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("bomb.jpg", JPG)
        return path
    zipped(path, {"a.jpg": JPG, "bomb.jpg": JPG + b"tail of the picture"}, zipfile.ZIP_STORED)
    return patched(path, b"tail of the picture", b"TAIL of the picture", 1)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("encrypted", "encrypted in the zip file"),
        ("bomb", "damaged in the zip file"),
        ("honest bomb", "not a picture"),
        ("huge", "larger than 256 MiB in the zip file"),
        ("bzip2", "compressed by method 12 in the zip file"),
        ("checksum", "damaged in the zip file"),
    ],
)
def test_a_bad_picture_of_a_zip_is_a_row_that_says_why(tmp_path, kind, reason):
    path = spoilt(tmp_path / "mine.zip", kind)
    build(BuildOptions(str(path), tmp_path / "out"))
    rows = {row.source: row for row in iterate_manifest(tmp_path / "out/manifest.csv")}
    assert rows["bomb.jpg"].status == "unreadable"
    assert reason in rows["bomb.jpg"].reason
    assert rows["a.jpg"].status == "no_face"


def test_a_bomb_is_not_inflated_beyond_what_it_claims(tmp_path, monkeypatch):
    sizes = []
    real = zlib.decompressobj

    class Watched:
        def __init__(self, *arguments):
            self._real = real(*arguments)

        def decompress(self, data, most):
            sizes.append(len(made := self._real.decompress(data, most)))
            return made

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    face = open_source(str(bomb(tmp_path / "mine.zip", 1000))).faces[1]
    with pytest.raises(UnreadablePictureError):
        face.read_bytes()
    assert sizes == [1001]


def test_a_zip_that_changed_since_it_was_listed_is_unreadable(tmp_path):
    path = zipped(tmp_path / "mine.zip", {"a.jpg": JPG, "b.jpg": JPG})
    face = open_source(str(path)).faces[1]
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UnreadablePictureError, match="not where the zip file says"):
        face.read_bytes()
    path.unlink()
    with pytest.raises(UnreadablePictureError, match="cannot be read: No such file"):
        face.read_bytes()


def test_a_zip_that_cannot_be_used_is_one_line(tmp_path):
    whole = zipped(tmp_path / "whole.zip", {"a.jpg": JPG, "b.jpg": JPG})
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:-60])
    (tmp_path / "empty.zip").write_bytes(b"")
    zipped(tmp_path / "none.zip", {})
    zipped(tmp_path / "texts.zip", {"a.txt": b"1"})
    encrypted(zipped(tmp_path / "locked.zip", {"a.jpg": JPG, "b.jpg": JPG}), "jpg")
    zipped(tmp_path / "holds/faces.zip", {"a.jpg": JPG})
    cases = {
        "cut.zip": "no zip file, or one cut short",
        "empty.zip": "no zip file, or one cut short",
        "none.zip": "no jpg, jpeg, png, webp or bmp picture in it",
        "texts.zip": "1 file that is not a picture was left out",
        "locked.zip": "encrypted; unpack it with its password",
        "holds": "it holds faces.zip: name that",
    }
    for name, words in cases.items():
        with pytest.raises(UserError, match=words) as caught:
            open_source(str(tmp_path / name))
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
