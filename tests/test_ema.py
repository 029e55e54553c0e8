import pytest
import torch
from torch import nn

from unmask.model.training.ema import Ema


def small_net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))


def add(net: nn.Module, value: float) -> None:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += value


def test_the_mean_follows_the_formula_with_its_warm_up():
    net = small_net()
    start = net[0].weight.detach().clone()
    ema = Ema(net, decay=0.15)
    expected = start.clone()
    for decay in (1 / 10, 0.15, 0.15):  # (1 + n) / (10 + n) is 0.1, 0.18, 0.25: the second is above the decay
        add(net, 1.0)
        ema.update(net)
        expected = decay * expected + (1 - decay) * net[0].weight.detach()
    torch.testing.assert_close(ema.weights()["0.weight"], expected)


def test_after_one_update_the_start_weighs_a_tenth():
    net = small_net()
    start = net[0].bias.detach().clone()
    ema = Ema(net)
    add(net, 10.0)
    ema.update(net)
    torch.testing.assert_close(ema.weights()["0.bias"], start + 9.0)


def test_batch_statistics_are_the_latest_ones_and_their_counter_stays_whole():
    net = small_net()
    ema = Ema(net)
    net(torch.rand(2, 3, 5, 5))
    ema.update(net)
    weights = ema.weights()
    assert torch.equal(weights["1.running_mean"], net[1].running_mean)
    assert weights["1.num_batches_tracked"].item() == 1
    assert weights["1.num_batches_tracked"].dtype == torch.int64


def test_the_mean_of_half_precision_weights_is_kept_in_float32():
    net = nn.Linear(1, 1, bias=False).to(torch.bfloat16)
    nn.init.constant_(net.weight, 1.0)
    ema = Ema(net, decay=0.999)
    ema.updates = 10**6
    nn.init.constant_(net.weight, 1.0078125)  # the next bfloat16
    ema.update(net)
    assert ema.weights()["weight"].dtype == torch.float32
    assert ema.weights()["weight"].item() == pytest.approx(1 + 0.0078125 / 1000, abs=1e-7)


def test_the_weights_load_into_another_network_of_the_kind():
    net = small_net()
    ema = Ema(net)
    add(net, 1.0)
    ema.update(net)
    other = small_net(seed=5)
    other.load_state_dict(ema.weights())
    assert torch.equal(other[0].weight, ema.weights()["0.weight"])


def test_inside_the_block_the_module_has_the_mean_and_after_it_exactly_its_own():
    net = small_net().to(memory_format=torch.channels_last)
    ema = Ema(net)
    net(torch.rand(2, 3, 5, 5))
    add(net, 1.0)
    ema.update(net)
    net[2].eval()  # one part frozen by hand
    own = {name: value.clone() for name, value in net.state_dict().items()}
    with ema.swapped(net) as judged:
        assert judged is net
        assert not any(part.training for part in net.modules())
        assert torch.equal(net[0].weight, ema.weights()["0.weight"])
    assert [part.training for part in net.modules()] == [True, True, True, False]
    assert all(torch.equal(value, own[name]) for name, value in net.state_dict().items())
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_an_error_inside_the_block_gives_the_module_its_own_weights_back():
    net = small_net()
    ema = Ema(net)
    add(net, 1.0)
    own = net[0].weight.detach().clone()
    with pytest.raises(ZeroDivisionError), ema.swapped(net):
        raise ZeroDivisionError
    assert torch.equal(net[0].weight, own)
    assert net.training


def test_a_restored_mean_goes_on_bit_for_bit():
    straight_net, halved_net = small_net(), small_net()
    straight, halved = Ema(straight_net), Ema(halved_net)
    for step in range(6):
        if step == 3:
            state = halved.state_dict()
            state["weights"] = {name: value.clone() for name, value in state["weights"].items()}
            halved = Ema(small_net(seed=9))
            halved.load_state_dict(state)
        for net, ema in ((straight_net, straight), (halved_net, halved)):
            add(net, 0.3)
            ema.update(net)
    assert halved.updates == straight.updates == 6
    for name, value in straight.weights().items():
        assert torch.equal(value, halved.weights()[name])


def test_the_mean_of_another_network_is_refused():
    state = Ema(nn.Linear(2, 3)).state_dict()
    for other in (nn.Linear(2, 4), nn.Linear(2, 3, bias=False)):
        with pytest.raises(ValueError, match="another network"):
            Ema(other).load_state_dict(state)


def test_a_decay_out_of_range_is_refused():
    with pytest.raises(ValueError, match="decay 1"):
        Ema(nn.Linear(1, 1), decay=1)
