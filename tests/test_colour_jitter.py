import numpy as np
import pytest
import torch

from unmask.model.data.colour_jitter import jitter_colours, jitter_light, jitter_sharpness


@pytest.fixture
def pictures() -> torch.Tensor:
    """Forty times the same coloured noise, (40, 3, 8, 8) in [-0.5, 0.5]."""
    one = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) - 0.5  # little is clipped
    return one.expand(40, -1, -1, -1)


def chroma(pictures: torch.Tensor) -> torch.Tensor:
    """Mean distance of the largest channel from the smallest one, of each picture."""
    return (pictures.amax(1) - pictures.amin(1)).mean((1, 2))


def test_the_same_generator_gives_the_same_pictures_and_the_given_ones_stay(pictures: torch.Tensor):
    before = pictures.clone()
    twice = [jitter_colours(pictures, np.random.default_rng(3)) for _ in range(2)]
    assert torch.equal(*twice)
    assert torch.equal(pictures, before)


def test_what_a_picture_becomes_depends_on_no_other(pictures: torch.Tensor):
    few = jitter_colours(pictures[:5], np.random.default_rng(4))
    all_ = jitter_colours(pictures, np.random.default_rng(4))
    torch.testing.assert_close(few, all_[:5])


def test_pictures_stay_in_range_and_differ_from_each_other(pictures: torch.Tensor):
    made = jitter_colours(pictures, np.random.default_rng(5))
    assert made.shape == pictures.shape
    assert made.dtype == torch.float32
    assert made.abs().max() <= 1
    assert len(torch.unique(made.flatten(1), dim=0)) == len(made)


def test_about_an_eighth_has_no_colour_left_but_a_cast_of_the_whole(pictures: torch.Tensor):
    many = jitter_colours(pictures.repeat(50, 1, 1, 1), np.random.default_rng(6)).double()
    # Of a grey picture, whatever its cast, every channel is the same straight line of one number.
    line = many.flatten(2)
    moved = (line - line.mean(2, keepdim=True)) / line.std(2, keepdim=True)
    unclipped = (many.abs() < 0.999).flatten(1).all(1)
    grey = (moved - moved[:, :1]).abs().amax((1, 2)) < 1e-3
    assert 0.09 < grey[unclipped].double().mean() < 0.17
    assert (chroma(many)[grey] > 0.1).any()  # sepia and the like


def test_grey_goes_in_and_only_the_cast_comes_out(pictures: torch.Tensor):
    grey = pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    made = jitter_colours(grey, np.random.default_rng(7))
    ordered = made.flatten(2).gather(2, grey.flatten(2).argsort(2))
    assert (
        ordered.diff(dim=2) > -1e-5
    ).all()  # the brighter a pixel was, the brighter it is, in every channel


def test_sharpness_and_noise_leave_the_mean_of_a_picture_and_its_colours(pictures: torch.Tensor):
    made = jitter_sharpness(pictures, np.random.default_rng(8))
    assert torch.equal(made, jitter_sharpness(pictures, np.random.default_rng(8)))
    assert made.shape == pictures.shape
    torch.testing.assert_close(made.mean((2, 3)), pictures.mean((2, 3)), atol=0.06, rtol=0)
    spread = made.std((2, 3)).mean(1) / pictures.std((2, 3)).mean(1)
    assert spread.min() < 0.8  # blurred
    assert spread.max() > 1.3  # sharpened
    assert (made == pictures).flatten(1).all(1).any()  # some stay as they are


def test_light_or_shadow_falls_across_a_picture():
    grey = torch.zeros(100, 3, 32, 24)
    made = jitter_light(grey, np.random.default_rng(9))
    assert torch.equal(made, jitter_light(grey, np.random.default_rng(9)))
    assert made.abs().max() <= 1
    for one in made:
        assert torch.equal(one[0], one[1])  # the light has no colour
        assert bool((one >= -1e-6).all()) or bool((one <= 1e-6).all())  # brighter, or darker
    spans = made.flatten(1).amax(1) - made.flatten(1).amin(1)
    assert (spans > 0.1).double().mean() > 0.8  # with an edge inside the picture
    assert 0.5 < (made.mean((1, 2, 3)) > 0).double().mean() < 0.8


def test_black_stays_black_in_any_light():
    black = -torch.ones(100, 3, 16, 16)
    assert torch.equal(jitter_light(black, np.random.default_rng(2)), black)
