from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from unmask.datagen.common import user_cache
from unmask.datagen.common.errors import UserError
from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.faces import hog, predictor
from unmask.datagen.faces._trees import MODEL_BYTES, predict, unpack
from unmask.datagen.faces.crop import cut_face
from unmask.datagen.faces.detect import ALIGNED_BOX, GLANCE_SCORE, GLANCE_WEAK_SCORE, LandmarkFinder
from unmask.datagen.faces.dlib_models import PREDICTOR_FACE_PX, PREDICTOR_MARGIN, DlibModels, model_file
from unmask.datagen.pictures.picture import decode_picture

MODEL = "shape_predictor_68_face_landmarks.dat"
SHARED = Path(__file__).parents[2] / "shared" / "data" / "celeba" / "img_align_celeba"


@pytest.fixture(scope="module")
def dlibs_own():
    return dlib.shape_predictor(model_file(MODEL))


@pytest.fixture(scope="module")
def ours():
    return predictor.PointPredictor(model_file(MODEL))


@pytest.fixture(scope="module")
def drawn():
    return [draw_demo_face(number).image_rgb for number in range(6)]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "unmask"


def predictor_crops(images):
    grays = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    return [cut_face(gray, ALIGNED_BOX, 0.0, PREDICTOR_FACE_PX, PREDICTOR_MARGIN)[0] for gray in grays]


def by_dlib(predictor_, crop, box):
    shape = predictor_(np.ascontiguousarray(crop), dlib.rectangle(box[0], box[0], box[1], box[1]))
    return np.array([(point.x, point.y) for point in shape.parts()], np.float64)


def assert_dlibs_points(dlibs_own, ours, crops, boxes):
    wanted = [by_dlib(dlibs_own, crop, box) for crop, box in zip(crops, boxes, strict=True)]
    np.testing.assert_array_equal(ours.predict(crops, boxes), wanted)


@pytest.mark.parametrize("count", [1, 3, 70])
def test_points_of_drawn_faces_are_dlibs_own_however_many_come_at_once(dlibs_own, ours, drawn, count):
    crops = [predictor_crops(drawn)[number % len(drawn)] for number in range(count)]
    assert_dlibs_points(dlibs_own, ours, crops, [(121, 391)] * count)


def test_points_are_dlibs_own_in_crops_of_any_shape_with_boxes_beyond_them(dlibs_own, ours, drawn):
    rng = np.random.default_rng(1)
    face = predictor_crops(drawn)[0]
    crops = [
        face[::2, ::2],
        face[:200],
        face[:, 250:],
        face[:1, :1],
        rng.integers(0, 256, (90, 140)).astype(np.uint8),
        np.zeros((33, 20), np.uint8),
    ]
    boxes = [(60, 195), (-50, 220), (0, 270), (0, 1), (10, 80), (-300, 400)]
    assert_dlibs_points(dlibs_own, ours, crops, boxes)


def test_no_face_has_no_points(ours):
    assert ours.predict([], []).shape == (0, 68, 2)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
def test_points_of_real_faces_are_dlibs_own(dlibs_own, ours):
    paths = sorted(SHARED.iterdir())[::70][:300]
    crops = predictor_crops([decode_picture(path.read_bytes()).image_rgb for path in paths])
    assert_dlibs_points(dlibs_own, ours, crops, [(121, 391)] * len(crops))


def test_pictures_together_give_what_each_gives_alone(drawn):
    finder = LandmarkFinder()
    flat = np.full((218, 178, 3), 120, np.uint8)
    images = [*drawn[:3], flat, drawn[3][:150], cv2.resize(drawn[4], (356, 436)), drawn[5]]
    aligned = [True, True, False, True, True, True, True]
    marks = [None, [0.0] * 10, None, None, None, None, None]
    alone = [
        finder.find(image, aligned=framed, points5=points5)
        for image, framed, points5 in zip(images, aligned, marks, strict=True)
    ]
    assert list(finder.find_many(images, aligned, marks)) == alone
    assert [len(faces) for faces in alone[:2]] == [1, 0]
    assert list(finder.find_many([], [], [])) == []


def test_the_model_is_unpacked_once_and_then_mapped(cache, monkeypatch, drawn, ours):
    first = predictor.PointPredictor(model_file(MODEL))
    monkeypatch.setattr(predictor, "unpack", None)
    second = predictor.PointPredictor(model_file(MODEL))
    crops = predictor_crops(drawn[:2])
    for made in (first, second):
        np.testing.assert_array_equal(
            made.predict(crops, [(121, 391)] * 2), ours.predict(crops, [(121, 391)] * 2)
        )
    (file,) = cache.iterdir()
    assert file.suffix == ".trees"
    assert MODEL_BYTES < file.stat().st_size < MODEL_BYTES + 32


