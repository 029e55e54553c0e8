"""Nested training state as a JSON tree and a flat table of tensors, and exactly back; no pickle."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

# A JSON object with one of these keys stands for what JSON has no word for.
_TENSOR, _LAYOUT, _TUPLE, _ITEMS, _FLOAT = "$tensor", "$layout", "$tuple", "$items", "$float"
_CHANNELS_LAST = "channels_last"


def pack(value: Any) -> tuple[Any, dict[str, Tensor]]:
    """Take tensors out of a nested value.

    Parameters
    ----------
    value : object
        Mappings (keys: str, int, float, bool, None or tuples of them), lists, tuples, tensors, str, int, float,
        bool, None, in any depth; ``optimizer.state_dict()`` is such a thing.

    Returns
    -------
    tree : object
        What strict JSON can hold, with the tensors' names in their places.
    tensors : dict of str to Tensor
        On the CPU, contiguous, none sharing memory with another: what a safetensors file takes. The name is the
        path to the value, such as ``optimizer/state/0/exp_avg``.

    Raises
    ------
    TypeError
        When there is something else in it; says where.
    """
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()

    def walk(item: Any, path: str) -> Any:
        if isinstance(item, Tensor):
            return _put(item, path, tensors, seen)
        if isinstance(item, Mapping):
            pairs = [(key, walk(below, f"{path}/{key}")) for key, below in item.items()]
            if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
                return dict(pairs)
            return {_ITEMS: [[walk(key, path), below] for key, below in pairs]}
        if isinstance(item, list | tuple):
            below = [walk(part, f"{path}/{index}") for index, part in enumerate(item)]
            return {_TUPLE: below} if isinstance(item, tuple) else below
        if isinstance(item, float) and not math.isfinite(item):
            return {_FLOAT: repr(float(item))}
        if item is None or isinstance(item, str | int | float):
            return item
        raise TypeError(
            f"training state holds {type(item).__name__} at {path or '/'}, which no checkpoint can"
        )

    return walk(value, ""), tensors


def _put(item: Tensor, path: str, tensors: dict[str, Tensor], seen: set[int]) -> dict[str, str]:
    name = path.strip("/") or "value"
    while name in tensors:  # keys with slashes in them, or 1 beside "1"
        name += "'"
    value = item.detach().cpu()
    node = {_TENSOR: name}
    if not value.is_contiguous() and value.is_contiguous(memory_format=torch.channels_last):
        # An optimiser's fused step walks over weights and means in the order of memory, and is silently wrong where
        # the two lie differently: what came channels_last has to come back so.
        node[_LAYOUT] = _CHANNELS_LAST
    value = value.contiguous()
    start = value.untyped_storage().data_ptr()
    if start in seen:
        value = value.clone()
    else:
        seen.add(start)
    tensors[name] = value
    return node


def unpack(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Put a value together again from what `pack` returned; tuples, keys, types and memory layouts are as before.

    Raises
    ------
    KeyError
        When a tensor is missing.
    """
    if isinstance(tree, list):
        return [unpack(part, tensors) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if _TENSOR in tree:
        value = tensors[tree[_TENSOR]]
        if tree.get(_LAYOUT) == _CHANNELS_LAST:
            return value.contiguous(memory_format=torch.channels_last)
        return value
    if _TUPLE in tree:
        return tuple(unpack(part, tensors) for part in tree[_TUPLE])
    if _ITEMS in tree:
        return {unpack(key, tensors): unpack(below, tensors) for key, below in tree[_ITEMS]}
    if _FLOAT in tree:
        return float(tree[_FLOAT])
    return {key: unpack(below, tensors) for key, below in tree.items()}
