"""Pictures that claim more than they hold, strips for cloth, folders that nobody may read, endless names."""

import errno
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.cli import data
from unmask.datagen.common import user_cache
from unmask.datagen.common.checks import check_exists
from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.faces.parsing import read_parsing
from unmask.datagen.masks.template import check_templates
from unmask.datagen.masks.textures import find_textures, lay_texture
from unmask.datagen.pictures.picture import decode_as_stored, decode_picture
from unmask.datagen.pictures.tree import list_pictures


def huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def huge_jpeg(encode: Callable, width: int, height: int) -> bytes:
    whole = bytearray(encode(".jpg", np.zeros((64, 64, 3), np.uint8)))
    at = whole.find(b"\xff\xc0")
    whole[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(whole)


@pytest.fixture(params=["png", "jpeg"])
def bomb(request: pytest.FixtureRequest, encode: Callable) -> bytes:
    return huge_png(13_500, 13_500) if request.param == "png" else huge_jpeg(encode, 13_500, 13_500)


def test_a_picture_that_claims_180_million_pixels_in_few_bytes_is_no_picture(bomb: bytes):
    for read in (decode_picture, decode_as_stored):
        with pytest.raises(UnreadablePictureError, match=r"truncated JPEG: .* cannot hold|damaged PNG"):
            read(bomb)


@pytest.mark.parametrize("size", [(40_000, 40_000), (1 << 22, 1), (1, 1 << 22)])
def test_a_parsing_map_that_claims_too_many_pixels_is_no_map(tmp_path: Path, size: tuple[int, int]):
    (tmp_path / "a.png").write_bytes(huge_png(*size))
    with pytest.raises(UnreadablePictureError, match=r"the parsing map a\.png: (too large|damaged)"):
        read_parsing(tmp_path, "a", (40, 40))


def test_a_bomb_among_pictures_is_one_row_and_among_textures_one_line(
    tmp_path: Path, drawn_jpegs: list[bytes], bomb: bytes
):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bomb.jpg").write_bytes(bomb)
    (tmp_path / "in" / "good.jpg").write_bytes(drawn_jpegs[0])
    build(BuildOptions(str(tmp_path / "in"), tmp_path / "out"))
    rows = [(row.source, row.status) for row in iterate_manifest(tmp_path / "out" / "manifest.csv")]
    assert rows == [("bomb.jpg", "unreadable"), ("good.jpg", "ok")]
    with pytest.raises(UserError, match=r"textures: .*bomb\.jpg"):
        find_textures(tmp_path / "in")


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (8, 64), (3000, 400)])
def test_cloth_of_any_shape_is_laid_in_bounded_memory(
    tmp_path: Path, encode: Callable, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
):
    (tmp_path / "cloth.png").write_bytes(encode(".png", np.full((size[1], size[0], 3), 128, np.uint8)))
    found, _ = find_textures(tmp_path)
    made, resize = [], cv2.resize
    monkeypatch.setattr(cv2, "resize", lambda *a, **k: made.append(resize(*a, **k)) or made[-1])
    assert lay_texture(found["cloth"], (64, 64), (1.5, 1.0), 0.5, 30.0, 7).shape == (3, 64, 64)
    assert max(image.nbytes for image in made) < 1e8


