from collections.abc import Iterator

import numpy as np
import pytest
from picture_scores import psnr

from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.model.metrics.baselines import MeanFace, do_nothing, nearest_fill, telea_fill

HEIGHT, WIDTH = 40, 60


def a_picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def a_map() -> np.ndarray:
    map_ = np.zeros((HEIGHT, WIDTH), np.uint8)
    map_[10:30, 20:40] = 255
    map_[9, 20:40] = 1  # hardly covered is covered
    map_[35:, :5] = 200  # at the picture's corner
    return map_


def fills() -> list:
    return [do_nothing, nearest_fill, telea_fill, MeanFace(np.full((HEIGHT, WIDTH, 3), 77, np.uint8)).fill]


@pytest.mark.parametrize("fill", fills())
def test_a_fill_leaves_pixels_outside_the_map_and_its_inputs_as_they_are(fill):
    masked, map_ = a_picture(), a_map()
    filled = fill(masked, map_)
    assert filled.shape == masked.shape and filled.dtype == np.uint8
    assert np.array_equal(filled[map_ == 0], masked[map_ == 0])
    assert np.array_equal(masked, a_picture()) and np.array_equal(map_, a_map())
    filled[:] = 0
    assert np.array_equal(masked, a_picture())


@pytest.mark.parametrize("fill", fills())
def test_an_empty_map_changes_nothing(fill):
    assert np.array_equal(fill(a_picture(), np.zeros((HEIGHT, WIDTH), np.uint8)), a_picture())


@pytest.mark.parametrize("fill", fills()[1:])
def test_what_is_under_the_map_plays_no_part(fill):
    bright, dark, map_ = a_picture(), a_picture(), a_map()
    bright[map_ > 0], dark[map_ > 0] = 255, 0
    assert np.array_equal(fill(bright, map_), fill(dark, map_))


@pytest.mark.parametrize("fill", [nearest_fill, telea_fill])
def test_a_hole_in_one_colour_is_filled_with_it(fill):
    masked, map_ = np.full((HEIGHT, WIDTH, 3), (90, 120, 60), np.uint8), a_map()
    masked[map_ > 0] = 255
    error = fill(masked, map_).astype(int) - (90, 120, 60)
    assert abs(error).max() <= 3  # OpenCV's marching rounds on its way


@pytest.mark.parametrize("fill", [nearest_fill, telea_fill])
def test_where_all_is_covered_there_is_nothing_to_fill_from(fill):
    assert np.array_equal(fill(a_picture(), np.full((HEIGHT, WIDTH), 255, np.uint8)), a_picture())


def test_nearest_fill_takes_the_nearest_pixel():
    masked = a_picture()
    map_ = np.zeros((HEIGHT, WIDTH), np.uint8)
    map_[:, 20:30] = 255
    filled = nearest_fill(masked, map_)
    assert np.array_equal(filled[:, 20:25], np.repeat(masked[:, 19:20], 5, axis=1))
    assert np.array_equal(filled[:, 25:30], np.repeat(masked[:, 30:31], 5, axis=1))


def test_doing_nothing_returns_the_masked_picture():
    assert np.array_equal(do_nothing(a_picture(), a_map()), a_picture())


def test_the_mean_face_is_the_rounded_mean_and_needs_no_list():
    def faces() -> Iterator[np.ndarray]:
        for level in (10, 11, 250, 255):
            yield np.full((HEIGHT, WIDTH, 3), level, np.uint8)

    mean = MeanFace.fit(faces())
    assert mean.image_rgb.dtype == np.uint8
    assert (mean.image_rgb == round((10 + 11 + 250 + 255) / 4)).all()


def test_the_mean_face_goes_where_the_map_is():
    mean = MeanFace(np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    filled = mean.fill(a_picture(), a_map())
    assert np.array_equal(filled[a_map() > 0], mean.image_rgb[a_map() > 0])


def test_no_face_and_faces_of_several_sizes_have_no_mean():
    with pytest.raises(ValueError, match="no face"):
        MeanFace.fit([])
    with pytest.raises(ValueError, match="no mean"):
        MeanFace.fit([a_picture(), a_picture()[:1]])


def test_a_mean_face_of_another_size_is_refused():
    with pytest.raises(ValueError, match="does not fit a picture"):
        MeanFace(a_picture()[:1]).fill(a_picture(), a_map())


@pytest.mark.parametrize("fill", fills())
def test_a_map_of_another_size_is_refused(fill):
    with pytest.raises(ValueError, match="map of"):
        fill(a_picture(), a_map()[:1])


def test_every_fill_beats_doing_nothing_on_a_drawn_face():
    faces = [draw_demo_face(index).image_rgb for index in range(6)]
    clean, mean = faces[0], MeanFace.fit(faces[1:])
    map_ = np.zeros(clean.shape[:2], np.uint8)
    map_[125:170, 60:118] = 255
    masked = np.where(map_[..., None] > 0, np.uint8((20, 60, 200)), clean)
    nothing = psnr(do_nothing(masked, map_), clean)
    for fill in (nearest_fill, telea_fill, mean.fill):
        assert psnr(fill(masked, map_), clean) > nothing + 3
