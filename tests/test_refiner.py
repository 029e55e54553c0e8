"""The Frame Module's training: looks at drawn scenes, what it should say of them, and how it is judged."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from unmask.datagen.faces.frame import FRAME_EYE_DIST_PX, frame_corners, frame_distance, place_frame
from unmask.datagen.faces.landmarks import Landmarks
from unmask.model.inference.face_finder import moved
from unmask.model.networks.frame_look import LOOK, corrected
from unmask.model.training.look_judge import LookJudge
from unmask.model.training.looks import Looks, draw_looks, look_loss, placed_corners
from unmask.model.training.scenes import Scene, draw_scene

SIDE = 192
RED = (255, 0, 0)


@pytest.fixture(scope="module")
def scenes(draw_face: Callable[[int], tuple[np.ndarray, Landmarks]]) -> list[Scene]:
    pictures = np.stack([draw_face(index)[0] for index in range(3)])
    maps = np.zeros(pictures.shape[:3], np.uint8)
    maps[:, 140:190, 60:118] = 255
    return [
        draw_scene(pictures, pictures, maps, 0.5, SIDE, np.random.default_rng(seed)) for seed in range(12)
    ]


def marked_scene() -> Scene:
    """One face that is nothing but its eyes and mouth, as red dots."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    frame = place_frame((100.0, 90.0), 60.0, 12.0)
    for x, y in np.rint(frame_corners(frame)).astype(int).tolist():
        cv2.circle(image, (x, y), 3, RED, -1)
    return Scene(image, [frame])


def test_looks_are_what_their_generator_says(scenes: list[Scene]) -> None:
    once, again, other = (draw_looks(scenes, 3, np.random.default_rng(seed)) for seed in (4, 4, 5))
    for name, value in vars(once).items():
        assert np.array_equal(value, getattr(again, name))
    assert not np.array_equal(once.crops, other.crops)
    assert 0 < once.is_face.sum() < len(once) <= 36


def test_eyes_and_mouth_lie_in_a_look_where_it_says() -> None:
    looks = draw_looks([marked_scene()], 40, np.random.default_rng(1))
    middle = (np.array([LOOK.width, LOOK.height]) - 1) / 2
    there = (looks.corners[looks.is_face] - np.array(LOOK.centre)) / LOOK.step + middle
    seen = 0
    for crop, corners in zip(looks.crops[looks.is_face], there, strict=True):
        for x, y in np.rint(corners).astype(int).tolist():
            if 2 <= x < LOOK.width - 2 and 2 <= y < LOOK.height - 2:
                assert crop[y - 1 : y + 2, x - 1 : x + 2, 0].max() > 120
                seen += 1
    assert seen > 30


def test_a_look_beside_a_face_is_none_of_it() -> None:
    scene = marked_scene()
    looks = draw_looks([Scene(scene.image_rgb, [], scene.frames)], 60, np.random.default_rng(2))
    assert not looks.is_face.any()
    assert not looks.corners.any()
    # all three marks in their places about the middle would be the face
    upright = looks.crops[:, 20:45, 25:55, 0].max((1, 2)) > 200
    assert upright.mean() < 0.5


def test_what_the_loss_asks_for_is_the_correction_that_inference_makes() -> None:
    truth = place_frame((100.0, 90.0), 60.0, 5.0)
    for scale, turn, x, y in ((0.9, -14.0, 0.3, 0.1), (1.3, 20.0, -0.4, 0.2)):
        guess = moved(truth, scale, turn, x, y)
        back = cv2.invertAffineTransform(guess)
        relation = back[:, :2] @ truth[:, :2]
        centre = np.array(LOOK.centre)
        shift = relation @ centre + back[:, :2] @ truth[:, 2] + back[:, 2] - centre
        answer = np.array([relation[0, 0] - 1, relation[1, 0], *(shift / FRAME_EYE_DIST_PX), 3.0], np.float32)
        assert frame_distance(corrected(guess, answer), truth) < 1e-3
        corners = frame_corners(truth) @ back[:, :2].T + back[:, 2]
        asked = torch.from_numpy(corners).float()[None]
        assert torch.allclose(placed_corners(torch.from_numpy(answer)[None]), asked, atol=1e-3)
        seen, place = look_loss(torch.from_numpy(answer)[None], asked, torch.ones(1))
        assert place < 1e-6
        assert seen < 0.06
        assert look_loss(torch.from_numpy(answer)[None], asked + 20, torch.zeros(1))[1] == 0


def test_the_judge_tells_a_perfect_network_from_one_that_sees_faces_everywhere(scenes: list[Scene]) -> None:
    looks = draw_looks(scenes, 4, np.random.default_rng(3))
    judge = LookJudge(looks, "val_ap", torch.device("cpu"))
    logits = torch.from_numpy(np.where(looks.is_face, 4.0, -4.0)).float()

    def perfect(crops: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros(len(crops), 4), logits[: len(crops), None]], 1)

    def everywhere(crops: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(crops), 5)

    best, worse = judge.validate(perfect), judge.validate(everywhere)
    assert best["val_ap"] == best["val_recall"] == best["val_precision"] == 1
    assert worse["val_precision"] == pytest.approx(looks.is_face.mean())
    assert best["val_off_iod"] < worse["val_off_iod"]
    assert judge.draw(perfect).ndim == 3
    nobody = LookJudge(Looks(looks.crops[:0], looks.corners[:0], looks.is_face[:0]), "val_ap", judge._device)
    assert nobody.validate(perfect)["val_ap"] == 0


def test_a_scene_without_faces_has_looks_too() -> None:
    looks = draw_looks([Scene(np.full((SIDE, SIDE, 3), 128, np.uint8))], 5, np.random.default_rng(0))
    assert len(looks) == 5
    assert not looks.is_face.any()
    assert len(draw_looks([], 5, np.random.default_rng(0))) == 0
