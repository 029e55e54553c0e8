"""The front door: ``import unmask`` and its short calls."""

import doctest
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hub_stand_in import hub_in_this_process
from video_support import write_clip

import unmask
import unmask.model
from unmask.datagen.common.arguments import make_options
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.drawn_faces.demo import portrait_rgb
from unmask.datagen.pictures.picture import encode_jpg, encode_png

HEAVY = {"cv2", "dlib", "numpy", "pandas", "scipy", "skimage", "torch"}


def said_by(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def loaded_after(code: str) -> set[str]:
    return HEAVY.intersection(said_by(f"import sys; {code}; print(*sys.modules)").split())


def test_importing_loads_none_of_the_heavy_libraries() -> None:
    assert loaded_after("import unmask; unmask.__version__; dir(unmask)") == set()
    seconds = said_by("import time; t = time.process_time(); import unmask; print(time.process_time() - t)")
    assert float(seconds) < 0.1


def test_datasets_do_not_load_torch() -> None:
    assert "torch" not in loaded_after("import unmask; unmask.TripletDataset; unmask.put_mask; unmask.build")


def test_every_name_of_the_front_door_is_there_and_listed() -> None:
    assert dir(unmask) == sorted(unmask.__all__)
    for name in unmask.__all__:
        assert getattr(unmask, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'unmsk'"):
        unmask.unmsk  # type: ignore[attr-defined]  # noqa: B018
    assert unmask.model.Unmasker is unmask.Unmasker


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "portrait.jpg").write_bytes(encode_jpg(portrait_rgb(), 95))
    masked = unmask.put_mask(portrait_rgb(), template="surgical-pleated", pins=["worn=proper"]).masked
    (tmp_path / "photo.jpg").write_bytes(encode_jpg(masked, 95))
    write_clip(tmp_path / "clip.mp4", [masked, masked])
    with hub_in_this_process(monkeypatch, tmp_path / "kept"):
        yield tmp_path


@pytest.mark.parametrize("name", [name for name in unmask.__all__ if name != "__version__"])
def test_the_examples_of_docstrings_run(name: str, photos: Path) -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(unmask, name), name)
    ran = doctest.DocTestRunner().run(example)
    assert ran.attempted > 1
    assert ran.failed == 0


def test_a_picture_gets_the_mask_that_a_build_gives_it(photos: Path) -> None:
    Path("in").mkdir()
    Path("portrait.jpg").rename("in/portrait.jpg")
    unmask.build("in", "out", seed=5, size=160)
    made, built = unmask.put_mask("in/portrait.jpg", seed=5, size=160), unmask.BuiltDataset("out")
    for part in ("masked", "map", "clean"):
        assert np.array_equal(getattr(made, part), built[0][part])
    assert made.recipe_json == built.row(0).recipe


def test_one_call_gives_a_masked_picture_and_its_map(draw_face: Callable) -> None:
    image, points = draw_face(0)[:2]
    made = unmask.put_mask(image, family="surgical", seed=3, landmarks=points)
    assert np.array_equal(made.clean, image)
    untouched = made.layers.max(axis=-1) == 0
    assert np.array_equal(made.masked[untouched], image[untouched])
    assert made.summary.family == "surgical"
    again = unmask.put_mask(image, family="surgical", seed=3, landmarks=points.points[None])
    assert np.array_equal(made.masked, again.masked)
    with pytest.raises(
        UserError, match=r"^landmarks: expected \(68, 2\) or \(n, 68, 2\) pixels, got \(67, 2\)"
    ):
        unmask.put_mask(image, landmarks=points.points[1:])


