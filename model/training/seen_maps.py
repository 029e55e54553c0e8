"""Which maps the Editing Module sees in training: true ones and, in a share, what a Map Module finds."""

import numpy as np
import torch
from torch import Tensor, nn

from unmask.model.inference.cleaning import clean_map


class SeenMaps:
    """Gives a step's maps.

    A network that only ever saw true maps leaves rims and holes where a Map Module errs; so a share of the
    pictures comes with the map that the Map Module of the later pipeline finds, cleaned as it is there.

    Parameters
    ----------
    network : nn.Module or None
        A Map Module in evaluation mode, on the device; None for true maps only.
    share : float
        Of the pictures that get a predicted map, in [0, 1].
    """

    def __init__(self, network: nn.Module | None, share: float) -> None:
        self.network = network
        self.share = share if network is not None else 0.0

    def choose(self, picture: Tensor, truth: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the maps (n, 1, h, w) that the network gets.

        Parameters
        ----------
        picture : Tensor
            (n, 3, h, w) in [-1, 1].
        truth : Tensor
            (n, 1, h, w) in [0, 1].
        rng : np.random.Generator
            Of this step and process.
        """
        chosen = np.flatnonzero(rng.random(len(truth)) < self.share)
        if self.network is None or not len(chosen):
            return truth
        rows = torch.from_numpy(chosen).to(truth.device)
        found = predict_maps(self.network, picture[rows])
        maps = truth.clone()
        # A map that misses the mask altogether teaches nothing: there would be nothing to restore.
        usable = (found * truth[rows]).sum((1, 2, 3)) > 0.5 * truth[rows].sum((1, 2, 3))
        maps[rows[usable]] = found[usable]
        return maps


@torch.no_grad()
def predict_maps(network: nn.Module, picture: Tensor) -> Tensor:
    """Maps (n, 1, h, w) of 0 and 1 that a Map Module finds in pictures, cleaned (`clean_map`)."""
    probabilities = network(picture).float().sigmoid()[:, 0].cpu().numpy()
    cleaned = np.stack([clean_map(probability) for probability in probabilities])
    return torch.from_numpy(cleaned)[:, None].to(picture.device, torch.float32) / 255
