"""The embedded source: drawn faces, their known points and attributes, and their CelebA layout."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.drawn_faces.attributes import ATTRIBUTE_NAMES, FACIAL_HAIR, HAIR_COLOURS
from unmask.datagen.drawn_faces.demo import (
    DEMO_FACES,
    DrawnFace,
    draw_demo_face,
    drawn_landmarks,
    paint_face,
    part_of,
    portrait_rgb,
    write_demo,
)
from unmask.datagen.drawn_faces.face import FaceParams, draw_params
from unmask.datagen.drawn_faces.geometry import make_geometry

SIXTY = 60


@pytest.fixture(scope="module")
def faces() -> list[DrawnFace]:
    return [draw_demo_face(index) for index in range(SIXTY)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo") / "two levels" / "deep"
    assert write_demo(made, 16, seed=3) == 16
    return made


def paint(pinned: Mapping[str, bool], index: int = 20) -> tuple[np.ndarray, FaceParams]:
    params = draw_params(index, 0, pinned)
    return paint_face(params, make_geometry(params)).astype(np.int16), params


# Faces on which a change of one attribute is seen on its own.
WOMAN = {"Male": False, "Bangs": False, "Wearing_Hat": False, "Wearing_Earrings": False, "Blurry": False}
MAN = {**WOMAN, "Male": True, "No_Beard": True, "Receding_Hairline": False, "Wearing_Necktie": False}
ON_WOMEN = {"Arched_Eyebrows", "Bangs", "Heavy_Makeup", "Rosy_Cheeks", "Wavy_Hair", "Straight_Hair"}
ON_WOMEN |= {"Wearing_Earrings", "Wearing_Lipstick", "Wearing_Necklace"}


def test_a_face_is_the_same_bytes_each_time_and_needs_no_other_face(faces: list[DrawnFace]):
    for index in (7, 0):
        again = draw_demo_face(index)
        assert again.image_rgb.tobytes() == faces[index].image_rgb.tobytes()
        assert again.landmarks.tobytes() == faces[index].landmarks.tobytes()
        assert again.attributes == faces[index].attributes
        assert np.array_equal(drawn_landmarks(index), again.landmarks)


def test_faces_seeds_and_pictures_of_one_person_differ(faces: list[DrawnFace]):
    assert len({face.image_rgb.tobytes() for face in faces}) == SIXTY
    assert draw_demo_face(0, seed=1).image_rgb.tobytes() != faces[0].image_rgb.tobytes()


def test_a_face_has_the_shape_of_an_aligned_picture(faces: list[DrawnFace]):
    for face in faces:
        assert face.image_rgb.shape == (218, 178, 3)
        assert face.image_rgb.dtype == np.uint8
        assert face.landmarks.shape == (68, 2)
        assert face.landmarks.dtype == np.float32
        assert np.array_equal(face.landmarks * 4, np.rint(face.landmarks * 4))


def test_eyes_and_mouth_lie_where_aligned_celeba_has_them(faces: list[DrawnFace]):
    points = np.stack([face.landmarks for face in faces])
    centres = np.stack([points[:, 36:42].mean(1), points[:, 42:48].mean(1), points[:, 48], points[:, 54]], 1)
    wanted = [(69.5, 111.5), (107.5, 111.5), (73.0, 152.0), (105.0, 152.0)]
    assert np.abs(centres.mean(0) - wanted).max() < 2.0
    assert np.linalg.norm(centres - wanted, axis=-1).max() < 12.0


def test_points_lie_inside_the_picture_and_in_their_order(faces: list[DrawnFace]):
    for face in faces:
        x, y = face.landmarks.T
        assert x.min() >= 0 and x.max() <= 177
        assert y.min() >= 0 and y.max() <= 217
        assert x[0] < x[8] < x[16]
        assert x[36] < x[39] < x[42] < x[45]
        assert y[27] < y[30] < y[33] < y[51] <= y[62] <= y[66] < y[57] < y[8]


def test_a_person_keeps_what_belongs_to_a_person(faces: list[DrawnFace]):
    first, second = faces[0::2], faces[1::2]
    stable = ("Male", "Young", "Pale_Skin", "Eyeglasses", "Big_Nose", "Goatee", *HAIR_COLOURS)
    for one, other in zip(first, second, strict=True):
        assert one.identity == other.identity
        assert all(one.attributes[name] == other.attributes[name] for name in stable)
    assert len({face.identity for face in first}) == len(first)


def test_attributes_of_a_face_fit_each_other():
    for index in range(400):
        has = dict(draw_params(index).attributes)
        assert tuple(has) == ATTRIBUTE_NAMES
        assert has["No_Beard"] == (not any(has[name] for name in FACIAL_HAIR))
        assert sum(has[name] for name in HAIR_COLOURS) <= 1
        assert not (has["Straight_Hair"] and has["Wavy_Hair"])
        assert not (has["Big_Nose"] and has["Pointy_Nose"])
        assert not (has["Bangs"] and (has["Receding_Hairline"] or has["Wearing_Hat"]))
        assert has["Chubby"] or not has["Double_Chin"]
        if has["Bald"]:
            assert has["Male"]
            assert not any(has[name] for name in (*HAIR_COLOURS, "Bangs", "Wavy_Hair", "Straight_Hair"))
        if not has["Male"]:
            assert has["No_Beard"] and not has["Wearing_Necktie"]
        if has["Gray_Hair"]:
            assert not has["Young"]


def test_the_embedded_faces_show_every_attribute_present_and_absent():
    rows = [dict(draw_params(index).attributes) for index in range(DEMO_FACES)]
    one_sided = [name for name in ATTRIBUTE_NAMES if len({row[name] for row in rows}) < 2]
    assert one_sided == []


@pytest.mark.parametrize("name", ATTRIBUTE_NAMES)
def test_each_attribute_changes_the_drawing(name: str):
    base = {key: value for key, value in (WOMAN if name in ON_WOMEN else MAN).items() if key != name}
    if name in FACIAL_HAIR:
        del base["No_Beard"]
    with_it, _ = paint({**base, name: True})
    without, _ = paint({**base, name: False})
    changed = np.abs(with_it - without).max(2)
    assert (changed > 8).sum() >= 30


def test_smiling_lifts_the_corners_of_the_mouth():
    for index in range(6):
        smile, calm = (make_geometry(draw_params(index, 0, {"Smiling": on})).head for on in (True, False))
        assert smile[54, 1] < calm[54, 1] - 1.0
        assert smile[54, 0] > calm[54, 0] + 1.0


def test_an_open_mouth_has_a_gap():
    for index in range(6):
        head = make_geometry(draw_params(index, 0, {"Mouth_Slightly_Open": True})).head
        shut = make_geometry(draw_params(index, 0, {"Mouth_Slightly_Open": False})).head
        assert head[66, 1] - head[62, 1] > shut[66, 1] - shut[62, 1] + 2.0


def test_glasses_and_hat_change_what_they_cover_and_not_the_mouth():
    plain, params = paint({**MAN, "Eyeglasses": False})
    points = make_geometry(params).landmarks
    mouth = np.s_[int(points[48:60, 1].min()) : int(points[48:60, 1].max()), 75:103]
    for name in ("Eyeglasses", "Wearing_Hat"):
        worn, _ = paint({**MAN, "Eyeglasses": False, name: True})
        top = 40 if name == "Wearing_Hat" else 100
        assert (np.abs(worn - plain).max(2)[top : top + 25, 50:128] > 20).mean() > 0.05
        assert np.array_equal(worn[mouth], plain[mouth])


def test_hair_colours_are_what_they_are_called():
    crown = np.s_[52:68, 75:102]
    mean = {name: paint({**WOMAN, name: True})[0][crown].mean((0, 1)) for name in HAIR_COLOURS}
    assert mean["Black_Hair"].mean() < mean["Brown_Hair"].mean() < mean["Blond_Hair"].mean()
    assert np.ptp(mean["Gray_Hair"]) < 15 < np.ptp(mean["Blond_Hair"])


def test_pale_skin_is_paler_and_blurry_is_blurred():
    forehead = np.s_[85:95, 80:98]
    assert (
        paint({**MAN, "Pale_Skin": True})[0][forehead].mean()
        > paint({**MAN, "Pale_Skin": False})[0][forehead].mean()
    )
    sharp, blurred = (
        cv2.Laplacian(paint({**MAN, "Blurry": on})[0][..., 1].astype(np.float32)[95:160], cv2.CV_32F).var()
        for on in (False, True)
    )
    assert blurred < 0.6 * sharp


def test_skin_spans_light_to_dark(faces: list[DrawnFace]):
    cheek = [draw_params(index).look.skin[1] for index in range(SIXTY)]
    assert min(cheek) < 80 and max(cheek) > 190


def test_pinned_attributes_take_out_what_contradicts_them():
    has = dict(draw_params(0, 0, {"Male": True, "Bald": True}).attributes)
    assert has["Bald"] and not has["Bangs"] and not any(has[name] for name in HAIR_COLOURS)
    has = dict(draw_params(0, 0, {"Male": True, "Goatee": True}).attributes)
    assert not has["No_Beard"]
    with pytest.raises(ValueError, match="Beautiful"):
        draw_params(0, 0, {"Beautiful": True})


def test_a_negative_index_is_refused():
    with pytest.raises(ValueError, match="-1"):
        draw_demo_face(-1)


def test_dlib_finds_the_faces_and_agrees_about_their_points(faces: list[DrawnFace]):
    import dlib

    spec = find_spec("face_recognition_models")
    assert spec is not None and spec.submodule_search_locations
    model = Path(spec.submodule_search_locations[0]) / "models/shape_predictor_68_face_landmarks.dat"
    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model))
    errors = []
    for face in faces:
        boxes = detector(face.image_rgb, 0) or detector(face.image_rgb, 1)
        if not boxes:
            continue
        found = predictor(face.image_rgb, dlib.rectangle(46, 86, 135, 176))
        points = np.array([(part.x, part.y) for part in found.parts()])
        eyes = face.landmarks[36:42].mean(0), face.landmarks[42:48].mean(0)
        distance = np.linalg.norm(points - face.landmarks, axis=1).mean()
        errors.append(distance / np.linalg.norm(eyes[1] - eyes[0]))
    assert len(errors) >= 0.95 * SIXTY
    assert np.median(errors) < 0.07
    assert np.quantile(errors, 0.95) < 0.13


def test_the_portrait_is_a_colour_photograph():
    portrait = portrait_rgb()
    assert portrait.shape == (512, 512, 3) and portrait.dtype == np.uint8


def test_the_folder_has_every_picture_of_every_list(folder: Path):
    names = [f"{index + 1:06d}.jpg" for index in range(16)]
    assert sorted(path.name for path in (folder / "img_align_celeba").iterdir()) == names
    for text in ("identity_CelebA.txt", "list_eval_partition.txt"):
        rows = [line.split() for line in (folder / text).read_text().splitlines()]
        assert [row[0] for row in rows] == names
        assert all(len(row) == 2 and row[1].isdigit() for row in rows)
    decoded = cv2.imread(str(folder / "img_align_celeba" / names[0]))
    drawn = draw_demo_face(0, seed=3).image_rgb[..., ::-1].astype(np.int16)
    assert np.abs(decoded.astype(np.int16) - drawn).mean() < 4
    assert not list(folder.rglob("*.part"))


def test_the_attribute_list_has_the_official_shape(folder: Path):
    lines = (folder / "list_attr_celeba.txt").read_text().splitlines()
    assert lines[0] == "16"
    assert tuple(lines[1].split()) == ATTRIBUTE_NAMES
    for index, line in enumerate(lines[2:]):
        name, *signs = line.split()
        assert name == f"{index + 1:06d}.jpg"
        expected = dict(draw_params(index, 3).attributes)
        assert [sign == "1" for sign in signs] == list(expected.values())
        assert set(signs) <= {"1", "-1"}


def test_point_lists_hold_the_known_points(folder: Path):
    lines = (folder / "list_landmarks_align_celeba.txt").read_text().splitlines()
    assert lines[0] == "16"
    assert lines[1].split()[:2] == ["lefteye_x", "lefteye_y"] and lines[1].split()[-1] == "rightmouth_y"
    table = pd.read_csv(folder / "landmarks.csv")
    assert list(table.columns) == ["source", *(f"{axis}{i}" for i in range(68) for axis in "xy")]
    for index, line in enumerate(lines[2:]):
        known = drawn_landmarks(index, 3)
        assert np.array_equal(table.iloc[index, 1:].to_numpy(np.float32).reshape(68, 2), known)
        five = np.array(line.split()[1:], int).reshape(5, 2)
        assert np.abs(five[2] - known[30]).max() <= 0.5
        assert np.abs(five[4] - known[54]).max() <= 0.5


def test_parts_share_no_person_and_each_part_is_there(folder: Path):
    people = dict(line.split() for line in (folder / "identity_CelebA.txt").read_text().splitlines())
    parts = dict(line.split() for line in (folder / "list_eval_partition.txt").read_text().splitlines())
    of_person = {people[name]: set() for name in people}
    for name, part in parts.items():
        of_person[people[name]].add(part)
    assert all(len(found) == 1 for found in of_person.values())
    assert set(parts.values()) == {"0", "1", "2"}
    shares = np.bincount([part_of(identity) for identity in range(1, 1001)]) / 1000
    assert np.abs(shares - [0.7, 0.15, 0.15]).max() < 0.02


def test_writing_again_gives_the_same_bytes(folder: Path, tmp_path: Path):
    write_demo(tmp_path, 16, seed=3)
    for path in sorted(tmp_path.rglob("*.*")):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes()
    write_demo(tmp_path, 16, seed=3)


def test_a_folder_with_other_pictures_is_refused(folder: Path):
    with pytest.raises(UserError, match="14 other pictures"):
        write_demo(folder, 2)


def test_what_a_person_can_mend_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(UserError, match=r"^count"):
        write_demo(tmp_path, 0)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="file"):
        write_demo(tmp_path / "file", 1)
