from pathlib import Path

import numpy as np
import pytest
import torch
from eval_support import write_module
from PIL import Image

from unmask.datagen.common.errors import UserError
from unmask.model.inference.aligned import restore_pictures
from unmask.model.inference.pasting import DILATE_PX, FEATHER_PX
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.inference.unmasker import Unmasker


@pytest.fixture
def face() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (109, 89, 3), np.uint8)


@pytest.fixture
def mouth(face: np.ndarray) -> np.ndarray:
    alpha = np.zeros(face.shape[:2], np.float32)
    alpha[60:90, 20:70] = 1
    return alpha


def test_the_mask_is_a_chance_for_every_pixel(unmasker: Unmasker, face: np.ndarray) -> None:
    alpha = unmasker.segment(face)
    assert alpha.shape == face.shape[:2]
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_pixels_away_from_the_map_keep_their_bytes(
    unmasker: Unmasker, face: np.ndarray, mouth: np.ndarray
) -> None:
    before = face.copy()
    restored = unmasker.restore(face, mouth)
    reach = DILATE_PX + FEATHER_PX
    away = np.ones(face.shape[:2], bool)
    away[60 - reach : 90 + reach, 20 - reach : 70 + reach] = False
    assert restored.shape == face.shape
    assert restored.dtype == np.uint8
    assert np.array_equal(restored[away], face[away])
    assert np.array_equal(face, before)
    assert (restored[60:90, 20:70] != face[60:90, 20:70]).mean() > 0.9


def test_an_empty_map_leaves_the_picture_alone(
    unmasker: Unmasker, face: np.ndarray, mouth: np.ndarray
) -> None:
    assert np.array_equal(unmasker.restore(face, 0 * mouth), face)


def test_a_map_of_levels_is_the_same_as_one_of_shares(
    unmasker: Unmasker, face: np.ndarray, mouth: np.ndarray
) -> None:
    levels = (255 * mouth).astype(np.uint8)
    assert np.array_equal(unmasker.restore(face, levels), unmasker.restore(face, mouth))


def test_a_map_may_have_two_values_of_any_kind_or_be_a_file(
    unmasker: Unmasker, face: np.ndarray, mouth: np.ndarray, tmp_path: Path
) -> None:
    two = mouth > 0.5
    truth = unmasker.restore(face, (255 * two).astype(np.uint8))
    Image.fromarray(two).convert("L").save(tmp_path / "map.png")
    for given in (
        two,
        two.astype(np.uint8),
        two.astype(np.float32),
        tmp_path / "map.png",
        str(tmp_path / "map.png"),
    ):
        assert np.array_equal(unmasker.restore(face, given), truth)


def test_what_is_under_the_map_plays_no_part(unmasker: Unmasker, face: np.ndarray, mouth: np.ndarray) -> None:
    other = face.copy()
    other[60:90, 20:70] = 7
    assert np.array_equal(unmasker.restore(face, mouth), unmasker.restore(other, mouth))


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        (np.zeros((5, 5), np.float32), "does not fit"),
        (np.full((109, 89), 255, np.float32), r"floats in \[0, 1\]"),
        (np.full((109, 89), np.nan, np.float32), r"floats in \[0, 1\]"),
    ],
)
def test_another_map_is_refused(unmasker: Unmasker, face: np.ndarray, alpha: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unmasker.restore(face, alpha)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3)),
        np.zeros((0, 0, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_picture_is_refused(unmasker: Unmasker, picture: np.ndarray) -> None:
    for call in (unmasker.segment, unmasker.restore):
        with pytest.raises(ValueError, match="expected uint8"):
            call(picture)


def test_the_other_module_is_refused_by_name(tmp_path: Path) -> None:
    edit = write_module(tmp_path / "edit", "edit")
    with pytest.raises(UserError, match=r"expected a Map Module, .* is an Editing Module"):
        Unmasker(edit, edit)


def test_an_output_that_is_no_number_is_an_error(tmp_path: Path, face: np.ndarray, mouth: np.ndarray) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["head.bias"].fill_(float("nan"))

    edit = write_module(tmp_path / "edit", "edit", change=spoil)
    unmasker = Unmasker(write_module(tmp_path / "map", "map"), edit, "cpu")
    with pytest.raises(UserError, match="the Editing Module's output is not finite"):
        unmasker.restore(face, mouth)


def test_a_device_that_is_not_here_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="device cuda:99"):
        Unmasker(write_module(tmp_path / "map", "map"), write_module(tmp_path / "edit", "edit"), "cuda:99")


def test_bfloat16_is_close_to_float32_and_asked_for_by_name(tmp_path: Path, face: np.ndarray) -> None:
    weights = write_module(tmp_path / "map", "map"), write_module(tmp_path / "edit", "edit")
    exact, default, fast = (Unmasker(*weights, "cpu", *words) for words in (("fp32",), (), ("bf16",)))
    probabilities = exact.segment(face)
    assert np.array_equal(default.segment(face), probabilities)
    assert 0 < np.abs(fast.segment(face) - probabilities).max() < 0.05
    with pytest.raises(UserError, match="precision half"):
        Unmasker(*weights, "cpu", "half")


def test_a_pil_picture_is_taken_as_an_array_is_and_floats_are_refused(unmasker: Unmasker) -> None:
    image = np.random.default_rng(5).integers(0, 256, (64, 48, 3), np.uint8)
    assert np.array_equal(unmasker.segment(Image.fromarray(image)), unmasker.segment(image))
    with pytest.raises(ValueError, match="uint8"):
        unmasker.restore_photo(image.astype(np.float32))


def test_the_mean_with_the_mirror_image_restores_a_mirrored_face_mirrored(
    unmasker: Unmasker, face: np.ndarray, mouth: np.ndarray
) -> None:
    map_ = np.where(mouth > 0, 255, 0).astype(np.uint8)
    turned = [np.ascontiguousarray(part[:, ::-1]) for part in (face, map_)]
    module = TrainedModule(unmasker.edit_module.network, {"mirror_mean": True}, unmasker.edit_module.device)
    one, other = (restore_pictures(module, [a], [b])[0].raw for a, b in ((face, map_), turned))
    assert np.abs(one.astype(int) - other[:, ::-1]).max() <= 1
    plain = TrainedModule(unmasker.edit_module.network, {}, unmasker.edit_module.device)
    assert np.abs(restore_pictures(plain, [face], [map_])[0].raw.astype(int) - one).max() > 1
