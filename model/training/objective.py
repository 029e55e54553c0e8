"""What the Editing Module is trained towards: the losses of a preset, and its two discriminators."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unmask.model.networks.discriminator import mask_views, whole_views
from unmask.model.networks.perceptual import PerceptualNetwork

from .losses import (
    discriminator_loss,
    feature_matching,
    generator_adversarial_loss,
    hole_weight,
    l1,
    l2,
    masked_ssim_loss,
)
from .presets import EditPreset

WHOLE, MASK = "whole", "mask"


@dataclass(frozen=True)
class JudgedPictures:
    """One step's pictures: float32, (n, 3, h, w) in [-1, 1]; ``paste`` (n, 1, h, w) in [0, 1].

    Attributes
    ----------
    picture : Tensor
        What the network saw: the masked photograph.
    clean : Tensor
    paste : Tensor
        The map that the network got: dilated, feathered.
    output : Tensor
        The network's own picture, everywhere.
    """

    picture: Tensor
    clean: Tensor
    paste: Tensor
    output: Tensor


class EditObjective:
    """The losses of a preset.

    Parameters
    ----------
    preset : EditPreset
    discriminators : mapping of str to nn.Module
        ``whole`` and ``mask`` where the preset has them; bare, without DDP: they only pass gradients on here.
    perceptual : PerceptualNetwork or None
        Needed where the preset weighs it.
    """

    def __init__(
        self,
        preset: EditPreset,
        discriminators: Mapping[str, nn.Module],
        perceptual: PerceptualNetwork | None,
    ) -> None:
        self.preset = preset
        self.discriminators = discriminators
        self.perceptual = perceptual

    def generator(self, scene: JudgedPictures, active: frozenset[str]) -> dict[str, Tensor]:
        """Every term by name, unweighted, and ``loss``: their weighted sum.

        Parameters
        ----------
        scene : JudgedPictures
        active : frozenset of str
            Which discriminators have entered by now.
        """
        losses = self.preset.losses
        weight = hole_weight(scene.paste, losses.hole)
        terms = {
            "l1": l1(scene.output, scene.clean, weight),
            "ssim": masked_ssim_loss(scene.output, scene.clean, weight),
        }
        if losses.l2:
            terms["l2"] = l2(scene.output, scene.clean, weight)
        if self.perceptual is not None and losses.perceptual:
            where = weight if losses.hole != 1 else None
            terms["perceptual"] = self.perceptual(scene.output, scene.clean, where)
        for name in (WHOLE, MASK):
            if name in active:
                terms |= self._adversarial(name, scene)
        weights = {
            "l1": losses.l1, "l2": losses.l2, "ssim": losses.ssim, "perceptual": losses.perceptual,
            "whole": losses.whole, "mask": losses.mask,
            "whole_matching": losses.matching, "mask_matching": losses.matching,
        }  # fmt: skip
        total = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
        return {"loss": total, **terms}

    def _adversarial(self, name: str, scene: JudgedPictures) -> dict[str, Tensor]:
        real, fake = views(name, scene)
        network = self.discriminators[name]
        network.requires_grad_(False)  # the gradient goes through it to the generator, not into it
        try:
            logits, features = network(fake, features=True)
            terms = {name: generator_adversarial_loss(self.preset.discriminator.loss, logits)}
            if self.preset.losses.matching:
                with torch.no_grad():
                    _, wanted = network(real, features=True)
                terms[f"{name}_matching"] = feature_matching(wanted, features)
            return terms
        finally:
            network.requires_grad_(True)

    def discriminator(self, network: nn.Module, name: str, scene: JudgedPictures) -> Tensor:
        """Loss of one discriminator on one step's pictures; ``network`` may be wrapped in DDP."""
        real, fake = views(name, scene)
        # One pass over both: where batch statistics count, real and fake must be normalised alike.
        logits = network(torch.cat([real, fake.detach()]))
        seen_real, seen_fake = logits.chunk(2)
        return discriminator_loss(self.preset.discriminator.loss, seen_real, seen_fake)


def views(name: str, scene: JudgedPictures) -> tuple[Tensor, Tensor]:
    """(real, fake) as the whole-region or the mask-region discriminator sees them."""
    if name == WHOLE:
        return whole_views(scene.output, scene.clean, scene.picture, scene.paste)
    return mask_views(scene.output, scene.clean, scene.picture, scene.paste)
