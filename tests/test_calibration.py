"""Where the mask of a photograph ends."""

import numpy as np
import pytest

from unmask.model.export.onnx_calibration import calibration_function
from unmask.model.export.onnx_cleaning import OPSET
from unmask.model.inference.calibration import MASK_FROM, calibrated, grown_region, shifted


def test_one_half_is_where_the_mask_ends_and_the_order_of_pixels_stays() -> None:
    said = np.linspace(0, 1, 1001, dtype=np.float32)[None]
    moved = shifted(said)
    assert (moved[0, 0], moved[0, -1]) == (0, 1)
    assert (np.diff(moved[0]) > 0).all()
    assert np.array_equal(moved >= 0.5, said >= np.float32(MASK_FROM))


@pytest.mark.parametrize("side", [2, 3])
def test_only_a_picture_in_which_a_mask_is_seen_changes(side: int) -> None:
    said = np.full((12, 16), 0.45, np.float32)
    said[4 : 4 + side, 5 : 5 + side] = 0.9
    assert np.array_equal(calibrated(said), shifted(said) if side == 3 else said)
    corner = np.full((12, 16), 0.45, np.float32)
    corner[-side:, -side:] = 0.9  # beyond the border the picture is taken as continued
    assert np.array_equal(calibrated(corner), shifted(corner))


def test_a_mask_takes_in_what_hangs_together_with_it() -> None:
    probability = np.zeros((40, 50), np.float32)
    probability[10:20, 10:30] = 0.6
    probability[10:20, 35:45] = 0.6
    probability[25, 10:30] = 0.6  # a line: no region
    mask = np.zeros((40, 50), np.uint8)
    mask[12:16, 12:18] = 255
    mask[30, 30] = 255  # what was filled stays
    grown = grown_region(probability, mask)
    expected = np.zeros((40, 50), np.uint8)
    expected[10:20, 10:30] = expected[30, 30] = 255
    assert np.array_equal(grown, expected)
    assert not grown_region(probability, np.zeros_like(mask)).any()


def test_the_graph_does_the_same() -> None:
    onnx = pytest.importorskip("onnx")
    inliner = pytest.importorskip("onnx.inliner")
    runtime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(5)
    bodies = rng.random((4, 1, 9, 14), dtype=np.float32)
    bodies[0] *= 0.79
    bodies[1, 0, -3:, :3] = 0.81
    bodies[2] = bodies[2] * 0.19 + 0.81
    main = "main (float[n, 1, h, w] body) => (float[n, 1, h, w] out) { out = unmask.calibrated (body) }"
    text = f'<ir_version: 8, opset_import: ["": {OPSET}, "unmask": 1]>\n{main}\n{calibration_function()}'
    model = inliner.inline_local_functions(onnx.parser.parse_model(text.replace("OPSET", str(OPSET))))
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"body": bodies})
    ours = np.stack([calibrated(body[0]) for body in bodies])[:, None]
    np.testing.assert_allclose(given, ours, rtol=0, atol=1e-6)
    changed = [not np.array_equal(one, body) for one, body in zip(ours, bodies, strict=True)]
    assert changed[:3] == [False, True, True]
