"""What a preset's name stands for: network, learning rate, losses, and which number says what is best."""

from dataclasses import dataclass

from unmask.model.networks.networks import EDIT, MAP, NetworkSpec, default_spec


@dataclass(frozen=True)
class MapPreset:
    """How a Map Module is trained.

    Attributes
    ----------
    network : NetworkSpec
    learning_rate : float
        Peak of Adam's.
    dice : float
        Weight of the Dice loss beside binary cross-entropy; the published method has none.
    bare_share : float
        Share of the pictures that are shown without their mask, with an empty map.
    weight_decay : float
    colour_jitter : bool
        Whether whole pictures get other light and colours while training.
    """

    network: NetworkSpec
    learning_rate: float
    dice: float
    bare_share: float
    weight_decay: float = 0.0
    colour_jitter: bool = False


@dataclass(frozen=True)
class EditPreset:
    """How an Editing Module is trained; a loss of weight 0 is not computed.

    Attributes
    ----------
    network : NetworkSpec
    learning_rate, beta1 : float
        Adam's, for generator and discriminators.
    l1, l2, ssim, perceptual, whole, mask, matching : float
        Weights of the losses: L1, squared difference, 1 - SSIM, perceptual distance, the two discriminators,
        feature matching.
    hole : float
        How much more a pixel under the mask weighs in L1 and SSIM than one outside; 1 in the published method.
    adversarial : str
        ``bce`` or ``hinge``.
    adversarial_from : float
        Share of the budget after which the whole-region discriminator joins; the mask-region discriminator has
        an option of its own.
    discriminator_width : int
    best : str
        Column of the validation that ``best`` follows.
    """

    network: NetworkSpec
    learning_rate: float
    beta1: float
    l1: float
    l2: float
    ssim: float
    perceptual: float
    whole: float
    mask: float
    matching: float
    hole: float
    adversarial: str
    adversarial_from: float
    discriminator_width: int
    best: str

    @property
    def is_adversarial(self) -> bool:
        """Whether there are discriminators."""
        return self.whole > 0 or self.mask > 0


MAP_PRESETS = {
    "pretrained": MapPreset(
        default_spec(MAP, "pretrained"),
        learning_rate=2e-3,
        dice=1.0,
        bare_share=0.1,
        weight_decay=1e-2,
        colour_jitter=True,
    ),
    "compact": MapPreset(
        default_spec(MAP, "compact"), learning_rate=2e-3, dice=1.0, bare_share=0.1, weight_decay=1e-2
    ),
    # Published: binary cross-entropy, Adam 1e-3; Dice is this toolkit's addition, so it is left out here.
    "paper": MapPreset(default_spec(MAP, "paper"), learning_rate=1e-3, dice=0.0, bare_share=0.0),
}

EDIT_PRESETS = {
    "fidelity": EditPreset(
        default_spec(EDIT, "compact"),
        learning_rate=2e-3,
        beta1=0.9,
        l1=1.0,
        l2=4.0,  # PSNR rewards the mean of what could be there, L1 its median
        ssim=0.25,
        perceptual=0.0,
        whole=0.0,
        mask=0.0,
        matching=0.0,
        hole=10.0,
        adversarial="hinge",
        adversarial_from=0.0,
        discriminator_width=32,
        best="val_psnr",
    ),
    # A small adversarial weight and a perceptual distance on the mask: 0.3 to 1 dB less, and sharp lips and skin.
    "perceptual": EditPreset(
        default_spec(EDIT, "compact"),
        learning_rate=1e-3,
        beta1=0.5,
        l1=1.0,
        l2=0.0,
        ssim=0.25,
        perceptual=1.0,
        # Together their gradient under the mask is then some two fifths of the perceptual distance's.
        whole=0.02,
        mask=0.05,
        matching=0.5,
        hole=10.0,
        adversarial="hinge",
        adversarial_from=0.2,
        discriminator_width=32,
        best="val_perceptual",
    ),
    # 100 (L1 + (1 - SSIM) + perceptual) + 0.3 whole + 0.7 mask, Adam 2e-4, beta1 0.5, whole picture.
    "paper": EditPreset(
        default_spec(EDIT, "paper"),
        learning_rate=2e-4,
        beta1=0.5,
        l1=100.0,
        l2=0.0,
        ssim=100.0,
        perceptual=100.0,
        whole=0.3,
        mask=0.7,
        matching=0.0,
        hole=1.0,
        adversarial="bce",
        adversarial_from=0.0,
        discriminator_width=64,
        best="val_perceptual",
    ),
}


def network_of(module: str, preset: str) -> NetworkSpec:
    """Return the network that a preset of a module (``map`` or ``edit``) trains."""
    return MAP_PRESETS[preset].network if module == MAP else EDIT_PRESETS[preset].network
