"""Triplets to networks to scores to restored faces. Never imports dlib."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmask.model.inference.unmasker import Unmasker as Unmasker
else:

    def __getattr__(name):  # torch is loaded when it is needed
        if name != "Unmasker":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from unmask.model.inference.unmasker import Unmasker

        return Unmasker