@pytest.fixture
def forbidding(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a folder unreadable, also for root: forbidding(folder)."""
    real_scandir, real_listdir = os.scandir, os.listdir

    def forbid(folder: Path) -> None:
        def look(real: Callable) -> Callable:
            def looked(path: object = ".") -> object:
                if Path(os.fspath(path)) == folder:  # type: ignore[call-overload]
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
                return real(path)

            return looked

        monkeypatch.setattr(os, "scandir", look(real_scandir))
        monkeypatch.setattr(os, "listdir", look(real_listdir))

    return forbid


def test_a_folder_below_that_cannot_be_read_is_told_and_the_rest_is_made(
    tmp_path: Path, drawn_jpegs: list[bytes], forbidding: Callable[[Path], None]
):
    dark = tmp_path / "in" / "dark"
    dark.mkdir(parents=True)
    for name in ("a.jpg", "dark/b.jpg"):
        (tmp_path / "in" / name).write_bytes(drawn_jpegs[0])
    forbidding(dark)
    report = build(BuildOptions(str(tmp_path / "in"), tmp_path / "out"))
    assert report.counts["ok"] == 1
    assert "a folder cannot be read, with whatever is in it: dark (Permission denied)" in report.notes


@pytest.mark.parametrize("argument", ["textures", "parsing", "templates"])
def test_a_folder_of_the_users_that_cannot_be_read_is_named(
    tmp_path: Path, drawn_celeba: Path, forbidding: Callable[[Path], None], argument: str
):
    dark = tmp_path / "dark"
    dark.mkdir()
    forbidding(dark)
    given = (dark,) if argument == "templates" else dark
    with pytest.raises(UserError, match=rf"{argument}.*dark.*cannot be read: Permission denied"):
        build(BuildOptions(str(drawn_celeba), tmp_path / "out", **{argument: given}))
    assert not (tmp_path / "out").exists()


def test_a_folder_of_templates_that_cannot_be_read_is_a_problem(
    tmp_path: Path, forbidding: Callable[[Path], None]
):
    (tmp_path / "mine" / "dark").mkdir(parents=True)
    forbidding(tmp_path / "mine" / "dark")
    assert str(next(iter(check_templates(tmp_path / "mine")))).endswith(
        "dark: cannot be read: Permission denied"
    )


def test_a_link_that_nobody_may_follow_is_a_picture_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a.jpg").write_bytes(b"x")

    class Entry:
        name, path = "a.jpg", str(tmp_path / "a.jpg")

        def is_dir(self) -> bool:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self.path)

        is_file = is_dir

    monkeypatch.setattr(os, "scandir", lambda path: [Entry()])
    assert list_pictures(tmp_path, set()).names == ["a.jpg"]


@pytest.mark.parametrize("what", ["file", "folder", "file or folder"])
@pytest.mark.parametrize("kind", ["long", "loop", "nul", "pipe"])
def test_a_path_that_cannot_be_used_is_one_line(tmp_path: Path, what: str, kind: str):
    path = tmp_path / {"long": "x" * 300, "loop": "loop", "nul": "a\0b", "pipe": "pipe"}[kind]
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)
    if (kind, what) == ("pipe", "file or folder"):
        check_exists("data", path, what)
        return
    with pytest.raises(UserError, match=r"^data .*: (no such|cannot be read)"):
        check_exists("data", path, what)


COMMANDS = [
    ["build", "{path}", "out"],
    ["build", "{celeba}", "{path}"],
    *(
        ["build", "{celeba}", "out", f"--{name}", "{path}"]
        for name in ("landmarks", "templates", "textures", "parsing")
    ),
    *([name, "{path}"] for name in ("verify", "preview", "stats")),
    ["demo", "{path}"],
    ["recipes", "{path}"],
    ["templates", "validate", "{path}"],
    ["preview", "--source", "{path}", "--out", "sheet.png"],
    ["stats", "{built}", "--out", "{path}"],
    ["stats", "--masked", "{path}", "--maps", "{built}/map", "--out", "new"],
]


@pytest.mark.parametrize("kind", ["long", "loop"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_name_too_long_or_a_loop_of_links_is_one_line(
    drawn_celeba: Path,
    built_once: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys,
    arguments: list[str],
    kind: str,
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("x" * 300 if kind == "long" else "loop")
    if kind == "loop":
        path.symlink_to("loop")
    places = {"path": path, "celeba": drawn_celeba, "built": built_once}
    code = data.main([argument.format(**places) for argument in arguments])
    said = capsys.readouterr()
    assert code == (1 if arguments[0] == "templates" else 2)
    line = said.err.splitlines()[-1] if said.err else said.out.splitlines()[0]
    assert path.name in line
    assert {each.name for each in tmp_path.iterdir()} <= {path.name}


def test_without_a_home_directory_the_cache_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(UserError, match="cache: there is no home directory"):
        user_cache.default_cache_folder()
    assert user_cache.cached_bytes("x", lambda: np.zeros(3, np.uint8)).tolist() == [0, 0, 0]


def test_want_of_memory_for_a_picture_says_nothing_about_the_picture(
    monkeypatch: pytest.MonkeyPatch, drawn_jpegs: list[bytes]
):
    def full(*_: object) -> None:
        error = cv2.error("Insufficient memory")
        error.code, error.err = -4, "Insufficient memory"
        raise error

    monkeypatch.setattr(cv2, "imdecode", full)
    with pytest.raises(MemoryError):
        decode_picture(drawn_jpegs[0])


@pytest.mark.parametrize("argument", ["picture", "map", "weights"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path, argument: str):
    from unmask.datagen.pictures.coverage import open_coverage
    from unmask.datagen.pictures.open_picture import open_picture
    from unmask.model.networks.lpips import load_lpips

    pipe = tmp_path / "pipe.pth"
    os.mkfifo(pipe)
    read: dict[str, Callable[[Path], object]] = {
        "picture": open_picture, "map": open_coverage, "weights": load_lpips,
    }  # fmt: skip
    with pytest.raises(UserError, match="not a regular file"):
        read[argument](pipe)


def test_a_pipe_among_the_inputs_of_a_run_is_a_row(tmp_path: Path):
    from unmask.model.run.inputs import RunInput
    from unmask.model.run.loading import load

    os.mkfifo(tmp_path / "pipe.png")
    loaded = load(RunInput(tmp_path / "pipe.png", "pipe"), lambda *_: False)
    assert (loaded.status, loaded.reason) == ("unreadable", "cannot be read: not a regular file")


def test_a_pipe_called_a_clip_is_not_waited_for(tmp_path: Path):
    from unmask.model.video.clip import count_frames, open_clip

    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    assert count_frames(pipe) == 0
    with pytest.raises(UnreadablePictureError, match="not a regular file"), open_clip(pipe):
        pass


def test_a_pipe_in_place_of_a_datasets_picture_is_a_problem_of_its_row(
    built_once: Path, tmp_path: Path, capsys
):
    out = tmp_path / "out"
    shutil.copytree(built_once, out)
    row = next(row for row in iterate_manifest(out / "manifest.csv") if row.status == "ok")
    (out / row.map).unlink()
    os.mkfifo(out / row.map)
    assert data.main(["verify", str(out), "--workers", "1"]) == 1
    assert f"{row.map}: cannot be read: not a regular file" in capsys.readouterr().out
    assert data.main(["preview", str(out), "--out", str(tmp_path / "sheet.png")]) == 2
    assert "not a regular file" in capsys.readouterr().err
