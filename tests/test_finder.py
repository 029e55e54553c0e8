"""The finder: scenes whose faces are known, what the network should say of them, and its training."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from train_support import AT_THE_END, EVERY_STEP, outcome, short, train

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.frame import frame_scale, place_frame
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.inference.face_candidates import face_candidates
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.networks.finder_answer import OUTPUTS, STRIDE, decode
from unmask.model.networks.finder_net import FinderNet
from unmask.model.networks.frame_net import FrameNet
from unmask.model.training.finder_targets import average_precision, finder_loss, match, targets_of
from unmask.model.training.scenes import LARGEST_PX, SMALLEST_PX, Scene, draw_scene

SIDE = 192


@pytest.fixture(scope="module")
def pictures(draw_face: Callable[[int], tuple[np.ndarray, Landmarks]]) -> np.ndarray:
    return np.stack([draw_face(index)[0] for index in range(3)])


def scene(pictures: np.ndarray, seed: int) -> Scene:
    maps = np.zeros(pictures.shape[:3], np.uint8)
    maps[:, 140:190, 60:118] = 255
    return draw_scene(pictures, pictures, maps, 0.5, SIDE, np.random.default_rng(seed))


def perfect(drawn: Scene) -> torch.Tensor:
    """The answer that the targets ask for."""
    targets = targets_of([drawn], SIDE)
    heat = torch.logit(targets.heat.clamp(0.001, 1 - 1e-6))
    return torch.cat([heat[:, None], targets.values], 1)


def test_a_scene_is_what_its_generator_says(pictures: np.ndarray) -> None:
    once, again = scene(pictures, 4), scene(pictures, 4)
    assert np.array_equal(once.image_rgb, again.image_rgb)
    assert np.array_equal(once.frames, again.frames)
    assert not np.array_equal(once.image_rgb, scene(pictures, 5).image_rgb)


def test_scenes_have_none_one_and_many_faces_of_the_sizes_that_the_network_knows(
    pictures: np.ndarray,
) -> None:
    scenes = [scene(pictures, seed) for seed in range(60)]
    counts = [len(drawn.frames) for drawn in scenes]
    assert {0, 1, 2} <= set(counts)
    assert max(counts) > 4
    widths = [90 * frame_scale(frame) for drawn in scenes for frame in drawn.frames]
    assert SMALLEST_PX <= min(widths) < 25
    assert 80 < max(widths) <= LARGEST_PX


def test_a_face_lies_where_the_scene_says() -> None:
    """Pictures with a red and a blue eye, mirrored or not."""
    picture = np.full((218, 178, 3), 90, np.uint8)
    for x, ink in ((69, (255, 0, 0)), (108, (0, 0, 255))):
        cv2.circle(picture, (x, 112), 10, ink, -1)
    eyes, faces = np.array([(69.0, 112.0), (108.0, 112.0)]), 0
    for seed in range(40):
        drawn = scene(picture[None], seed)
        for frame in drawn.frames:
            places = np.rint(eyes @ frame[:, :2].T + frame[:, 2]).astype(int)
            if ((places >= 0) & (places < SIDE)).all() and frame_scale(frame) > 0.4:
                left, right = drawn.image_rgb[places[:, 1], places[:, 0]].argmax(1).tolist()
                faces += {left, right} == {0, 2}
                assert {left, right} == {0, 2}
    assert faces > 10


def test_what_the_targets_ask_for_is_decoded_to_the_same_faces(pictures: np.ndarray) -> None:
    faces = 0
    for seed in range(20):
        drawn = scene(pictures, seed)
        found = decode(perfect(drawn)[0].numpy(), 0.9, 64)
        finds, gaps = match(found, drawn)
        assert [true for _, true in finds] == [True] * len(drawn.frames)
        assert max(gaps, default=0) < 1e-3
        faces += len(gaps)
    assert faces > 20


def test_a_perfect_answer_costs_little_and_each_wrong_one_more(pictures: np.ndarray) -> None:
    drawn = next(found for seed in range(99) if len((found := scene(pictures, seed)).frames) == 2)
    targets, answer = targets_of([drawn], SIDE), perfect(drawn)
    heat, place = (float(loss) for loss in finder_loss(answer, targets))
    assert place == pytest.approx(0, abs=1e-6)
    blind = answer.clone()
    blind[:, 0] = -6
    assert float(finder_loss(blind, targets)[0]) > 10 * heat
    shifted = answer.clone()
    shifted[:, 1] += 1
    assert float(finder_loss(shifted, targets)[1]) > 0.1


def test_nobody_minds_what_is_found_of_a_half_hidden_face() -> None:
    hidden = Scene(np.zeros((SIDE, SIDE, 3), np.uint8), [], [place_frame((90.0, 90.0), 60.0)])
    invented = perfect(replace(hidden, frames=hidden.unsure, unsure=[]))
    assert float(finder_loss(invented, targets_of([hidden], SIDE))[0]) < 0.1
    assert match(decode(invented[0].numpy(), 0.5, 9), hidden) == ([], [])


def test_average_precision_counts_what_is_missed_and_what_is_invented() -> None:
    assert average_precision([(0.9, True), (0.5, True)], 2) == 1
    assert average_precision([(0.9, True)], 2) == 0.5
    assert average_precision([(0.9, False), (0.5, True)], 1) == 0.5
    assert average_precision([], 3) == 0


def test_a_candidate_has_its_place_in_the_whole_photograph() -> None:
    """A network that sees a face in the brightest cell; the photograph is larger than what it is shown."""

    class Brightest(torch.nn.Module):
        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            heat = torch.nn.functional.avg_pool2d(picture.mean(1, keepdim=True), STRIDE)
            rest = torch.tensor([0.0, 0, 0, 1, 0]).reshape(1, 5, 1, 1).expand(-1, -1, *heat.shape[2:])
            return torch.cat([20 * heat, rest], 1)

    photo = np.zeros((700, 1001, 3), np.uint8)
    cv2.circle(photo, (640, 210), 30, (255, 255, 255), -1)
    module = TrainedModule(Brightest(), {}, torch.device("cpu"))
    found = face_candidates(module, PicturePyramid(photo))
    assert found
    middle = found[0][0][:, :2] @ [88.5, 131.0] + found[0][0][:, 2]
    assert np.hypot(*(middle - [640, 210])) < 40


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (2000, 16)])
def test_every_picture_has_candidates_or_none(shape: tuple[int, int]) -> None:
    module = TrainedModule(FinderNet(8).eval(), {}, torch.device("cpu"))
    assert face_candidates(module, PicturePyramid(np.zeros((*shape, 3), np.uint8))) == []


def test_the_network_answers_for_every_eighth_pixel_and_stores_no_encoder() -> None:
    network = FinderNet(8).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 48, 80)).shape == (2, OUTPUTS, 6, 10)
    assert not any(name.startswith("encoder") for name in network.state_dict())


@pytest.mark.parametrize(("preset", "kind"), [("finder", FinderNet), ("refiner", FrameNet)])
def test_two_trainings_of_one_seed_are_the_same_and_one_in_parts_is_the_whole(
    preset: str, kind: type[torch.nn.Module], tmp_path: Path, face_cache: Path
) -> None:
    def run(name: str, stop_in: int | None = None) -> None:
        train(options(name), stop_in)

    def options(name: str) -> object:
        tuning = ("network.width=8", "batch.scenes=1")
        return short(
            "frame", tmp_path / name, face_cache, preset=preset, tuning=tuning,
            checkpoint_minutes=EVERY_STEP, **AT_THE_END,
        )  # fmt: skip

    for name in ("one", "two"):
        run(name)
    run("parts", 2)
    run("parts")
    assert outcome(tmp_path / "one") == outcome(tmp_path / "two") == outcome(tmp_path / "parts")
    network, card = load_model(tmp_path / "one", "frame")
    assert ("encoder" in card) == (preset == "finder")  # the other one has none
    assert isinstance(network, kind)
    with pytest.raises(UserError, match=r"expected a Map Module, .* is a finder of faces"):
        load_model(tmp_path / "one", "map")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--size", "100"], "--size 100: expected a multiple of 16"),
        (["--online", "FACES"], "no picture is framed like aligned CelebA"),
        (["--set", "batch.scenes=0"], "batch.scenes"),
        (["--preset", "fidelity"], "expected one of finder, refiner"),
    ],
)
def test_what_a_person_can_mend_is_one_line(
    flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((300, 300, 3), np.uint8))
    flags = [str(tmp_path) if flag == "FACES" else flag for flag in flags]
    given = ["frame", str(tmp_path / "run"), "--online", "demo", "--minutes", "1", *flags]
    assert main(given) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
