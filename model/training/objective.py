"""What the Editing Module is trained towards: the losses of a preset, and its two discriminators."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from unmask.model.networks.perceptual import PerceptualNetwork

from .adversaries import PatchAdversaries, ProjectedAdversaries
from .judged import MASK, WHOLE, JudgedPictures
from .losses import hole_weight, l1, l2, masked_ssim_loss
from .presets import PROJECTED, EditPreset


class EditObjective:
    """The losses of a preset.

    Parameters
    ----------
    preset : EditPreset
    discriminators : mapping of str to nn.Module
        ``whole`` and ``mask`` where the preset has them; bare, without DDP: they only pass gradients on here.
    perceptual : PerceptualNetwork or None
        Needed where the preset weighs it.
    eyes : PerceptualNetwork or None
        What projected discriminators look through; may be ``perceptual`` itself.
    """

    def __init__(
        self,
        preset: EditPreset,
        discriminators: Mapping[str, nn.Module],
        perceptual: PerceptualNetwork | None,
        eyes: PerceptualNetwork | None = None,
    ) -> None:
        self.preset = preset
        self.discriminators = discriminators
        self.perceptual = perceptual
        loss, matching = preset.discriminator.loss, preset.losses.matching > 0
        self.adversaries: PatchAdversaries | ProjectedAdversaries
        if preset.discriminator.network == PROJECTED and eyes is not None:
            self.adversaries = ProjectedAdversaries(loss, eyes)
        else:
            self.adversaries = PatchAdversaries(loss, matching=matching)

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
            wanted = self._clean_features(self.perceptual, scene)
            terms["perceptual"] = self.perceptual(scene.output, scene.clean, where, wanted)
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

    def _clean_features(self, network: PerceptualNetwork, scene: JudgedPictures) -> Sequence[Tensor] | None:
        """What the discriminators see of the clean pictures, where they look through the same network."""
        if isinstance(self.adversaries, ProjectedAdversaries) and self.adversaries.eyes is network:
            return self.adversaries.clean_features(scene)
        return None

    def _adversarial(self, name: str, scene: JudgedPictures) -> dict[str, Tensor]:
        network = self.discriminators[name]
        network.requires_grad_(False)  # the gradient goes through it to the generator, not into it
        try:
            return self.adversaries.generator(network, name, scene)
        finally:
            network.requires_grad_(True)

    def discriminator(self, network: nn.Module, name: str, scene: JudgedPictures) -> Tensor:
        """Loss of one discriminator on one step's pictures; ``network`` may be wrapped in DDP."""
        return self.adversaries.discriminator(network, name, scene)
