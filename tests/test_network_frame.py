import numpy as np
import pytest

from unmask.model.inference.network_frame import NetworkFrame


def test_a_square_picture_of_the_trainings_size_is_not_touched() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    frame = NetworkFrame(64, 64, 64)
    assert frame.shrink(image) is image
    assert np.array_equal(frame.enlarge(image), image)


@pytest.mark.parametrize(("width", "height"), [(178, 218), (100, 37), (64, 65), (500, 333), (31, 200)])
def test_networks_get_multiples_of_16_and_answers_come_back_at_the_pictures_size(
    width: int, height: int
) -> None:
    frame = NetworkFrame(width, height, 64)
    seen = frame.shrink(np.zeros((height, width, 3), np.uint8))
    assert min(seen.shape[:2]) == 64
    assert seen.shape[0] % 16 == seen.shape[1] % 16 == 0
    assert abs(seen.shape[0] - 64 * height / min(width, height)) < 16.5
    assert abs(seen.shape[1] - 64 * width / min(width, height)) < 16.5
    assert frame.enlarge(seen).shape == (height, width, 3)
    assert frame.enlarge(seen[..., 0].astype(np.float32)).shape == (height, width)


def test_what_is_shown_comes_back_where_it_was() -> None:
    image = np.zeros((218, 178), np.uint8)
    image[100:140, 60:90] = 255
    frame = NetworkFrame(178, 218, 128)
    back = np.asarray(frame.enlarge(frame.shrink(image))) >= 128
    assert np.mean(back == (image >= 128)) > 0.995


def test_padding_is_half_above_and_half_below() -> None:
    frame = NetworkFrame(64, 90, 64)
    seen = frame.shrink(np.broadcast_to(np.arange(90, dtype=np.uint8)[:, None], (90, 64)).copy())
    assert seen.shape == (96, 64)
    assert seen[:, 0].tolist() == [3, 2, 1, *range(90), 88, 87, 86]


def test_enlarged_chances_stay_between_0_and_1() -> None:
    probabilities = (np.indices((64, 64)).sum(0) % 2).astype(np.float32)
    large = np.asarray(NetworkFrame(333, 333, 64).enlarge(probabilities))
    assert large.min() >= 0
    assert large.max() <= 1
