import json
import math

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from unmask.model.checkpoints.packing import pack, unpack


def through_files(value: object) -> object:
    tree, tensors = pack(value)
    return unpack(
        json.loads(json.dumps(tree, allow_nan=False)), safetensors.torch.load(safetensors.torch.save(tensors))
    )


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, "text", None, True, False], "b": {}, "c": [], "d": ()},
        {"betas": (0.9, 0.999), "nested": ((1,), [(2, 3)])},
        {0: "int", 1: {"2": "text"}, "1": "another", None: 3, (4, "x"): 5, 0.5: 6},
        {"$tensor": "no tensor", "$": {"$items": 1}},
        {"tiny": 5e-324, "third": 1 / 3, "large": 2**200, "minus": -0.0},
        {"ümlaut/slash": "\udc80 lone surrogate"},
        [],
        7,
    ],
)
def test_plain_values_come_back_equal_with_their_types(value: object):
    back = through_files(value)
    assert back == value
    assert repr(back) == repr(value)


def test_infinities_and_nan_come_back_through_strict_json():
    back = through_files({"best": -math.inf, "worst": math.inf, "none": math.nan})
    assert back["best"] == -math.inf
    assert back["worst"] == math.inf
    assert math.isnan(back["none"])


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.uint8,
        torch.bool,
    ],
)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3), (2, 0, 3), (2, 3, 4, 5)])
def test_tensors_come_back_with_shape_type_and_bits(dtype: torch.dtype, shape: tuple[int, ...]):
    value = (torch.arange(math.prod(shape)).reshape(shape) % 7).to(dtype)
    back = through_files({"x": [value]})["x"][0]
    assert back.dtype == dtype
    assert back.shape == value.shape
    assert torch.equal(back, value)


def test_shared_and_partial_and_turned_tensors_are_written_apart_and_come_back():
    base = torch.arange(24.0).reshape(4, 6)
    value = {
        "a": base,
        "again": base,
        "row": base[1],
        "turned": base.t(),
        "every": base[:, ::2],
        "0d": base[2, 3],
    }
    back = through_files(value)
    for name, tensor in value.items():
        assert torch.equal(back[name], tensor), name
    back["a"].zero_()
    assert torch.equal(back["again"], base)


def test_a_tensor_that_lies_channels_last_comes_back_so_and_others_do_not():
    plain = torch.rand(2, 3, 4, 5)
    back = through_files({"plain": plain, "last": plain.contiguous(memory_format=torch.channels_last)})
    assert torch.equal(back["last"], plain)
    assert back["last"].stride() == plain.contiguous(memory_format=torch.channels_last).stride()
    assert back["plain"].stride() == plain.stride()


def test_keys_that_look_alike_as_paths_stay_apart():
    one, two, three = (torch.full((2,), float(value)) for value in (1, 2, 3))
    back = through_files({"a/b": one, "a": {"b": two}, 1: {"b": three}, "1": {"b": one}})
    assert torch.equal(back["a/b"], one)
    assert torch.equal(back["a"]["b"], two)
    assert torch.equal(back[1]["b"], three)
    assert torch.equal(back["1"]["b"], one)


def test_parameters_are_taken_as_plain_tensors():
    layer = nn.Linear(2, 2)
    back = through_files(dict(layer.named_parameters()))
    assert torch.equal(back["weight"], layer.weight)
    assert not back["weight"].requires_grad


def test_what_no_checkpoint_can_hold_is_refused_with_its_place():
    with pytest.raises(TypeError, match="set at /count/names/1"):
        pack({"count": {"names": [1, {2}]}})


def trained(
    optimiser_class: type[torch.optim.Optimizer], resume_after: int | None, fused: bool, steps: int = 4
) -> tuple[list[Tensor], torch.optim.Optimizer]:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.PReLU(), nn.Conv2d(8, 4, 1)).to(
        memory_format=torch.channels_last
    )
    options = {"momentum": 0.9} if optimiser_class is torch.optim.SGD else {"fused": fused}
    make = lambda: optimiser_class(net.parameters(), lr=0.05, **options)  # noqa: E731 - made twice, alike
    optimiser = make()
    pictures = torch.rand(steps, 2, 3, 8, 8).contiguous()
    for step in range(steps):
        if step == resume_after:
            state = through_files({"net": net.state_dict(), "optimiser": optimiser.state_dict()})
            net.load_state_dict(state["net"])
            optimiser = make()
            optimiser.load_state_dict(state["optimiser"])
        optimiser.zero_grad()
        net(pictures[step].contiguous(memory_format=torch.channels_last)).square().mean().backward()
        optimiser.step()
    return [parameter.detach().clone() for parameter in net.parameters()], optimiser


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("optimiser_class", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD])
def test_a_restored_optimiser_goes_on_bit_for_bit(optimiser_class: type[torch.optim.Optimizer], fused: bool):
    # Fused Adam with means that lie otherwise than the weights steps wrongly without a word.
    straight, before = trained(optimiser_class, None, fused)
    halved, after = trained(optimiser_class, 2, fused)
    assert all(torch.equal(a, b) for a, b in zip(straight, halved, strict=True))
    assert before.state_dict()["param_groups"] == after.state_dict()["param_groups"]
