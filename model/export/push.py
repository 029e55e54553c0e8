"""A trained module to the Hugging Face Hub: weights, card, and a page that says what they are."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.card import find_model, load_card
from unmask.model.checkpoints.hub import HubPlace, expect_place, hub_library, hub_words
from unmask.model.checkpoints.names import WEIGHTS_NAME
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.networks.spec import EDIT, MODULE_NAMES

from .weights import export_weights

PAGE_NAME = "README.md"
_SCORES = {
    "val_iou": "IoU of the maps",
    "val_false_alarm": "bare faces taken for masked",
    "val_psnr": "PSNR of the picture, dB",
    "val_ssim": "SSIM of the picture",
    "val_mask_psnr": "PSNR in the mask, dB",
    "val_mask_ssim": "SSIM in the mask",
    "val_perceptual": "perceptual distance",
}


def push_to_hub(run: str | Path, to: str, *, private: bool | None = None, message: str | None = None) -> str:
    """Put a trained module into a repository of the Hugging Face Hub, which is made where it is not there.

    What is sent: the weights in half precision and their card, by the names that ``hf://USER/NAME`` looks for,
    and a README.md unless the repository has one.

    Parameters
    ----------
    run : str or Path
        Run (its best, else last), checkpoint or name of shipped weights, of either module.
    to : str
        ``USER/NAME``, or ``USER/NAME/FOLDER`` for several modules in one repository; ``@BRANCH`` may follow.
    private : bool, optional
        Of a repository that is made; None: what the account has set.
    message : str, optional
        Of the commit.

    Returns
    -------
    str
        Address of the commit.

    Raises
    ------
    UserError
        When there is no such run, `huggingface_hub` is not installed, or the Hub refuses.

    Examples
    --------
    >>> import unmask
    >>> commit = unmask.push_to_hub("compact", "somebody/finds-masks", private=True)
    >>> "somebody/finds-masks/commit/" in commit
    True
    >>> network, card = unmask.load_model("hf://somebody/finds-masks")
    """
    place = expect_place(to if to.startswith("hf:") else f"hf://{to}")
    found = find_model(find_weights(run))
    card = load_card(found)
    api = hub_library().HfApi()
    kind = MODULE_NAMES[card["network"]["kind"]]
    with tempfile.TemporaryDirectory(prefix="unmask-") as folder:
        export_weights(found, Path(folder, WEIGHTS_NAME))
        try:
            api.create_repo(place.repository, private=private, exist_ok=True)
            if place.revision:
                api.create_branch(place.repository, branch=place.revision, exist_ok=True)
            if not api.file_exists(place.repository, place.folder + PAGE_NAME, revision=place.revision):
                Path(folder, PAGE_NAME).write_text(hub_page(place, card), "utf-8")
            commit = api.upload_folder(
                repo_id=place.repository,
                folder_path=folder,
                path_in_repo=place.folder.rstrip("/") or None,
                revision=place.revision,
                commit_message=message or f"{kind} of unmask, {card.get('images') or '?'} pictures",
            )
        except Exception as error:
            raise UserError(f"hf://{place.repository}: {hub_words(error)}") from error
    return str(commit.commit_url)


def hub_page(place: HubPlace, card: Mapping[str, Any]) -> str:
    """Return the repository's README.md: what the Hub's search reads, what the model is, how it is used."""
    edit = card["network"]["kind"] == EDIT
    name = "hf://" + f"{place.repository}/{place.folder}".rstrip("/")
    name += f"@{place.revision}" if place.revision else ""
    metrics = card.get("metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    scores = [
        f"| {words} | {metrics[key]:.4g} |"
        for key, words in _SCORES.items()
        if isinstance(metrics.get(key), int | float)
    ]
    title = f"{MODULE_NAMES[card['network']['kind']]} of unmask"
    head = [
        "---",
        "library_name: unmask",
        f"pipeline_tag: {'image-to-image' if edit else 'image-segmentation'}",
        "tags: [face-mask, mask-removal, inpainting, unmask]",
        "---",
        "",
        f"# {title}",
        "",
        "Finds what is under a face mask: a guess from what can be seen, no evidence of what a person looks like."
        if edit
        else "Finds the mask on a face: a probability for each pixel.",
        "",
        "| | |",
        "|---|---|",
        f"| Network | `{card['network']['name']}`, width {card['network']['width']}, {card.get('size', 128)} px |",
        f"| Preset | {card.get('preset', '')} |",
        f"| Pictures seen | {card.get('images') or 'not known'} |",
        *scores,
        "",
    ]
    note = ["Scores are on drawn masks of the validation split of its training.", ""] if scores else []
    flag = "edit" if edit else "map"
    use = [
        "```bash",
        "pip install 'unmask[hub]'",
        f"unmask-run PHOTOS --out RESULTS --{flag}-weights {name}",
        "```",
        "",
        "```python",
        "import unmask",
        "",
        f'unmasker = unmask.Unmasker({flag}="{name}")',
        f'network, card = unmask.load_model("{name}")',
        "```",
        "",
    ]
    return "\n".join([*head, *note, *use])