@pytest.mark.parametrize("content", [b"", b"\x01\x01" * 5000, b"no model", b"\x09" * 50])
def test_another_file_is_no_model_in_one_line(cache, tmp_path, content):
    path = tmp_path / "other.dat"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"^.*other\.dat: not the model of 68 points: "):
        predictor.PointPredictor(str(path))
    with pytest.raises(UserError, match=r"nowhere\.dat: not the model"):
        predictor.PointPredictor(str(tmp_path / "nowhere.dat"))


def test_a_model_that_was_cut_off_is_no_model(cache, tmp_path):
    path = tmp_path / "cut.dat"
    path.write_bytes(Path(model_file(MODEL)).read_bytes()[:-1])
    with pytest.raises(UserError, match=r"cut\.dat: not the model"):
        predictor.PointPredictor(str(path))
    assert list(cache.glob("*")) == []


def test_arrays_that_do_not_fit_are_refused():
    model, out = np.zeros(MODEL_BYTES, np.uint8), np.zeros((1, 68, 2))
    crop, box = np.zeros((9, 9), np.uint8), np.zeros((1, 2))
    for given in (
        (model[1:], [crop], box, out),
        (model, [crop, crop], box, out),
        (model, [crop], box, out[:, 1:].copy()),
        (model, [crop[0].copy()], box, out),
        (model, [crop.astype(np.int16)], box, out),
    ):
        with pytest.raises(ValueError, match=r"fit|bytes"):
            predict(*given)
    with pytest.raises(TypeError):
        predict(model, 3, box, out)
    with pytest.raises(ValueError, match="takes"):
        unpack(b"", model[1:].copy())


def test_a_model_of_any_bytes_gives_some_numbers_and_no_crash():
    model = np.random.default_rng(1).integers(0, 256, MODEL_BYTES, np.uint8)
    predict(model, [np.zeros((9, 9), np.uint8)] * 2, np.array([[1.0, 5.0]] * 2), np.zeros((2, 68, 2)))


def test_a_glance_decides_as_the_whole_detector_does(drawn):
    rng = np.random.default_rng(1)
    looks = [cv2.cvtColor(cv2.resize(image[80:185, 40:145], (88, 88)), cv2.COLOR_RGB2GRAY) for image in drawn]
    noise = rng.normal(0, 50, looks[0].shape)
    looks += [
        np.clip(look + weight * noise, 0, 255).astype(np.uint8) for look in looks for weight in (0.4, 1.0)
    ]
    looks += [rng.integers(0, 256, (88, 88)).astype(np.uint8), np.zeros((88, 88), np.uint8)]
    detector, whole = hog.HogDetector(), dlib.get_frontal_face_detector()
    kinds = set()
    for look in looks:
        _, scores, _ = whole.run(look, 0, GLANCE_WEAK_SCORE)
        wanted, got = max(scores, default=None), detector.best_score(look, GLANCE_SCORE, GLANCE_WEAK_SCORE)
        if wanted is not None and wanted >= GLANCE_SCORE:
            assert GLANCE_SCORE <= got <= wanted
        else:
            assert got == wanted
        kinds.add("none" if wanted is None else "sure" if wanted >= GLANCE_SCORE else "weak")
    assert kinds == {"none", "sure", "weak"}


def test_the_kept_detector_is_dlibs_own_to_the_byte(cache):
    own = dlib.get_frontal_face_detector().__getstate__()
    for _ in range(2):
        assert hog.HogDetector()._detector.__getstate__() == own
    assert [path.suffix for path in cache.iterdir()] == [".hog"]


def test_a_detector_in_another_format_is_asked_as_a_whole(monkeypatch, drawn):
    monkeypatch.setattr(hog, "_EXPECTED", {0: 3})
    detector = hog.HogDetector()
    assert detector._first is None
    look = cv2.cvtColor(cv2.resize(drawn[0][80:185, 40:145], (88, 88)), cv2.COLOR_RGB2GRAY)
    _, scores, _ = dlib.get_frontal_face_detector().run(look, 0, -1.2)
    assert detector.best_score(look, 9.0, -1.2) == max(scores)


def test_supplied_points_need_no_dlib_and_no_model():
    models = DlibModels()
    assert not {"_predictor", "_hog", "_cnn_detector"} & vars(models).keys()
    assert user_cache.default_cache_folder().name == "unmask"
