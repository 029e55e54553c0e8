"""Models on the Hugging Face Hub: ``hf://USER/NAME`` names one wherever a run or a file is asked for.

    hf://USER/NAME             its newest revision
    hf://USER/NAME/FOLDER      several modules in one repository
    hf://USER/NAME@REVISION    a branch, a tag or a commit

`huggingface_hub` fetches, checks and keeps the files, obeys its own settings (``HF_TOKEN``, ``HF_HOME``,
``HF_ENDPOINT``, ``HF_HUB_OFFLINE``), and takes what it has kept where the Hub cannot be reached.
"""

import re
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from unmask.datagen.common.errors import UserError

from .names import CARD_NAME, WEIGHTS_NAME

# One slash is what a Path leaves of the two.
_IS_HUB = re.compile(r"hf:/+")
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_PLACE = re.compile(rf"hf:/+({_PART}/{_PART})((?:/{_PART})*)/*(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?")


class HubPlace(NamedTuple):
    """Where a model lies on the Hub.

    Attributes
    ----------
    repository : str
        ``USER/NAME``.
    folder : str
        Inside it, with a slash at its end; empty at the top.
    revision : str or None
        None is the newest.
    """

    repository: str
    folder: str
    revision: str | None


def hub_place(text: str) -> HubPlace | None:
    """`expect_place` of what begins with ``hf:/``; None for what names nothing on the Hub."""
    return expect_place(text) if _IS_HUB.match(text) else None


def expect_place(text: str) -> HubPlace:
    """Read ``hf://USER/NAME[/FOLDER][@REVISION]``; UserError where it is no such name."""
    found = _PLACE.fullmatch(text)
    if found is None or ".." in text:
        raise UserError(f"{text}: expected hf://USER/NAME, hf://USER/NAME/FOLDER or hf://USER/NAME@REVISION")
    repository, folder, revision = found.groups()
    return HubPlace(repository, f"{folder.strip('/')}/" if folder else "", revision)


def whole_name(text: str) -> str:
    """Return a place's name with both of its slashes, of which a Path leaves one."""
    return _IS_HUB.sub("hf://", text, count=1)


def hub_library() -> Any:
    """Return ``huggingface_hub``; UserError where it is not installed."""
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise UserError("the Hub needs the extra 'hub': pip install 'unmask[hub]'") from error


@lru_cache(maxsize=32)
def fetch_model(place: HubPlace) -> Path:
    """Return the folder on this machine that has a model's weights and card; what was fetched before is kept.

    Raises
    ------
    UserError
        When the Hub cannot be reached and nothing was kept, or has no such model there, or refuses.
    """
    fetch = hub_library().hf_hub_download
    name = f"hf://{place.repository}" + (f"@{place.revision}" if place.revision else "")
    try:
        card = Path(fetch(place.repository, place.folder + CARD_NAME, revision=place.revision))
        # Both of one commit, whose sha the library's folder is named by: somebody may push in between.
        commit = card.parents[place.folder.count("/")].name
        fetch(place.repository, place.folder + WEIGHTS_NAME, revision=commit)
    except Exception as error:
        raise UserError(f"{name}: {hub_words(error)}") from error
    return card.parent


def hub_words(error: Exception) -> str:
    """What went wrong on the way to or from the Hub, in a line; any other exception is raised again."""
    kinds = {cls.__name__ for cls in type(error).__mro__}  # by name: the library may be of any version
    words = {
        "GatedRepoError": "its owner has to let you in first",
        "RepositoryNotFoundError": "no such repository, or a private one and no HF_TOKEN",
        "RevisionNotFoundError": "no such revision",
        "LocalEntryNotFoundError": "the Hub cannot be reached, and nothing was kept from an earlier time",
        "EntryNotFoundError": f"has no {WEIGHTS_NAME} with a {CARD_NAME} there, so no model of this toolkit",
    }
    for kind, text in words.items():
        if kind in kinds:
            return text
    if kinds & {"HfHubHTTPError", "HTTPError", "HTTPStatusError", "TransportError", "RequestException"}:
        status = getattr(getattr(error, "response", None), "status_code", None)
        return f"the Hub refused (HTTP {status})" if status else "the Hub cannot be reached"
    if isinstance(error, OSError | ValueError):
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    raise error
