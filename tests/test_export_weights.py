import json
from pathlib import Path

import pytest
import torch
from eval_support import write_module

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.checkpoint import load_model, load_weights, save_checkpoint
from unmask.model.export.weights import export_weights
from unmask.model.networks.networks import fit_outputs
from unmask.model.networks.spec import NetworkSpec


@pytest.mark.parametrize("kind", ["map", "edit"])
def test_half_precision_weights_load_and_answer_almost_the_same(kind: str, tmp_path: Path) -> None:
    run = write_module(tmp_path / "run", kind)
    size = export_weights(run, tmp_path / "out/small.safetensors")
    assert size < 0.55 * (run / "model.safetensors").stat().st_size
    whole, small = (load_model(path, kind)[0] for path in (run, tmp_path / "out/small.safetensors"))
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    arguments = (picture,) if kind == "map" else (picture, picture[:, :1].abs())
    with torch.inference_mode():
        assert torch.allclose(whole(*arguments), small(*arguments), atol=0.05)
    card = json.loads((tmp_path / "out/small.json").read_text(encoding="utf-8"))
    assert card["stored"] == "float16"
    assert card["network"]["kind"] == kind


def test_a_weight_beyond_half_precision_is_refused(tmp_path: Path) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["head.bias"].fill_(1e6)

    run = write_module(tmp_path / "run", "map", change=spoil)
    with pytest.raises(UserError, match=r"head\.bias: a weight is too large"):
        export_weights(run, tmp_path / "small.safetensors")


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = write_module(tmp_path / "run", "edit"), tmp_path / "edit.safetensors"
    assert main(["export", str(run), str(out)]) == 0
    assert "half precision" in capsys.readouterr().out
    assert main(["export", str(tmp_path / "nowhere"), str(out)]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_the_mean_of_runs_is_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def triple(weights: dict[str, torch.Tensor]) -> None:
        for value in weights.values():
            if value.is_floating_point():
                value *= 3

    one, three = write_module(tmp_path / "one", "map"), write_module(tmp_path / "three", "map", change=triple)
    out = tmp_path / "mean.safetensors"
    assert main(["export", str(one), str(out), "--average", str(three)]) == 0
    single, mean = (load_weights(path) for path in (one, out))
    for name, value in single.items():
        if value.is_floating_point():
            whole = (value + load_weights(three)[name]) / 2
            assert torch.allclose(mean[name].float(), whole, rtol=2e-3, atol=1e-6), name
    card = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert len(card["average_of"]) == 2
    assert "metrics" not in card
    capsys.readouterr()
    assert main(["export", str(one), str(out), "--average", "fidelity"]) == 2
    assert "--average" in capsys.readouterr().err
    assert main(["export", str(one), str(tmp_path / "mean.onnx"), "--average", str(three)]) == 2


def test_a_network_that_knows_straps_is_averaged_with_one_that_does_not(tmp_path: Path) -> None:
    plain, spec = (
        write_module(tmp_path / "plain", "map", seed=1),
        NetworkSpec("map", "compact", 8, straps=True),
    )
    weights = fit_outputs(load_weights(write_module(tmp_path / "as one", "map", seed=2)), spec)
    weights["head.weight"][1] = 0.5
    save_checkpoint(tmp_path / "two", weights, {"network": spec.to_dict(), "size": 96}, None)
    export_weights(tmp_path / "two", tmp_path / "mean.safetensors", [plain])
    mean, other = load_weights(tmp_path / "mean.safetensors"), load_weights(plain)
    assert torch.equal(mean["head.weight"][1], weights["head.weight"][1].half())
    middle = (weights["head.weight"][0] + other["head.weight"][0]) / 2
    assert torch.allclose(mean["head.weight"][0].float(), middle, rtol=2e-3, atol=1e-4)
    card = load_model(tmp_path / "mean.safetensors", "map")[1]
    assert card["network"]["straps"]
    assert (card["size"], [part["size"] for part in card["average_of"]]) == (96, [96, 64])
    export_weights(plain, tmp_path / "body.safetensors", [tmp_path / "two"])
    assert torch.allclose(
        load_weights(tmp_path / "body.safetensors")["head.weight"][0].float(), middle, atol=1e-3
    )
