import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.user_cache import default_cache_folder
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.pictures.picture import decode_picture, fit_picture, fit_transform
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source
from unmask.model.data import face_writer
from unmask.model.data.face_store import FaceFrame
from unmask.model.data.faces import FaceCache, fingerprint, open_face_cache

SIZE = (64, 64)


def known(folder: Path) -> LandmarkTable:
    return LandmarkTable.read(folder / "landmarks.csv")


def opened(celeba: Path, cache: Path, jitter: bool = False, size: tuple[int, int] = SIZE) -> FaceCache:
    return open_face_cache(open_source(str(celeba)), size, jitter, cache, 1, known(celeba))


def fail(*_: object) -> None:
    raise AssertionError("a picture was decoded again")


def test_pictures_and_points_are_kept_at_the_size_of_the_training(drawn_celeba: Path, tmp_path: Path):
    cache = opened(drawn_celeba, tmp_path)
    source = open_source(str(drawn_celeba))
    assert cache.names == tuple(face.name for face in source.faces)
    for index, face in enumerate(source.faces):
        image = decode_picture(face.read_bytes()).image_rgb
        assert np.array_equal(cache.picture(index), fit_picture(image, SIZE))
        points = known(drawn_celeba).entries(face.name)[0][1][0]
        matrix = fit_transform(image.shape[1], image.shape[0], SIZE)
        assert np.array_equal(cache.landmarks(index).points, points.transformed(matrix).points)
        assert cache.jpeg_quality(index) is None


def test_a_picture_that_already_has_the_size_keeps_its_jpeg_quality(drawn_celeba: Path, tmp_path: Path):
    assert opened(drawn_celeba, tmp_path, size=(178, 218)).jpeg_quality(0) is not None


def test_for_a_jitter_pictures_stay_at_their_own_size_unless_that_is_far_too_large(
    drawn_celeba: Path, tmp_path: Path
):
    own = opened(drawn_celeba, tmp_path, jitter=True, size=(128, 128))
    assert own.picture(0).shape == (218, 178, 3)
    small = opened(drawn_celeba, tmp_path, jitter=True)
    assert small.picture(0).shape == (118, 96, 3)
    assert small.landmarks(0).eye_dist_px == pytest.approx(own.landmarks(0).eye_dist_px * 96 / 178, rel=0.02)


