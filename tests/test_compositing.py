import numpy as np
import pytest
import torch
from scipy import ndimage

from unmask.model.inference.compositing import composite, grown, paste_alpha


def dot(value: float = 1.0) -> torch.Tensor:
    map_ = torch.zeros(1, 1, 15, 17)
    map_[0, 0, 7, 8] = value
    return map_


def soft_maps() -> torch.Tensor:
    """Masks with soft edges, some of them at the border; every coverage occurs."""
    rng = np.random.default_rng(1)
    smooth = ndimage.gaussian_filter(rng.standard_normal((4, 48, 64)), (0, 4, 4))
    return torch.from_numpy(np.clip(smooth * 8 + 0.3, 0, 1).astype(np.float32))[:, None]


def test_a_pixel_grows_to_a_square_and_then_falls_in_equal_steps_to_0():
    alpha = paste_alpha(dot(), dilate_px=2, feather_px=2)[0, 0]
    steps = torch.tensor([0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0])
    torch.testing.assert_close(alpha[7, 3:14], steps)
    torch.testing.assert_close(alpha[2:13, 8], steps)
    assert alpha[5, 6] == 1  # a square's corner
    assert (alpha > 0).sum() == 81


def test_every_pixel_that_the_map_covers_at_all_is_pasted_whole_with_exact_0_further_off():
    maps = soft_maps()
    covered = maps > 0
    for dilate_px, feather_px in ((0, 0), (0, 3), (1, 2), (3, 1)):
        alpha = paste_alpha(maps, dilate_px, feather_px)
        assert (alpha[covered] == 1).all()
        assert (alpha[grown(maps >= 0.5, dilate_px)] == 1).all()
        sure = grown(maps >= 0.5, dilate_px) | covered
        assert torch.equal(alpha > 0, grown(sure, feather_px))
        assert alpha.dtype == torch.float32


def test_faint_coverage_is_pasted_but_does_not_grow():
    faint = paste_alpha(dot(0.01), dilate_px=2, feather_px=0)
    assert torch.equal(faint, dot())
    assert paste_alpha(dot(0.5), dilate_px=2, feather_px=0).sum() == 25


def test_without_dilation_and_feather_it_is_where_the_map_is():
    maps = soft_maps()
    assert torch.equal(paste_alpha(maps, 0, 0), (maps > 0).float())


def test_an_empty_map_pastes_nothing_and_a_full_one_everything():
    assert not paste_alpha(torch.zeros(2, 1, 16, 16)).any()
    assert (paste_alpha(torch.ones(2, 1, 16, 16)) == 1).all()


def test_the_border_neither_adds_nor_takes():
    maps = soft_maps()
    wide = torch.nn.functional.pad(maps, (9, 9, 9, 9))
    assert torch.equal(paste_alpha(maps), paste_alpha(wide)[..., 9:-9, 9:-9])


def test_growing_is_dilation_by_a_square():
    region = soft_maps() > 0.4
    for radius_px in range(4):
        square = np.ones((2 * radius_px + 1, 2 * radius_px + 1))
        truth = np.stack([ndimage.binary_dilation(part, square) for part in region[:, 0].numpy()])
        assert np.array_equal(grown(region, radius_px)[:, 0].numpy(), truth)


def test_half_precision_around_it_changes_nothing():
    maps = soft_maps()
    with torch.autocast("cpu", torch.bfloat16):
        alpha = paste_alpha(maps)
    assert alpha.dtype == torch.float32
    assert torch.equal(alpha, paste_alpha(maps))


def test_a_map_of_0_to_255_is_refused():
    for wrong in (torch.full((1, 1, 4, 4), 255, dtype=torch.uint8), torch.full((1, 1, 4, 4), 255.0)):
        with pytest.raises(ValueError, match=r"floats in \[0, 1\]"):
            paste_alpha(wrong)


def test_away_from_the_paste_the_picture_stays_bit_for_bit_even_where_the_output_is_no_number():
    torch.manual_seed(0)
    picture = torch.rand(4, 3, 48, 64) * 2 - 1
    paste = paste_alpha(soft_maps())
    away = (paste == 0).expand_as(picture)
    output = torch.where(away, torch.nan, -picture)
    done = composite(output, picture, paste)
    assert torch.equal(done[away], picture[away])
    inside = (paste == 1).expand_as(picture)
    assert torch.equal(done[inside], output[inside])
    ring = ~(away | inside)
    assert ring.any()
    torch.testing.assert_close(done[ring], (picture * (1 - 2 * paste))[ring])


def test_gradients_reach_the_output_only_where_it_is_pasted():
    paste = paste_alpha(dot(), 1, 1)
    output = torch.zeros(1, 3, 15, 17, requires_grad=True)
    composite(output, torch.zeros(1, 3, 15, 17), paste).sum().backward()
    assert output.grad is not None
    assert torch.equal(output.grad, paste.expand_as(output))
