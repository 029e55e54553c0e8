import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common import atomic
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset import worker
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.options import BuildOptions

Options = Callable[..., BuildOptions]


def rows_by_source(out: Path) -> dict[str, object]:
    return {row.source: row for row in iterate_manifest(out / "manifest.csv")}


@pytest.fixture
def awkward(tmp_path: Path, drawn_jpegs: list[bytes], encode) -> Path:
    """A folder with one of everything that people have on their disks."""
    root = tmp_path / "awkward"
    face = cv2.imdecode(np.frombuffer(drawn_jpegs[0], np.uint8), cv2.IMREAD_COLOR)
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    files = {
        "good.jpg": drawn_jpegs[0],
        "truncated.jpg": drawn_jpegs[1][:3000],
        "empty.jpg": b"",
        "text.jpg": b"this is no picture\n" * 20,
        "noise.png": encode(".png", np.random.default_rng(1).integers(0, 255, (90, 90, 3), np.uint8)),
        "tiny.png": encode(".png", cv2.resize(face, (16, 16), interpolation=cv2.INTER_AREA)),
        "grey.jpg": encode(".jpg", grey),
        "rgba.png": encode(".png", np.dstack([face, np.full(face.shape[:2], 255, np.uint8)])),
        "deep.png": encode(".png", face.astype(np.uint16) * 257),
        "a.b.c with blanks é.JPEG": drawn_jpegs[2],
        "one/two/deep.jpg": drawn_jpegs[3],
        "x/same.jpg": drawn_jpegs[4],
        "x__same.jpg": drawn_jpegs[5],
        "notes.txt": b"not a picture",
    }
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    upright = Image.fromarray(face[..., ::-1])
    upright.transpose(Image.Transpose.ROTATE_90).save(root / "turned.jpg", exif=exif, quality=95)
    upright.convert("CMYK").save(root / "cmyk.jpg", quality=95)
    return root


def test_bad_pictures_are_rows_and_good_ones_in_any_format_are_masked(awkward: Path, tmp_path: Path):
    out = tmp_path / "out"
    build(BuildOptions(str(awkward), out))
    rows = rows_by_source(out)
    assert len(rows) == 15
    bad = {name: (row.status, row.reason) for name, row in rows.items() if row.status != "ok"}
    assert set(bad) == {"truncated.jpg", "empty.jpg", "text.jpg", "noise.png", "tiny.png"}
    assert [bad[f"{name}.jpg"][0] for name in ("truncated", "empty", "text")] == ["unreadable"] * 3
    assert bad["noise.png"][0] == "no_face"
    assert bad["tiny.png"][0] in ("no_face", "too_small")
    assert all(reason for _, reason in bad.values())
    assert rows["a.b.c with blanks é.JPEG"].clean == "clean/a.b.c with blanks é.jpeg"
    assert rows["one/two/deep.jpg"].key == "one__two__deep_00"
    assert len({rows[name].key for name in ("x/same.jpg", "x__same.jpg")}) == 2
    assert (rows["turned.jpg"].width, rows["turned.jpg"].height) == (178, 218)
    recoded = {name for name, row in rows.items() if row.clean.endswith(".png")}
    assert recoded == {"rgba.png", "deep.png", "turned.jpg", "cmyk.jpg"}
    from unmask.datagen.dataset.verify import verify

    assert verify(out, replay=-1) == []


def test_faces_turned_in_the_plane_are_masked_upright_or_said_to_have_no_face(
    tmp_path: Path, drawn_jpegs: list[bytes], encode
):
    face = cv2.imdecode(np.frombuffer(drawn_jpegs[0], np.uint8), cv2.IMREAD_COLOR)
    (tmp_path / "in").mkdir()
    turns = (30, 45, 90)
    for turn in turns:
        matrix = cv2.getRotationMatrix2D((88.5, 108.5), turn, 1.0)
        matrix[:, 2] += 50
        turned = cv2.warpAffine(face, matrix, (278, 318), borderValue=(120, 130, 125))
        (tmp_path / "in" / f"{turn}.png").write_bytes(encode(".png", turned))
    build(BuildOptions(str(tmp_path / "in"), tmp_path / "out"))
    rows = rows_by_source(tmp_path / "out")
    for turn in turns:
        row = rows[f"{turn}.png"]
        assert row.status in ("ok", "no_face")
        if row.status == "ok":
            assert abs(abs(row.roll) - turn) < 15
    assert rows["30.png"].status == "ok"


