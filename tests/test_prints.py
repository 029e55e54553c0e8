import cv2
import numpy as np
import pytest

from unmask.datagen.prints.kinds import PRINTS, Print, draw_print, motif_period
from unmask.datagen.prints.lines import _filtered
from unmask.datagen.prints.tile import layered

SIZE = (3.2, 2.4)
SHAPE = (96, 128)
PICTURES = ("collage", "dead_leaves", "fractal", "face_print", "comic", "flag", "lettering", "photo")
PATTERNED = tuple(kind for kind in PRINTS if kind not in ("plain", "nonwoven"))
REPEATING = tuple(kind for kind in PATTERNED if kind not in ("gradient", "text", "logo", "mouth", *PICTURES))


def draw(kind: str, *, times: float = 1, scale: float = 0.2, turn: float = 20, seed: int = 3) -> Print:
    shape = (round(SHAPE[0] * times), round(SHAPE[1] * times))
    return draw_print(kind, shape, SIZE, scale=scale, turn_deg=turn, seed=seed, px_per_iod=shape[1] / SIZE[0])


def layers(drawn: Print) -> dict[str, np.ndarray]:
    return {name: value for name, value in drawn.__dict__.items() if value is not None}


def same(a: Print, b: Print) -> bool:
    first, second = layers(a), layers(b)
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", PRINTS)
@pytest.mark.parametrize("times", [0.1, 1, 2])
def test_layers_have_the_raster_shape_and_their_ranges(kind: str, times: float):
    for seed in range(8):
        drawn = draw(kind, times=times, scale=0.03 + 0.08 * seed, turn=-90 + 25 * seed, seed=seed)
        for name, layer in layers(drawn).items():
            assert layer.shape[-2:] == (round(96 * times), round(128 * times)), name
            assert layer.shape[:-2] == ((3,) if name == "rgb" else ()), name
            assert layer.dtype == np.float32, name
            assert np.isfinite(layer).all(), name
            low, high = {"gain": (0.3, 1.99), "height": (0, 0.1)}.get(name, (0, 1))
            assert layer.min() >= low - 1e-6, name
            assert layer.max() <= high + 1e-6, name
        if drawn.gain is not None and times >= 1:
            assert abs(drawn.gain.mean() - 1) < 0.05


@pytest.mark.parametrize("kind", PRINTS)
def test_the_seed_alone_decides(kind: str):
    np.random.seed(0)  # noqa: NPY002  the global generator must not matter
    first = draw(kind)
    draw(kind, seed=9, scale=0.5)
    np.random.seed(1)  # noqa: NPY002
    assert same(first, draw(kind))
    if kind != "plain":
        assert not same(first, draw(kind, seed=4))


@pytest.mark.parametrize("kind", (*REPEATING, "gradient", "nonwoven"))
def test_a_quarter_turn_changes_it(kind: str):
    different = [not same(draw(kind, turn=0, seed=seed), draw(kind, turn=90, seed=seed)) for seed in range(4)]
    assert all(different)


@pytest.mark.parametrize("kind", PATTERNED)
def test_another_scale_changes_it(kind: str):
    if kind != "gradient":
        assert not same(draw(kind, scale=0.1), draw(kind, scale=0.4))


def seen(drawn: Print) -> dict[str, np.ndarray]:
    """Layers as they show: what lies below the third colour does not count."""
    third = np.zeros_like(drawn.share) if drawn.third is None else drawn.third
    return {**layers(drawn), "share": drawn.share * (1 - third)}


def halved(layer: np.ndarray) -> np.ndarray:
    """Means of two by two samples."""
    rows, cols = layer.shape[-2:]
    return layer.reshape(*layer.shape[:-2], rows // 2, 2, cols // 2, 2).mean((-3, -1))


@pytest.mark.parametrize("kind", PRINTS)
def test_twice_the_resolution_averaged_is_the_same_print(kind: str):
    for seed in range(5):
        once = seen(draw(kind, scale=0.5, times=2, seed=seed))
        twice = seen(draw(kind, scale=0.5, times=4, seed=seed))
        assert once.keys() == twice.keys()
        for name, layer in once.items():
            averaged = halved(twice[name])
            assert abs(float(layer.mean() - averaged.mean())) < 0.02, (name, seed)
            off = float(np.abs(layer - averaged).mean())
            assert off < 0.03 + 0.25 * float(averaged.std()), (name, seed)


@pytest.mark.parametrize("kind", REPEATING)
def test_patterns_finer_than_a_sample_fade_into_their_mean(kind: str):
    for seed in range(6):
        drawn, fine = (of_samples(kind, seed, samples) for samples in (1 / 3, 40))
        for name in {"share", "third", "holes"} & drawn.keys():
            assert drawn[name].std() < 0.05, (name, seed)
            off = abs(float(drawn[name].mean() - fine[name].mean()))
            assert off < (0.1 if kind == "marble" else 0.06), (name, seed)


def of_samples(kind: str, seed: int, samples: float) -> dict[str, np.ndarray]:
    """What is seen with that many samples to a motif's period."""
    px = samples / motif_period(kind, 0.03)
    size = (512 / px, 384 / px)
    return seen(draw_print(kind, (384, 512), size, scale=0.03, turn_deg=11, seed=seed, px_per_iod=px))


@pytest.mark.parametrize("kind", ["stripes", "checks", "gingham", "dots", "geometric"])
def test_no_coarse_beat_where_the_period_meets_the_sample_spacing(kind: str):
    for seed in range(12):
        for ratio in (0.9, 1.05, 1.3):
            scale = ratio / 40
            drawn = draw_print(kind, SHAPE, SIZE, scale=scale, turn_deg=0, seed=seed, px_per_iod=40)
            slow = cv2.GaussianBlur(drawn.share, (0, 0), 3)[12:-12, 12:-12]
            assert slow.std() < 0.06, (seed, ratio)


def test_edges_of_stripes_are_one_sample_soft():
    profile = np.zeros(1024, np.float32)
    profile[:512] = 1
    seen = _filtered(profile, 0.05)
    assert seen.mean() == pytest.approx(0.5, abs=1e-4)
    partly = ((seen > 0.02) & (seen < 0.98)).mean()  # two edges to a period
    assert 0.1 < partly < 0.2
    assert np.ptp(_filtered(profile, 3.0)) < 1e-4


def test_inks_that_meet_leave_no_cloth_between_them():
    ink = np.linspace(0, 1, 11, dtype=np.float32)
    third = 1 - ink
    share = layered(ink, third)
    cloth = (1 - third) * (1 - share)
    assert np.abs(cloth).max() < 1e-3


def test_mouths_lie_in_the_middle():
    total = sum(layers(draw("mouth", turn=90, seed=seed))["share"] for seed in range(30))
    rows, cols = np.indices(SHAPE)
    assert (total * cols).sum() / total.sum() / SHAPE[1] == pytest.approx(0.5, abs=0.03)
    assert (total * rows).sum() / total.sum() / SHAPE[0] == pytest.approx(0.47, abs=0.05)


def test_lace_can_be_seen_through_and_nothing_else_can():
    for kind in PRINTS:
        assert (draw(kind).holes is not None) == (kind == "lace")
    assert 0.1 < draw("lace").holes.mean() < 0.8


def test_unknown_kinds_and_lengths_are_refused():
    with pytest.raises(ValueError, match="unknown print 'tweed'"):
        draw("tweed")
    with pytest.raises(ValueError, match="above 0"):
        draw("dots", scale=0)
    assert motif_period("stripes", 0.25) == 0.25
    assert motif_period("weave", 0.6) < 0.04
