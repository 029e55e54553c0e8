import numpy as np
import pytest
import torch

from unmask.model.training.train_map import some_bare


def parts(n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Masked pictures of ones, full maps, clean pictures of minus ones."""
    picture = torch.ones(n, 3, 4, 5)
    return picture, torch.full((n, 1, 4, 5), 0.5), -picture


def test_a_bare_face_is_the_clean_picture_with_an_empty_map_and_the_others_stay():
    picture, truth = some_bare(parts(2000), 0.25, np.random.default_rng(1))
    bare = (picture == -1).flatten(1).all(1)
    assert 0.2 < bare.float().mean() < 0.3
    assert (truth[bare] == 0).all()
    assert (picture[~bare] == 1).all()
    assert (truth[~bare] == 0.5).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_share_and_a_whole_one(share: float):
    masked, map_, clean = parts(3)
    picture, truth = some_bare((masked, map_, clean), share, np.random.default_rng(0))
    assert torch.equal(picture, clean if share else masked)
    assert torch.equal(truth, map_ * (1 - share))


def test_the_same_seed_bares_the_same_faces():
    twice = [some_bare(parts(64), 0.5, np.random.default_rng(7))[0] for _ in range(2)]
    assert torch.equal(*twice)
