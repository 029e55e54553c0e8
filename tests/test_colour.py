import numpy as np
import pytest

from unmask.datagen.common.colour import decode_srgb, encode_srgb, linear_rgb, parse_hex, to_hex

LEVELS = np.arange(256, dtype=np.uint8)


def test_every_level_survives_the_way_to_linear_light_and_back():
    assert np.array_equal(encode_srgb(decode_srgb(LEVELS)), LEVELS)


def test_both_tables_are_monotone():
    assert (np.diff(decode_srgb(LEVELS)) > 0).all()
    fine = encode_srgb(np.linspace(-0.1, 1.1, 100_001, dtype=np.float32)).astype(int)
    assert (np.diff(fine) >= 0).all()
    assert set(fine) == set(range(256))


def test_linear_light_follows_the_srgb_standard():
    assert decode_srgb(np.array([0, 10, 188, 255], np.uint8)) == pytest.approx(
        [0, 0.003035, 0.50289, 1], rel=1e-3
    )
    assert decode_srgb(LEVELS).dtype == np.float32


def test_encoding_takes_the_nearest_level_and_clips():
    assert encode_srgb(np.array([-1, 0, 1, 2, np.inf], np.float32)).tolist() == [0, 0, 255, 255, 255]
    light = np.random.default_rng(0).random(20_000).astype(np.float32)
    levels = (
        np.where(light <= 0.0031308, light * 12.92, 1.055 * light.astype(float) ** (1 / 2.4) - 0.055) * 255
    )
    assert np.abs(encode_srgb(light) - levels).max() < 0.52


def test_decoding_and_encoding_keep_the_shape():
    picture = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(encode_srgb(decode_srgb(picture)), picture)


def test_encoding_does_not_change_its_input():
    light = np.array([0.5, 2.0], np.float32)
    encode_srgb(light)
    assert light.tolist() == [0.5, 2.0]


@pytest.mark.parametrize("text", ["#000000", "#ffffff", "#9cc3d8", "#010203"])
def test_hex_colours_survive_the_round_trip(text: str):
    assert to_hex(parse_hex(text)) == text


def test_hex_text_is_rounded_and_clipped():
    assert to_hex((-3.0, 254.6, 300.0)) == "#00ffff"
    assert parse_hex("#9CC3D8") == (156, 195, 216)


def test_a_hex_colour_in_linear_light_is_its_levels_decoded():
    assert np.array_equal(linear_rgb("#0a80ff"), decode_srgb(np.array([10, 128, 255], np.uint8)))
