"""Items of datasets as floating-point tensors."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmask.datagen.dataset.items import U8, TripletItem


def to_tensors(item: TripletItem) -> dict[str, Any]:
    """Turn the pictures of an item into tensors: a ``transform`` of `unmask.TripletDataset`.

    Returns
    -------
    dict
        ``masked`` and ``clean`` are float32 (3, h, w) and ``map`` is float32 (1, h, w), all in [0, 1]; the rest is
        as it was.

    Examples
    --------
    >>> import unmask
    >>> data = unmask.TripletDataset("demo", size=64, transform=unmask.to_tensors)
    >>> data[0]["map"].shape, data[0]["map"].dtype
    (torch.Size([1, 64, 64]), torch.float32)
    """
    masked, map_, clean = (_tensor(part) for part in (item["masked"], item["map"][..., None], item["clean"]))
    return {**item, "masked": masked, "map": map_, "clean": clean}


def _tensor(picture: U8) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32) / np.float32(255))


def to_network(pictures: U8) -> Tensor:
    """Pictures uint8 (n, h, w, 3) for networks: float32 (n, 3, h, w) in [-1, 1], channels last in memory."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
