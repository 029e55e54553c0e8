"""The face that the descriptor is shown, and its network's numbers in dlib's file."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.descriptor import CHIP_PX, face_chip, read_descriptor_weights
from unmask.datagen.faces.dlib_models import model_file


@pytest.fixture(scope="module")
def content() -> bytes:
    return Path(model_file("dlib_face_recognition_resnet_model_v1.dat")).read_bytes()


def test_a_chip_shows_the_face_upright_wherever_it_was(draw_face):
    image, landmarks = draw_face(2)
    usual = face_chip(image, landmarks.points)
    assert usual.shape == (CHIP_PX, CHIP_PX, 3) and usual.dtype == np.uint8
    matrix = cv2.getRotationMatrix2D((89.0, 109.0), 20, 1.3)
    matrix[:, 2] += (30, 10)
    turned = cv2.warpAffine(image, matrix, (240, 280), flags=cv2.INTER_LINEAR)
    moved = face_chip(turned, landmarks.transformed(matrix).points)
    middle = slice(30, 120)
    difference = np.abs(usual[middle, middle].astype(int) - moved[middle, middle])
    assert difference.mean() < 8
    assert np.abs(usual[middle, middle].astype(int) - usual[middle, middle][::-1]).mean() > 20


def test_what_lies_outside_the_picture_is_black(draw_face):
    image, landmarks = draw_face(2)
    chip = face_chip(np.full_like(image, 200), landmarks.points - [0, 100])
    assert (chip[0] == 0).all() and (chip[-1] == 200).all()


def test_the_file_holds_the_layers_of_a_resnet_of_29():
    layers = read_descriptor_weights()
    assert len(layers) == 2 * 29 + 1
    assert [len(values) for values in layers[:4]] == [32 * (3 * 49 + 1), 64, 32 * (32 * 9 + 1), 64]
    assert layers[-1].shape == (256, 128)
    assert all(values.dtype == np.float32 and np.isfinite(values).all() for values in layers)


@pytest.mark.parametrize("damage", [b"", b"not a network", slice(1000), slice(2_000_000), slice(-100)])
def test_a_damaged_file_is_one_line(damage, content, tmp_path):
    path = tmp_path / "network.dat"
    path.write_bytes(damage if isinstance(damage, bytes) else content[damage])
    with pytest.raises(UserError, match=r"network\.dat: not the face descriptor") as caught:
        read_descriptor_weights(path)
    assert "\n" not in str(caught.value)
