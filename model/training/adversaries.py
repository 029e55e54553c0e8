"""How discriminators are asked: patch discriminators are shown pictures, projected ones features of pictures."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor, nn

from unmask.model.networks.discriminator import mask_views, whole_views
from unmask.model.networks.perceptual import PerceptualNetwork

from .judged import WHOLE, JudgedPictures
from .losses import discriminator_loss, feature_matching, generator_adversarial_loss


class PatchAdversaries:
    """`PatchDiscriminator`, with feature matching where ``matching``; ``loss`` as `discriminator_loss` has it."""

    def __init__(self, loss: str, *, matching: bool) -> None:
        self.loss, self.matching = loss, matching

    def generator(self, network: nn.Module, name: str, scene: JudgedPictures) -> dict[str, Tensor]:
        """Terms of the generator's loss by name; the gradient goes through ``network``, not into it."""
        real, fake = views(name, scene)
        logits, features = network(fake, features=True)
        terms = {name: generator_adversarial_loss(self.loss, logits)}
        if self.matching:
            with torch.no_grad():
                _, wanted = network(real, features=True)
            terms[f"{name}_matching"] = feature_matching(wanted, features)
        return terms

    def discriminator(self, network: nn.Module, name: str, scene: JudgedPictures) -> Tensor:
        """Loss of one discriminator on one step's pictures; ``network`` may be wrapped in DDP."""
        real, fake = views(name, scene)
        # One pass over both: where batch statistics count, real and fake must be normalised alike.
        logits = network(torch.cat([real, fake.detach()]))
        seen_real, seen_fake = logits.chunk(2)
        return discriminator_loss(self.loss, seen_real, seen_fake)


class ProjectedAdversaries:
    """`ProjectedDiscriminator`: the mask-region one counts logits by how much of the mask is under them.

    Both are shown the same restored picture, so each step looks at it, and at each real one, once.

    Parameters
    ----------
    loss : str
    eyes : PerceptualNetwork
        What the discriminators look through.
    """

    def __init__(self, loss: str, eyes: PerceptualNetwork) -> None:
        self.loss, self.eyes = loss, eyes

    def generator(self, network: nn.Module, name: str, scene: JudgedPictures) -> dict[str, Tensor]:
        """See `PatchAdversaries`."""
        _, fake = self._features(name, scene)
        logits = network(fake)
        losses = [
            generator_adversarial_loss(self.loss, one, weight)
            for one, weight in zip(logits, _weights(name, scene, logits), strict=True)
        ]
        return {name: torch.stack(losses).mean()}

    def discriminator(self, network: nn.Module, name: str, scene: JudgedPictures) -> Tensor:
        """See `PatchAdversaries`."""
        real, fake = self._features(name, scene)
        logits = network([torch.cat([one, other.detach()]) for one, other in zip(real, fake, strict=True)])
        halves = [one.chunk(2) for one in logits]
        weights = _weights(name, scene, [one for one, _ in halves])
        losses = [
            discriminator_loss(self.loss, one, other, weight)
            for (one, other), weight in zip(halves, weights, strict=True)
        ]
        return torch.stack(losses).mean()

    def clean_features(self, scene: JudgedPictures) -> Sequence[Tensor]:
        """What is seen of the clean pictures."""
        with torch.no_grad():
            return scene.remember("clean", lambda: self.eyes.features(scene.clean))

    def _features(self, name: str, scene: JudgedPictures) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Of (real, fake), each looked at when it is first asked for."""
        fake = scene.remember("fake", lambda: self.eyes.features(views(name, scene)[1]))
        if name == WHOLE:
            return self.clean_features(scene), fake
        with torch.no_grad():
            return scene.remember("real", lambda: self.eyes.features(views(name, scene)[0])), fake


def _weights(name: str, scene: JudgedPictures, logits: Sequence[Tensor]) -> list[Tensor | None]:
    if name == WHOLE:
        return [None] * len(logits)
    return [F.interpolate(scene.paste, size=one.shape[-2:], mode="area") for one in logits]


def views(name: str, scene: JudgedPictures) -> tuple[Tensor, Tensor]:
    """(real, fake) as the whole-region or the mask-region discriminator sees them."""
    if name == WHOLE:
        return whole_views(scene.output, scene.clean, scene.picture, scene.paste)
    return mask_views(scene.output, scene.clean, scene.picture, scene.paste)
