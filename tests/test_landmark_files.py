"""Known points as other tools write them: JSON, iBUG's .pts, MediaPipe's mesh."""

import json
from pathlib import Path

import numpy as np
import pytest
from mesh_support import face_mesh, with_irises

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.build import build
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.options import BuildOptions
from unmask.datagen.dataset.verify import verify
from unmask.datagen.drawn_faces.demo import draw_demo_face, drawn_landmarks
from unmask.datagen.faces.face_mesh import MESH_OF_68, points68
from unmask.datagen.faces.landmark_table import LandmarkTable, points_sha256
from unmask.datagen.faces.landmarks import Landmarks, looks_like_a_face, quantise
from unmask.datagen.pictures.picture import encode_jpg
from unmask.datagen.render.face_model import GENERIC_POINTS

MIRRORED = [
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
]
PARTS = {"jaw": slice(0, 17), "brows": slice(17, 27), "nose": slice(27, 36), "eyes": slice(36, 48)}


def points_of(number: int) -> np.ndarray:
    return quantise(drawn_landmarks(number)).astype(float)


def laid_on(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Turn, scale and move points so that all but the jaw lie on others as well as they can."""
    a, b = points[17:] @ [1, 1j], target[17:] @ [1, 1j]
    factor = np.vdot(a - a.mean(), b - b.mean()) / np.vdot(a - a.mean(), a - a.mean())
    moved = (points @ [1, 1j] - a.mean()) * factor + b.mean()
    return np.stack([moved.real, moved.imag], axis=1)


def eye_distance(points: np.ndarray) -> float:
    return Landmarks(points.astype(np.float32), "supplied").eye_dist_px


def far(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How far each point is from where it should be, in distances of the eyes."""
    return np.linalg.norm(laid_on(points, target) - target, axis=1) / eye_distance(target)


# ---- MediaPipe ----------------------------------------------------------------------------------------------


def test_the_68_points_of_the_mesh_are_a_face():
    points = points68(face_mesh())
    assert len(set(MESH_OF_68)) == 68
    assert looks_like_a_face(points.astype(np.float32))


def test_left_and_right_of_the_mesh_mirror_each_other():
    points = points68(face_mesh(centre=(0.0, 0.0)))
    np.testing.assert_allclose(points[MIRRORED] * (-1, 1), points, atol=0.2)


def test_the_points_of_the_mesh_lie_where_the_renderer_expects_them():
    generic = GENERIC_POINTS[:, :2] * (100, -100)
    distance = far(points68(face_mesh()), generic)
    limits = {"jaw": 0.14, "brows": 0.08, "nose": 0.08, "eyes": 0.04}
    for part, limit in limits.items():
        assert distance[PARTS[part]].max() < limit, part
    assert distance[48:].max() < 0.10


@pytest.mark.parametrize("number", range(0, 48, 6))
def test_the_points_of_the_mesh_lie_on_drawn_faces(number):
    distance = far(points68(face_mesh()), drawn_landmarks(number).astype(float))
    assert distance[17:].mean() < 0.08
    assert distance[:17].mean() < 0.35


def test_the_irises_come_last_and_are_left_out():
    mesh = face_mesh()
    assert np.array_equal(points68(with_irises(mesh)), points68(mesh))
    deep = np.concatenate([mesh, np.full((468, 1), 7.0)], axis=1)
    assert np.array_equal(points68(deep), points68(mesh))


def test_a_table_of_the_mesh_with_depth_is_read(tmp_path):
    mesh = with_irises(face_mesh())
    header = ["image", *(f"{axis}{n}" for n in range(478) for axis in "xyz")]
    row = ["a.jpg", *(f"{value:.2f}" for x, y in mesh for value in (x, y, -3.0))]
    (tmp_path / "mesh.csv").write_text(",".join(header) + "\n" + ",".join(row) + "\n")
    (face,) = LandmarkTable.read(tmp_path / "mesh.csv").get("a.jpg", "")
    np.testing.assert_allclose(face.points, points68(mesh), atol=0.13)


# ---- JSON ---------------------------------------------------------------------------------------------------


def as_dicts(points: np.ndarray) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "z": 0.5} for x, y in points.tolist()]


def json_forms() -> dict[str, object]:
    points = points_of(3)
    plain, flat = points.tolist(), points.ravel().tolist()
    mesh = with_irises(face_mesh())
    mesh[list(MESH_OF_68)] = points
    shares = (mesh + 0.5) / (178, 218)
    return {
        "by name": {"a.jpg": plain},
        "by name without its ending": {"a": plain},
        "numbers in a row": {"./a.jpg": flat},
        "rows of numbers": {"a.jpg": [flat]},
        "faces": {"a.jpg": [plain]},
        "objects by name": {"a.jpg": {"landmarks": plain}},
        "list": [{"file_name": "a.jpg", "points": plain}],
        "list with another name": [{"image": "a.jpg", "keypoints": [flat]}],
        "x and y": [{"source": "a.jpg", "landmarks": as_dicts(points)}],
        "mesh in pixels": {"a.jpg": mesh.tolist()},
        "mesh in shares": {"a.jpg": {"face_landmarks": [as_dicts(shares)], "width": 178, "height": 218}},
        "ffhq": {
            "0": {"category": "training", "image": {"file_path": "images/a.jpg", "face_landmarks": plain}}
        },
    }


