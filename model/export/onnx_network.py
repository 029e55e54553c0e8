"""A network as ONNX, with what `unmask.model.inference.aligned` computes of its output, by torch's exporter."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unmask.model.common.limits import MULTIPLE_PX
from unmask.model.inference.torch_modules import TrainedModule, answer_faces, answer_probabilities
from unmask.model.networks.spec import EDIT

from .onnx_cleaning import OPSET

if TYPE_CHECKING:  # of the extra 'export'
    import onnx

_TRACED_SHAPE = (2, 48, 64)  # any will do; 1 or equal sides would be taken for a property of the pictures
_CHANNELS = {"seen": (3,), "seen_map": ()}
_OUTPUT = "answer"


class _MapAnswer(nn.Module):
    inputs = ("seen",)

    def __init__(self, module: TrainedModule) -> None:
        super().__init__()
        self.network = module.network

    def forward(self, seen: Tensor) -> Tensor:
        return answer_probabilities(lambda picture: self.network(picture).float(), _to_picture(seen))


class _EditAnswer(nn.Module):
    inputs = ("seen", "seen_map")

    def __init__(self, module: TrainedModule) -> None:
        super().__init__()
        self.network, self.mirror_mean = module.network, module.mirror_mean

    def forward(self, seen: Tensor, seen_map: Tensor) -> Tensor:
        map_ = seen_map[:, None].float() / 255
        return answer_faces(
            lambda picture, alpha: self.network(picture, alpha).float(),
            _to_picture(seen),
            map_,
            mirror_mean=self.mirror_mean,
        )


def network_model(module: TrainedModule, kind: str) -> "onnx.ModelProto":
    """Return a network as it stands between the two parts of `unmask.model.export.onnx_frame`.

    Parameters
    ----------
    module : TrainedModule
        On the CPU, in float32; its network is put in evaluation mode.
    kind : str
        ``map`` or ``edit``.

    Returns
    -------
    onnx.ModelProto
        ``seen`` uint8 (n, h, w, 3), sides multiples of 16, and for ``edit`` ``seen_map`` uint8 (n, h, w), to
        ``answer``: probabilities float32 (n, h, w, layers), or the drawn picture, uint8 (n, h, w, 3).
    """
    answer = (_EditAnswer if kind == EDIT else _MapAnswer)(module).eval()
    n, rows, columns = (torch.export.Dim(name) for name in ("n", "rows", "columns"))
    axes = {0: n, 1: MULTIPLE_PX * rows, 2: MULTIPLE_PX * columns}
    names = answer.inputs
    example = tuple(torch.zeros(*_TRACED_SHAPE, *_CHANNELS[name], dtype=torch.uint8) for name in names)
    with _quiet(), torch.no_grad():
        with _TraceableLinspace():
            # Not left to torch.onnx.export: where a size is fixed in the code, that falls back to a fixed size.
            program = torch.export.export(
                answer, example, dynamic_shapes=dict.fromkeys(names, axes), strict=False
            )
        written = torch.onnx.export(
            program,
            input_names=names,
            output_names=[_OUTPUT],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert written is not None  # it is for dynamo=True
    model: onnx.ModelProto = written.model_proto
    return _without_notes(model)


def _to_picture(image: Tensor) -> Tensor:
    return image.permute(0, 3, 1, 2).float() / 127.5 - 1


class _TraceableLinspace(TorchFunctionMode):
    """Gives `torch.linspace` a length that may vary: it takes a plain int, which would fix the pictures' size."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.linspace and len(args) == 3:
            start, end, steps = args
            numbers = torch.arange(steps, **{"dtype": torch.get_default_dtype(), **kwargs})
            return numbers * ((end - start) / (steps - 1)) + start
        return func(*args, **kwargs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's words about its own insides from the user: deprecations, torchvision that is not there."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _without_notes(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Take torch's notes out, which quote the source with its paths, and its guesses of shapes."""
    graph = model.graph
    del graph.value_info[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, graph):
        del part.metadata_props[:]
    return model