def test_the_second_opening_decodes_nothing(
    drawn_celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = opened(drawn_celeba, tmp_path)
    monkeypatch.setattr(face_writer, "store_chunk", fail)
    assert opened(drawn_celeba, tmp_path).folder == first.folder
    with pytest.raises(AssertionError, match="decoded again"):
        opened(drawn_celeba, tmp_path, size=(80, 80))


def test_a_changed_picture_makes_a_new_cache(drawn_celeba: Path, tmp_path: Path):
    celeba = tmp_path / "celeba"
    shutil.copytree(drawn_celeba, celeba)
    before = opened(celeba, tmp_path / "cache")
    changed = celeba / "img_align_celeba" / "000001.jpg"
    changed.write_bytes((celeba / "img_align_celeba" / "000002.jpg").read_bytes())
    after = opened(celeba, tmp_path / "cache")
    assert before.folder != after.folder
    assert before.content != after.content
    assert np.array_equal(after.picture(0), after.picture(1))


def test_other_points_a_jitter_or_another_size_ask_for_another_cache(drawn_celeba: Path):
    source, table = open_source(str(drawn_celeba)), known(drawn_celeba)
    frames = [FaceFrame(SIZE, False), FaceFrame(SIZE, True), FaceFrame((80, 80), False)]
    names = [fingerprint(source, frame, table) for frame in frames]
    names.append(fingerprint(source, frames[0], None))
    names.append(fingerprint(replace(source, faces=source.faces[1:]), frames[0], table))
    assert len(set(names)) == 5
    assert names[0] == fingerprint(source, frames[0], known(drawn_celeba))


def test_a_damaged_cache_is_made_anew(drawn_celeba: Path, tmp_path: Path):
    cache = opened(drawn_celeba, tmp_path)
    before = cache.picture(5)
    with (cache.folder / "faces.bin").open("r+b") as file:
        file.truncate(1000)
    assert np.array_equal(opened(drawn_celeba, tmp_path).picture(5), before)


def test_what_a_killed_process_left_is_swept_away(drawn_celeba: Path, tmp_path: Path):
    place = opened(drawn_celeba, tmp_path).folder
    place.rename(tmp_path / f".{place.name}.1")
    opened(drawn_celeba, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [place.name, f"{place.name}.lock"]


@pytest.fixture
def troubled(tmp_path: Path, drawn_jpegs: list[bytes]) -> Source:
    """A folder with a face, a broken file, a grey square and a face that is far too small."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"broken")
    (folder / "b.png").write_bytes(cv2.imencode(".png", np.full((80, 80, 3), 90, np.uint8))[1].tobytes())
    (folder / "c.jpg").write_bytes(drawn_jpegs[0])
    wide = np.full((2000, 2000, 3), 90, np.uint8)
    wide[900:1118, 900:1078] = cv2.imdecode(np.frombuffer(drawn_jpegs[1], np.uint8), cv2.IMREAD_COLOR)
    (folder / "d.png").write_bytes(cv2.imencode(".png", wide)[1].tobytes())
    return open_source(str(folder))


def test_pictures_without_a_usable_face_are_left_out_and_counted(
    troubled: Source, drawn_celeba: Path, tmp_path: Path
):
    points = (drawn_celeba / "landmarks.csv").read_text().splitlines()
    face = points[1].split(",")[1:]
    table = tmp_path / "points.csv"
    moved = [str(float(value) + 900) for value in face]
    table.write_text("\n".join([points[0], ",".join(["c.jpg", *face]), ",".join(["d.png", *moved])]) + "\n")
    cache = open_face_cache(troubled, SIZE, False, tmp_path / "cache", 1, LandmarkTable.read(table))
    assert cache.names == ("c.jpg",)
    assert cache.counts == {"unreadable": 1, "no_face": 1, "too_small": 1}
    assert cache.notes == (
        f"SOURCE {troubled.root}: of 4 pictures left out: 1 no_face, 1 too_small, 1 unreadable (first: a.jpg)",
    )


def test_a_source_without_any_face_is_one_line_and_leaves_no_cache(troubled: Source, tmp_path: Path):
    faceless = replace(troubled, faces=troubled.faces[:2])
    with pytest.raises(UserError, match=r"no picture with a face in it \(1 no_face, 1 unreadable\)"):
        open_face_cache(faceless, SIZE, False, tmp_path / "cache", 1)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_cache_travels_as_a_folder_name(drawn_celeba: Path, tmp_path: Path):
    cache = opened(drawn_celeba, tmp_path)
    cache.picture(0), cache.landmarks(0), cache.names
    sent = pickle.dumps(cache)
    assert len(sent) < 1500
    assert np.array_equal(pickle.loads(sent).picture(3), cache.picture(3))


def test_names_that_are_not_utf8_come_back(drawn_jpegs: list[bytes], tmp_path: Path, drawn_celeba: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    name = os.fsdecode(b"caf\xe9 \xf0.jpg")
    try:
        (folder / name).write_bytes(drawn_jpegs[0])
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (folder / "zażółć.jpg").write_bytes(drawn_jpegs[1])
    source = open_source(str(folder))
    header, row, *_ = (drawn_celeba / "landmarks.csv").read_text().splitlines()
    points = row.partition(",")[2]
    lines = [header, *(f"{face.name},{points}" for face in source.faces)]
    (tmp_path / "points.csv").write_text("\n".join(lines), "utf-8", "surrogateescape")
    table = LandmarkTable.read(tmp_path / "points.csv")
    cache = open_face_cache(source, SIZE, False, tmp_path / "cache", 1, table)
    assert cache.names == tuple(face.name for face in source.faces)
    assert name in cache.names


def test_a_folder_that_cannot_be_written_or_is_too_small_is_named(
    drawn_celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^cache .*file/sub: cannot write the decoded faces"):
        opened(drawn_celeba, tmp_path / "file" / "sub")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(UserError, match=r"^cache .*cache: 6 decoded faces take .* are free"):
        opened(drawn_celeba, tmp_path / "cache")


def test_without_a_name_the_cache_is_where_the_system_keeps_caches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNMASK_CACHE", "/mine")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache_folder() == Path("/mine")
    monkeypatch.delenv("UNMASK_CACHE")
    assert default_cache_folder() == Path("/somewhere/unmask")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_folder() == Path.home() / ".cache" / "unmask"


RACER = """
import sys, time
from pathlib import Path
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.sources.open_source import open_source
from unmask.model.data import face_writer
from unmask.model.data.faces import open_face_cache
celeba, cache = map(Path, sys.argv[1:])
store, made = face_writer.store_chunk, []
def slowly(*given):
    made.append(1)
    time.sleep(1)
    return store(*given)
face_writer.store_chunk = slowly
print("ready", flush=True)
sys.stdin.readline()
table = LandmarkTable.read(celeba / "landmarks.csv")
found = open_face_cache(open_source(str(celeba)), (64, 64), False, cache, 1, table)
print(len(made), len(found), found.content)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks there: each makes its own")
def test_of_two_processes_one_makes_the_cache_and_the_other_waits(drawn_celeba: Path, tmp_path: Path):
    command = [sys.executable, "-c", RACER, str(drawn_celeba), str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert sorted(words[0] for words in said) == ["0", "1"]
    assert said[0][1:] == said[1][1:]


def test_workers_give_the_same_cache_as_one_process(
    drawn_celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = open_source(str(drawn_celeba))
    many = replace(
        source,
        faces=tuple(
            replace(face, name=f"{turn}/{face.name}", stem=f"{turn}__{face.stem}")
            for turn in range(11)
            for face in source.faces
        ),
    )  # more than 64 pictures, below which one process does it alone
    started: list[int] = []
    real = face_writer.open_executor
    monkeypatch.setattr(
        face_writer, "open_executor", lambda workers: started.append(workers) or real(workers)
    )
    caches = [
        open_face_cache(many, SIZE, False, tmp_path / f"{workers}", workers, known(drawn_celeba))
        for workers in (1, 2)
    ]
    assert started == [1, 2]
    assert caches[0].content == caches[1].content
    pixels = [(cache.folder / "faces.bin").read_bytes() for cache in caches]
    assert pixels[0] == pixels[1]
    about = [json.loads((cache.folder / "cache.json").read_text()) for cache in caches]
    assert about[0] == about[1]
