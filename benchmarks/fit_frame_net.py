"""Train the Frame Module (`unmask.model.networks.frame_net`) on a built dataset at CelebA's own size.

    unmask-data build CELEBA DATA --split train --limit 7000 --seed 11
    python benchmarks/fit_frame_net.py DATA OUT.safetensors [--minutes 5]

Aligned CelebA is framed by definition, so a picture moved about says itself by how much. Masked pictures and, for a
quarter, their clean ones are the faces; crops beside them, at other scales or upside down, and the pictures that
come with scikit-image are what is no face.
"""

import argparse
import math
import time
from pathlib import Path

import cv2
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch.nn import functional

from unmask.datagen.faces.frame import FRAME_CORNERS as CORNERS
from unmask.datagen.faces.frame import FRAME_EYE_DIST_PX
from unmask.model.networks.frame_look import LOOK
from unmask.model.networks.frame_net import FrameNet

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
LOOK_PX, LOOK_SPAN, LOOK_CENTRE = LOOK.width, LOOK.width * LOOK.step, np.array(LOOK.centre)
BATCH, FACES_SHARE, BARE_SHARE, TIGHT_SHARE = 96, 0.55, 0.25, 0.4
SKIMAGE = ("coffee.png", "camera.png", "clock_motion.png", "astronaut.png", "gravel.png", "brick.png", "text.png",
           "page.png", "grass.png", "motorcycle_left.png", "rocket.jpg", "horse.png", "chelsea.png", "coins.png",
           "hubble_deep_field.jpg", "logo.png")  # fmt: skip


def read_pictures(data: Path) -> tuple[list[U8], list[U8], list[U8]]:
    """Masked pictures, clean ones, and pictures without faces."""
    import skimage.data

    masked, clean = [], []
    for path in sorted((data / "masked").glob("*.png")):
        masked.append(half(cv2.imread(str(path))))
        if len(masked) % 3 == 0:
            clean += [half(cv2.imread(str(found))) for found in (data / "clean").glob(path.stem[:-3] + ".*")]
    folder = Path(skimage.data.__file__).parent
    others = []
    for name in SKIMAGE:
        image = cv2.imread(str(folder / name))
        if name == "astronaut.png":
            image = image[240:]  # below her face
        others.append(half(image))
    return masked, clean, others


def half(image: U8) -> U8:
    """The picture at half its size: about the scale of the crops, so that cutting them needs no filter."""
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def draw_move(rng: np.random.Generator) -> tuple[float, float, F64]:
    """Scale, turn (radians) and shift (frame pixels) of a first guess, half of them already near."""
    wide = 1.0 if rng.random() < 0.55 else 0.35
    scale = math.exp(float(np.clip(rng.normal() * 0.28 * wide, -0.6, 0.6)))
    turn = math.radians(float(np.clip(rng.normal() * 20 * wide, -55, 55)))
    return scale, turn, rng.normal(size=2) * 0.42 * wide * FRAME_EYE_DIST_PX


def draw_miss(rng: np.random.Generator) -> tuple[float, float, F64]:
    """The same for a guess that shows no face in its place: too near, too far, upside down, or beside the face."""
    scale, turn, shift = draw_move(rng)
    kind = rng.integers(5)
    if kind == 0:
        scale *= float(rng.uniform(2.4, 3.2))
    elif kind == 1:
        turn += math.pi + float(rng.normal()) * 0.6
    elif kind in (2, 3):
        # an eye, an ear, a piece of cloth or of hair, enlarged
        scale = float(np.exp(rng.uniform(np.log(0.1), np.log(0.42))))
        shift = FRAME_EYE_DIST_PX * rng.uniform(-2.2, 2.2, 2)
    if kind == 4:
        angle = rng.uniform(0, 2 * math.pi)
        away = FRAME_EYE_DIST_PX * scale * rng.uniform(2.0, 3.2)
        shift = shift + away * np.array([math.cos(angle), math.sin(angle)])
    return scale, turn, shift


def frame_of(scale: float, turn: float, shift: F64) -> F64:
    """Similarity (2, 3) from the guessed frame to the true one."""
    matrix = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.column_stack([matrix, LOOK_CENTRE + shift - matrix @ LOOK_CENTRE])