@pytest.mark.parametrize("form", json_forms())
def test_every_form_of_json_gives_the_same_points(tmp_path, form):
    (tmp_path / "points.json").write_text(json.dumps(json_forms()[form]))
    table = LandmarkTable.read(tmp_path / "points.json")
    (face,) = table.get("a.jpg", "any")
    assert face.source == "supplied"
    np.testing.assert_array_equal(face.points, points_of(3))


def test_several_faces_and_none_are_told_apart(tmp_path):
    content = {"two.jpg": [points_of(1).tolist(), points_of(2).tolist()], "none.jpg": []}
    (tmp_path / "points.json").write_text(json.dumps(content))
    table = LandmarkTable.read(tmp_path / "points.json")
    assert len(table.get("two.jpg", "")) == 2
    assert table.get("none.jpg", "") == []
    assert table.get("other.jpg", "") is None


# ---- .pts ---------------------------------------------------------------------------------------------------


def pts(points: np.ndarray) -> str:
    """As iBUG writes it: pixels are counted from 1."""
    rows = "".join(f"{x + 1:.6f} {y + 1:.6f}\n" for x, y in points.tolist())
    return f"version: 1\nn_points:  {len(points)}\n{{\n{rows}}}\n"


def test_a_folder_of_pts_beside_its_pictures_builds_and_verifies(tmp_path):
    for number in (1, 2):
        place = tmp_path / f"source/part{number}"
        place.mkdir(parents=True)
        (place / "a.jpg").write_bytes(encode_jpg(draw_demo_face(number).image_rgb))
        (place / "a.pts").write_text(pts(drawn_landmarks(number)))
    source = tmp_path / "source"
    build(BuildOptions(str(source), tmp_path / "out", landmarks=source))
    rows = list(iterate_manifest(tmp_path / "out/manifest.csv"))
    assert [(row.source, row.status) for row in rows] == [("part1/a.jpg", "ok"), ("part2/a.jpg", "ok")]
    table = LandmarkTable.read(tmp_path / "out/landmarks.csv")
    (face,) = table.get("part2/a.jpg", rows[1].source_sha256)
    assert face.source == "supplied"
    np.testing.assert_allclose(face.points, drawn_landmarks(2), atol=0.13)
    assert not verify(tmp_path / "out", replay=2)


def test_one_pts_file_is_known_by_its_name(tmp_path):
    (tmp_path / "a.pts").write_text(pts(points_of(1)))
    (face,) = LandmarkTable.read(tmp_path / "a.pts").get("a.png", "")
    np.testing.assert_array_equal(face.points, points_of(1))


def test_the_hash_of_a_folder_changes_with_names_and_contents(tmp_path):
    (tmp_path / "a.pts").write_text("1")
    first = points_sha256(tmp_path)
    (tmp_path / "a.pts").write_text("2")
    second = points_sha256(tmp_path)
    (tmp_path / "a.pts").rename(tmp_path / "b.pts")
    (tmp_path / "a.jpg").write_text("of no matter")
    assert len({first, second, points_sha256(tmp_path)}) == 3


# ---- what is wrong is one line ------------------------------------------------------------------------------

FIVE = [[1.0, 2.0]] * 5
SHARES = [[0.2, 0.4]] * 68
WRONG = {
    "cut.json": ('{"a.jpg": [[1, 2]', "not JSON"),
    "empty.json": ("[]", "expected an object with points by picture"),
    "number.json": ("7", "expected an object with points by picture"),
    "five.json": (json.dumps({"a.jpg": FIVE}), r"a\.jpg: 5 points where 68, 468 or 478 are needed"),
    "ragged.json": (json.dumps({"a.jpg": [[1, 2], [3]]}), r"a\.jpg: not a list of points with x and y"),
    "word.json": (json.dumps({"a.jpg": "here"}), r"a\.jpg: not a list of points with x and y"),
    "scalar.json": (json.dumps({"a.jpg": 3}), r"a\.jpg: not a list of points with x and y"),
    "shares.json": (json.dumps({"a.jpg": SHARES}), "points from 0 to 1 where pixels are needed"),
    "infinite.json": (json.dumps({"a.jpg": [[float("inf"), 1]] * 68}), "not a number of pixels"),
    "nameless.json": (json.dumps([{"points": FIVE}]), "entry 1: no name of a picture"),
    "pointless.json": (json.dumps([{"image": "a.jpg"}]), "entry 1: no points; they may be called"),
    "bare.json": (json.dumps([FIVE]), "entry 1: no object with a picture's name and its points"),
    "deep.json": ("[" * 5000 + "]" * 5000, "nested too deeply"),
    "no.pts": ("1 2\n3 4\n", "not a .pts file"),
    "words.pts": ("version: 1\nn_points: 68\n{\na b\n}\n", "its points are not two numbers each"),
    "ragged.pts": ("version: 1\nn_points: 68\n{\n1 2\n3\n}\n", "its points are not two numbers each"),
    "five.pts": (pts(np.array(FIVE)), "5 points where 68"),
    "nothing.pts": ("version: 1\nn_points: 0\n{\n}\n", "not a list of points"),
    "shares.csv": (
        "name," + ",".join(f"{a}{n}" for n in range(68) for a in "xy") + "\na" + ",0.5" * 136,
        "line 2: ",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_points_that_cannot_be_used_are_one_line(tmp_path: Path, name):
    text, words = WRONG[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        LandmarkTable.read(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_pts_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"no \.pts file in it"):
        LandmarkTable.read(tmp_path)
