"""How near the maps of `unmask-data adopt` come to the true ones: ``python benchmarks/differencing.py DATASET``.

The masked pictures of a built dataset are compared with their clean ones, as they are and after JPEG; the maps that
are found are judged by the true ones. Constants of `unmask.datagen.pictures.differencing` were chosen on the even
rows of the first 500 pictures of CelebA with seed 1; this takes the odd ones.
"""

import argparse
from pathlib import Path

import numpy as np

from unmask.datagen.dataset.built import BuiltDataset
from unmask.datagen.pictures.differencing import find_map
from unmask.datagen.pictures.picture import decode_picture, encode_jpg

QUALITIES = (None, 95, 90, 75, 50)


def main() -> None:
    """Measure and print a line for each quality."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path, help="of unmask-data build, masked pictures as PNG")
    parser.add_argument("--limit", type=int, default=500, help="rows to look at (default: 500)")
    parser.add_argument("--size", type=int, help="crop and scale first; default: as they are")
    arguments = parser.parse_args()
    data = BuiltDataset(arguments.dataset, limit=arguments.limit, size=arguments.size)
    items = [data[number] for number in range(1, len(data), 2)]
    print(f"{len(items)} pictures\nJPEG quality  IoU   10 %   area: mean  median  from    to (10 and 90 %)")
    for quality in QUALITIES:
        overlaps, areas = [], []
        for item in items:
            masked = item["masked"]
            if quality is not None:
                masked = decode_picture(encode_jpg(masked, quality)).image_rgb
            found, true = find_map(masked, item["clean"]).map > 0, item["map"] >= 128
            overlaps.append((found & true).sum() / max((found | true).sum(), 1))
            areas.append(found.sum() / max(true.sum(), 1) - 1)
        low, high = np.quantile(areas, [0.1, 0.9])
        print(
            f"{quality or 'none':>12}  {np.mean(overlaps):.3f} {np.quantile(overlaps, 0.1):.3f}  "
            f"{np.mean(areas):+10.1%} {np.median(areas):+7.1%} {low:+7.1%} {high:+7.1%}"
        )


if __name__ == "__main__":
    main()