def test_a_face_of_aligned_celeba_is_found_where_it_always_is(draw_face: Callable) -> None:
    assert unmask.put_mask(draw_face(0)[0], template="kn95-fold").summary.template == "kn95-fold"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: unmask.build("demo", "out", sed=1), TypeError, "'sed'"),
        (lambda: unmask.build("demo", "out", seed=-1), UserError, "seed -1"),
        (lambda: unmask.TripletDataset("demo", sise=64), TypeError, "'sise'"),
        (lambda: unmask.TripletDataset("nowhere"), UserError, "source 'nowhere': no such folder"),
        (lambda: unmask.BuiltDataset("nowhere"), UserError, "data nowhere: no such folder"),
        (lambda: unmask.Unmasker(device="cuda:99"), UserError, "device cuda:99"),
        (lambda: unmask.put_mask("nowhere.jpg"), UserError, "nowhere.jpg"),
        (lambda: unmask.put_mask(np.zeros((64, 64, 3), np.uint8)), UserError, "face"),
        (lambda: unmask.load_model("nowhere"), UserError, "nowhere"),
        (lambda: unmask.evaluate("nowhere", "report"), UserError, "data nowhere"),
        (lambda: unmask.evaluate("nowhere", "report", bye="Male"), TypeError, "'bye'"),
    ],
)
def test_what_is_wrong_is_named_as_python_knows_it(
    call: Callable, error: type[Exception], words: str, photos: Path
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
    assert "--" not in str(caught.value)


def test_a_wrong_argument_is_a_value_error(photos: Path) -> None:
    with pytest.raises(ValueError, match="limit 0"):
        unmask.build("demo", "out", limit=0)


def test_paths_and_arrays_are_the_same_to_the_unmasker(photos: Path, unmasker: Any) -> None:
    face = portrait_rgb()[:218, :178]
    Path("face.png").write_bytes(encode_png(face))
    assert np.array_equal(unmasker.segment("face.png"), unmasker.segment(face))
    assert np.array_equal(unmasker.restore(Path("face.png")), unmasker.restore(face))
    with pytest.raises(UserError, match=r"^none.png: cannot be read"):
        unmasker.restore_photo("none.png")


def test_options_are_made_of_what_people_write(tmp_path: Path) -> None:
    made = make_options(
        BuildOptions,
        source=tmp_path,
        out="out",
        templates=["a", Path("b")],
        textures="c",
        families="scarf",
        pins="worn=chin",
        landmarks=None,
    )
    assert (made.source, made.out, made.textures) == (str(tmp_path), Path("out"), Path("c"))
    assert (made.templates, made.families, made.pins) == ((Path("a"), Path("b")), ("scarf",), ("worn=chin",))
    assert made == make_options(BuildOptions, **vars(made))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limit": "8"}, "limit is '8': expected a whole number"),
        ({"limit": 2.5}, "limit is 2.5: expected a whole number"),
        ({"variants": "2"}, "variants is '2': expected a whole number"),
        ({"seed": True}, "seed is True: expected a whole number"),
    ],
)
def test_a_value_that_is_no_number_is_named(given: dict[str, object], words: str):
    with pytest.raises(TypeError, match=re.escape(words)):
        make_options(BuildOptions, source="demo", out="out", **given)


def test_numbers_of_numpy_are_numbers():
    made = make_options(BuildOptions, source="demo", out="out", limit=np.int64(3), seed=np.int32(2))
    assert (made.limit, made.seed) == (3, 2)


def test_shipped_networks_have_names(tmp_path: Path) -> None:
    for name, kind in (("shipped", "map"), ("fidelity", "edit"), ("perceptual", "edit")):
        network, card = unmask.load_model(name)
        assert card["network"]["kind"] == kind
        assert not network.training


@pytest.mark.parametrize(
    ("by", "crossings"),
    [
        ("Male,Young", (("Male", "Young"),)),
        (["Male,Young", "family"], (("Male", "Young"), ("family",))),
        ([["Male", "Young"]], (("Male", "Young"),)),
    ],
)
def test_crossings_of_an_evaluation_are_texts_or_lists(
    by: Any, crossings: object, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    result = SimpleNamespace(summary={})
    monkeypatch.setattr(
        "unmask.model.evaluation.run.run_evaluation", lambda options, *_: asked.append(options) or result
    )
    unmask.evaluate(photos, "report", edit="fidelity", by=by)
    assert asked[0].by == crossings
    assert (asked[0].map_module, asked[0].edit_module) == (None, "fidelity")
    unmask.evaluate(photos, "report")
    assert (asked[1].map_module, asked[1].edit_module) == ("shipped", "perceptual")


def test_a_device_that_is_not_there_and_a_clip_for_its_frames_are_named():
    with pytest.raises(UserError, match="device foo: not available here"):
        unmask.load_model("fidelity", device="foo")
    with pytest.raises(ValueError, match=r"frames: pictures one after the other, not a path \(clip\.mp4\)"):
        unmask.restore_frames("clip.mp4")