def cut(image: U8, frame: F64, rng: np.random.Generator, *, tight: bool) -> U8:
    """The crop that a frame gives, blurred now and then, of a picture that may end close to the face."""
    left = top = 0
    if tight:
        height, width = image.shape[:2]
        left, right = int(rng.uniform(0, 0.27) * width), int(rng.uniform(0.73, 1) * width)
        top, bottom = int(rng.uniform(0, 0.47) * height), int(rng.uniform(0.76, 1) * height)
        image = image[top:bottom, left:right]
    side = LOOK_PX if rng.random() < 0.65 else int(rng.uniform(18, LOOK_PX))
    step = LOOK_SPAN / side
    matrix = frame[:, :2] * step
    origin = frame[:, :2] @ (LOOK_CENTRE - step * (side - 1) / 2) + frame[:, 2]
    matrix, origin = matrix / 2, (origin + 0.5) / 2 - 0.5 - (left, top)  # the pictures are halves
    border = cv2.BORDER_REFLECT_101 if rng.random() < 0.8 else cv2.BORDER_REPLICATE
    crop = cv2.warpAffine(
        image, np.column_stack([matrix, origin]), (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border,
    )  # fmt: skip
    return crop if side == LOOK_PX else cv2.resize(crop, (LOOK_PX, LOOK_PX), interpolation=cv2.INTER_CUBIC)


def light(crops: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Gain, offset, tint, gamma, noise and grey, drawn for each crop; in [0, 1]."""
    n = len(crops)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random)

    crops = crops.clamp(0, 1) ** torch.exp(draw(n, 1, 1, 1) * 0.3)
    grey = crops.mean(1, keepdim=True)
    crops = torch.where(torch.rand(n, 1, 1, 1, generator=random) < 0.15, grey.expand_as(crops), crops)
    crops = crops * torch.exp(draw(n, 1, 1, 1) * 0.2 + draw(n, 3, 1, 1) * 0.08) + draw(n, 1, 1, 1) * 0.06
    return (crops + draw(*crops.shape) * draw(n, 1, 1, 1).abs() * 0.04).clamp(0, 1)


class Batches:
    """Draws batches of crops with what the network should say of them."""

    def __init__(self, pictures: tuple[list[U8], list[U8], list[U8]], seed: int) -> None:
        self.masked, self.clean, self.others = pictures
        self.rng = np.random.default_rng(seed)
        self.random = torch.Generator().manual_seed(seed)

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Crops (n, 3, 80, 80) in [-1, 1], true corners in the guessed frame (n, 3, 2), face or not (n)."""
        rng, crops, corners, is_face = self.rng, [], [], []
        for _ in range(count):
            face = rng.random() < FACES_SHARE
            pool = self.clean if rng.random() < BARE_SHARE else self.masked
            if not face and rng.random() < 0.4:
                pool = self.others
            image = pool[rng.integers(len(pool))]
            if rng.random() < 0.5:
                image = image[:, ::-1]
            frame = frame_of(*(draw_move(rng) if face else draw_miss(rng)))
            if pool is self.others:
                frame = frame.copy()
                frame[:, 2] += (
                    rng.uniform(0, 2, 2) * image.shape[1::-1] - frame[:, :2] @ LOOK_CENTRE - frame[:, 2]
                )
            crops.append(cut(image, frame, rng, tight=rng.random() < TIGHT_SHARE and pool is not self.others))
            back = np.linalg.inv(np.vstack([frame, [0, 0, 1]]))[:2]
            corners.append(CORNERS @ back[:, :2].T + back[:, 2])
            is_face.append(face)
        tensor = torch.from_numpy(np.stack(crops)[..., ::-1].copy()).permute(0, 3, 1, 2).float() / 255
        seen = light(tensor, self.random) * 2 - 1
        return seen, torch.tensor(np.stack(corners)).float(), torch.tensor(is_face).float()


def placed(answer: torch.Tensor) -> torch.Tensor:
    """Corners (n, 3, 2) that the network's correction gives."""
    a, b, x, y = answer[:, :4, None].unbind(1)
    dx, dy = torch.tensor(CORNERS - LOOK_CENTRE).float().T
    across = (1 + a) * dx - b * dy + FRAME_EYE_DIST_PX * x + LOOK_CENTRE[0]
    down = b * dx + (1 + a) * dy + FRAME_EYE_DIST_PX * y + LOOK_CENTRE[1]
    return torch.stack([across, down], 2)


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--init", type=Path, help="weights to go on from")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    batches = Batches(read_pictures(options.data), options.seed)
    net = FrameNet()
    if options.init:
        net.load_state_dict(
            {name: value.float() for name, value in safetensors.torch.load_file(options.init).items()}
        )
    net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), options.rate, weight_decay=0.02)
    start, step, means = time.monotonic(), 0, torch.zeros(3)
    while (done := (time.monotonic() - start) / (60 * options.minutes)) < 1:
        optimiser.param_groups[0]["lr"] = (
            options.rate * min(1, (step + 1) / 100) * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))
        )
        crops, corners, is_face = batches.draw(BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            answer = net(crops.contiguous(memory_format=torch.channels_last)).float()
        gaps = (placed(answer) - corners)[is_face > 0] / FRAME_EYE_DIST_PX
        place = functional.smooth_l1_loss(gaps, torch.zeros_like(gaps), beta=0.1)
        seen = functional.binary_cross_entropy_with_logits(answer[:, 4], is_face)
        optimiser.zero_grad(set_to_none=True)
        (place + 0.2 * seen).backward()
        optimiser.step()
        step += 1
        right = ((answer[:, 4] > 0) == (is_face > 0)).float().mean()
        means += torch.tensor([gaps.norm(dim=2).mean().item(), seen.item(), right.item()])
        if step % 100 == 0:
            print(f"{step * BATCH} crops: off by {means[0] / 100:.3f} IOD, bce {means[1] / 100:.3f}, "
                  f"right {means[2] / 100:.3f}, {time.monotonic() - start:.0f} s", flush=True)  # fmt: skip
            means.zero_()
    weights = {
        name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()
    }
    options.out.write_bytes(safetensors.torch.save({k: v.contiguous() for k, v in weights.items()}))


if __name__ == "__main__":
    main()
