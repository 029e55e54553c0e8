from collections.abc import Sequence
from typing import Any

MODEL_BYTES: int

def unpack(file: Any, model: Any, /) -> None: ...
def predict(model: Any, crops: Sequence[Any], boxes: Any, out: Any, /) -> None: ...
