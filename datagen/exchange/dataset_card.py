"""The page of a dataset on the Hugging Face Hub: what its search and viewer read, and what is in the dataset."""

from collections.abc import Mapping

from unmask.datagen.sources.splits import SPLITS

from .rows import Survey

NAME = "README.md"
_HUB_SPLITS = {"val": "validation"}  # as the Hub calls it


def dataset_card(found: Survey, counts: Mapping[str, int], files: str = "") -> bytes:
    """Return the text of a dataset's README.md.

    Parameters
    ----------
    found : Survey
    counts : mapping of str to int
        Triplets by split.
    files : str
        Which files are a split's, with ``{split}`` in it; empty where the Hub sees that by itself.
    """
    splits = [split for split in SPLITS if counts.get(split)]
    head = [
        "---",
        "task_categories: [image-segmentation, image-to-image]",
        "tags: [face-mask, mask-removal, masked-face-recognition, synthetic, unmask]",
        f"size_categories: [{_size(sum(counts.values()))}]",
    ]
    if files:
        head += ["configs:", "- config_name: default", "  data_files:"]
        for split in splits:
            head += [f"  - split: {_HUB_SPLITS.get(split, split)}", f"    path: {files.format(split=split)}"]
    rows = [f"| {_HUB_SPLITS.get(split, split)} | {counts[split]:,} |" for split in splits]
    families = ", ".join(found.classes)
    attributes = (
        f" and {len(found.attribute_names)} attributes of its source" if found.attribute_names else ""
    )
    text = f"""
# Masked faces

Triplets of a masked face, the map of its mask (coverage, 0 to 255; binary: 128 and above) and the clean face, drawn
by unmask.

| Split | Triplets |
|---|---|
{chr(10).join(rows)}

The columns beside the pictures say what is known of each: split, identity, mask family, template, way worn, straps,
colour, print, coverage, pose{attributes}. Families that a mask may be of: {families}.

Masks are drawn: nothing here shows that a person wore one. The faces and the terms of their use are those of the
source; name it here before you publish.
"""
    return ("\n".join([*head, "---"]) + "\n" + text).encode("utf-8")


def _size(total: int) -> str:
    """The Hub's word for how many rows there are."""
    steps = (
        (10**3, "n<1K"),
        (10**4, "1K<n<10K"),
        (10**5, "10K<n<100K"),
        (10**6, "100K<n<1M"),
        (10**7, "1M<n<10M"),
    )
    return next((word for below, word in steps if total < below), "10M<n<100M")
