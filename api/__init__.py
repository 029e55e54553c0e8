"""Varied masked-face triplets, and the networks that take the mask off again.

    unmask.put_mask("portrait.jpg")             one picture, one mask
    unmask.build("photos", "out")               a dataset on disk, as unmask-data build writes it
    unmask.BuiltDataset("out")                  its triplets, for a data loader
    unmask.TripletDataset("photos", size=128)   new masks for every face in every epoch, without files
    unmask.to_tensors                           the transform of both that gives float tensors
    unmask.Unmasker()                           masks off photographs and aligned faces
    unmask.load_model("fidelity")               a network with its weights; or "hf://user/name"
    unmask.push_to_hub("run", "user/name")      a trained module onto the Hugging Face Hub
    unmask.restore_video("clip.mp4", "out.mp4") masks off a clip, as unmask-run does it
    unmask.restore_frames(frames, fps=25)       the same for frames of any source, one by one
    unmask.evaluate("out", out="report")        how good the modules are, and for whom
    unmask.export_dataset("out", "coco", "to")  a dataset as other tools read it
    unmask.adopt("pairs", "out")                a dataset of somebody else's masked and clean pictures

Importing this loads nothing else: each name brings what it needs when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmask.data_calls import adopt as adopt
    from unmask.data_calls import build as build
    from unmask.data_calls import export_dataset as export_dataset
    from unmask.data_calls import put_mask as put_mask
    from unmask.datagen.dataset.built import BuiltDataset as BuiltDataset
    from unmask.datagen.dataset.online import TripletDataset as TripletDataset
    from unmask.model.data.tensors import to_tensors as to_tensors
    from unmask.model.export.push import push_to_hub as push_to_hub
    from unmask.model.inference.unmasker import Unmasker as Unmasker
    from unmask.model_calls import evaluate as evaluate
    from unmask.model_calls import load_model as load_model
    from unmask.model_calls import restore_frames as restore_frames
    from unmask.model_calls import restore_video as restore_video

    __version__: str
else:
    _HOMES = {
        "BuiltDataset": "unmask.datagen.dataset.built",
        "TripletDataset": "unmask.datagen.dataset.online",
        "Unmasker": "unmask.model.inference.unmasker",
        "adopt": "unmask.data_calls",
        "build": "unmask.data_calls",
        "evaluate": "unmask.model_calls",
        "export_dataset": "unmask.data_calls",
        "load_model": "unmask.model_calls",
        "push_to_hub": "unmask.model.export.push",
        "put_mask": "unmask.data_calls",
        "restore_frames": "unmask.model_calls",
        "restore_video": "unmask.model_calls",
        "to_tensors": "unmask.model.data.tensors",
    }

    def __getattr__(name):
        if name == "__version__":
            from importlib.metadata import version

            value = version("unmask")
        elif name in _HOMES:
            from importlib import import_module

            from unmask.datagen.common.light_install import naming_packages

            with naming_packages():
                value = getattr(import_module(_HOMES[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__():
        return sorted(__all__)


__all__ = [
    "BuiltDataset",
    "TripletDataset",
    "Unmasker",
    "__version__",
    "adopt",
    "build",
    "evaluate",
    "export_dataset",
    "load_model",
    "push_to_hub",
    "put_mask",
    "restore_frames",
    "restore_video",
    "to_tensors",
]