def test_several_faces_are_all_masked_or_as_faces_says(tmp_path: Path, drawn_jpegs: list[bytes], encode):
    pair = np.hstack(
        [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in drawn_jpegs[:2]]
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "pair.png").write_bytes(encode(".png", pair))
    found = {}
    for faces in ("all", "largest", "single"):
        build(BuildOptions(str(tmp_path / "in"), tmp_path / faces, faces=faces))
        row = next(iterate_manifest(tmp_path / faces / "manifest.csv"))
        found[faces] = (row.status, row.faces)
    assert found == {"all": ("ok", 2), "largest": ("ok", 1), "single": ("many_faces", None)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "no/such/folder"}, "source"),
        ({"variants": 0}, "variants 0: expected at least 1"),
        ({"workers": 0}, "workers 0"),
        ({"limit": 0}, "limit 0"),
        ({"seed": -1}, "seed -1"),
        ({"format": "gif"}, "format gif: expected one of png, jpg"),
        ({"faces": "some"}, "faces some"),
        ({"existing": "ask"}, "existing ask"),
        ({"split": "dev"}, "split dev"),
        ({"size": (8, 128)}, "size 8x128"),
        ({"families": ("hat",)}, "families: unknown family 'hat'"),
        ({"families": ()}, "families: names no family"),
        ({"templates": (Path("no/templates"),)}, "templates no/templates: no such folder"),
        ({"recipe": "no.toml"}, "recipe"),
        ({"landmarks": Path("no.csv")}, "landmarks no.csv: no such file"),
        ({"dask": "tcp://127.0.0.1:1"}, "dask tcp://127.0.0.1:1"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line_before_any_work(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], words: str
):
    if "dask" in changes:
        pytest.importorskip("distributed")
        monkeypatch.setattr("unmask.datagen.common.executors._CONNECT_S", 1)
    with pytest.raises(UserError) as caught:
        build(options(**changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_one_line(options: Options, tmp_path: Path):
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="no jpg, jpeg, png, webp or bmp picture"):
        build(options(source=str(tmp_path / "in")))


def test_landmarks_of_another_set_are_one_line(options: Options, tmp_path: Path):
    header = ",".join(["source", *(f"{axis}{n}" for n in range(68) for axis in "xy")])
    (tmp_path / "other.csv").write_text(f"{header}\nelsewhere.jpg,{','.join(['1'] * 136)}\n")
    with pytest.raises(UserError, match=r"other\.csv: names none of the 6 pictures"):
        build(options(landmarks=tmp_path / "other.csv"))


@pytest.mark.parametrize("content", ["{ broken", '{"name": "mine", "family": "mine"}'])
def test_a_broken_template_is_one_line(options: Options, tmp_path: Path, content: str):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.json").write_text(content)
    with pytest.raises(UserError, match=r"templates: .*mine.json"):
        build(options(templates=(tmp_path / "own",)))


def test_out_inside_source_and_source_inside_out_are_refused(
    options: Options, tmp_path: Path, drawn_celeba: Path
):
    shutil.copytree(drawn_celeba, tmp_path / "in")
    for inside in (tmp_path / "in" / "out", tmp_path / "in" / "img_align_celeba" / "out", tmp_path / "in"):
        with pytest.raises(UserError, match=r"lies inside|was built|has files"):
            build(options(source=str(tmp_path / "in"), out=inside))
    with pytest.raises(UserError, match="lies inside `out`"):
        build(options(source=str(tmp_path / "in"), out=tmp_path))
    assert not (tmp_path / "in" / "build.json").exists()


def test_out_that_is_a_file_is_one_line(options: Options, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"out .*is a file"):
            build(options(out=out))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_one_line_and_the_build_resumes(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree, number: int
):
    written = []

    def failing(path: str, data: bytes) -> None:
        if len(written) == 7:
            raise OSError(number, "no more", path)
        written.append(path)
        atomic.write_atomic(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "write_atomic", failing)
        with pytest.raises(UserError, match=r"out .*out: cannot write .*: no more; .* resumes"):
            build(options())
    build(options())
    build(options(out=tmp_path / "straight"))
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")


def test_the_picture_that_meets_a_bug_is_named(options: Options, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "mask_picture", broken)
    with pytest.raises(ZeroDivisionError) as caught:
        build(options())
    assert caught.value.__notes__ == ["while working on source picture '000001.jpg'"]


def test_an_annotation_file_with_missing_pictures_is_told(
    drawn_celeba: Path, options: Options, tmp_path: Path
):
    shutil.copytree(drawn_celeba, tmp_path / "in")
    (tmp_path / "in" / "img_align_celeba" / "000003.jpg").unlink()
    report = build(options(source=str(tmp_path / "in")))
    assert report.counts["ok"] == 5
    assert any("list_attr_celeba" in note for note in report.notes)


def test_a_file_that_cannot_be_read_is_a_row(options: Options, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> bytes:
        if path.name == "000002.jpg":
            raise PermissionError(errno.EACCES, "Permission denied")
        return path.read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr("unmask.datagen.sources.source.read_whole", refuse)
        for _ in range(2):  # a resume looks at the files again
            build(options(limit=3))
            rows = rows_by_source(options().out)
            assert rows["000002.jpg"].reason == "cannot be read: Permission denied"
            assert [row.status for row in rows.values()] == ["ok", "unreadable", "ok"]
    assert build(options(limit=3)).counts["ok"] == 3


def test_large_masks_are_written_before_there_are_many(options: Options, monkeypatch: pytest.MonkeyPatch):
    most = []
    write = worker._write
    monkeypatch.setattr(worker, "_BATCH_PIXELS", 2 * 178 * 218)
    monkeypatch.setattr(worker, "_write", lambda made, *rest: (most.append(len(made)), write(made, *rest)))
    build(options(variants=5, limit=1))
    assert most == [2, 2, 1]


def test_a_deep_tree_has_stems_that_fit_into_a_file_name(tmp_path: Path, drawn_jpegs: list[bytes]):
    deep = tmp_path / "in" / ("a" * 120) / ("é" * 100)
    deep.mkdir(parents=True)
    for name in ("one.jpg", "two.jpg"):
        (deep / name).write_bytes(drawn_jpegs[0])
    out = tmp_path / "out"
    assert build(BuildOptions(str(tmp_path / "in"), out)).counts["ok"] == 2
    assert all(len(path.name.encode()) < 215 for path in out.rglob("*.*"))
