"""Checkpoints from a Hugging Face repository, when the user asks, pinned to one commit."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfm_viz.checkpoint.card import CARD, read_card
from dfm_viz.checkpoint.convert import checkpoints_under, convert, upgraded
from dfm_viz.checkpoint.model_card import README
from dfm_viz.checkpoint.store import WEIGHTS, read_weights
from dfm_viz.files import new_folder
from dfm_viz.types import UserError

PREFIX = "hf:"
FORM = "hf:OWNER/NAME@COMMIT"
_NAME = r"[A-Za-z0-9][\w.-]*"


@dataclass(frozen=True)
class Reference:
    """One commit of one repository."""

    repository: str
    commit: str

    def __str__(self) -> str:
        """As the user writes it."""
        return f"{PREFIX}{self.repository}@{self.commit}"

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Read `hf:OWNER/NAME@COMMIT`; UserError unless the commit is a full one."""
        repository, _, commit = text.removeprefix(PREFIX).partition("@")
        if not text.startswith(PREFIX) or not re.fullmatch(f"{_NAME}/{_NAME}", repository):
            raise UserError(f"A Hugging Face repository is written {FORM}, but got {text!r}.")
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise UserError(
                f"{text!r} must end in @ and a full commit of 40 hexadecimal digits, because "
                f"branches and tags move; copy it from the repository's page, Files and versions, "
                f"History."
            )
        return cls(repository, commit)


def fetch(text: str, out: str | Path | None = None) -> Path:
    """Download a family, or one checkpoint as a family of one, and verify it.

    Only card.json, model.safetensors and README.md are asked for. What was
    fetched before is not fetched again.

    Args:
        text: `hf:OWNER/NAME@COMMIT`.
        out: new or empty folder; None for one in the user's cache.

    Returns:
        The family's folder.

    Raises:
        UserError: not of that form, no network, no such repository or commit, no access, no or
            damaged checkpoints in it, a folder that cannot be written.
    """
    reference = Reference.parse(text)
    folder = Path(out) if out is not None else cached(reference)
    if out is None and folder.is_dir():
        return folder
    with new_folder(folder) as fresh:
        _download(reference, fresh)
        shutil.rmtree(fresh / ".cache", ignore_errors=True)
        try:
            _settle(fresh)
        except UserError as error:
            raise UserError(f"{reference} cannot be used: {error}") from None
    return folder


def _settle(folder: Path) -> None:
    """Make a downloaded folder a family of the present schema, and verify its weights."""
    if (folder / CARD).is_file():  # one checkpoint: a family of one
        method = folder / upgraded(folder).method
        method.mkdir()
        for name in (CARD, WEIGHTS, README):
            if (folder / name).is_file():
                (folder / name).replace(method / name)
    if not checkpoints_under(folder):
        raise UserError(f"it has neither a {CARD} nor folders of methods such as cam/{CARD}.")
    for path in convert(folder):
        read_weights(path, read_card(path))


def cached(reference: Reference) -> Path:
    """The folder in the user's cache where a fetched family lies."""
    import platformdirs

    name = f"{reference.repository.replace('/', '--')}@{reference.commit}"
    return platformdirs.user_cache_path("dfm_viz") / "hub" / name


def _download(reference: Reference, folder: Path) -> None:
    """Fill a folder from the Hub; every way in which that fails is one sentence."""
    import huggingface_hub
    from huggingface_hub import errors

    wanted: dict[str, Any] = {
        "repo_id": reference.repository,
        "revision": reference.commit,
        "local_dir": folder,
        "allow_patterns": [p for file in (CARD, WEIGHTS, README) for p in (file, f"*/{file}")],
        "ignore_patterns": ["*/*/*", ".*"],
    }
    where = reference.repository
    try:
        huggingface_hub.snapshot_download(**wanted)
    except errors.GatedRepoError:
        raise UserError(
            f"{where} is gated: ask for access on its page and run `hf auth login`."
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"There is no public repository {where} on the Hub; check its name, or run "
            f"`hf auth login` if it is private."
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{where} has no commit {reference.commit}; copy one from its page, Files and "
            f"versions, History."
        ) from None
    except errors.LocalEntryNotFoundError:
        raise UserError(
            f"The Hugging Face Hub cannot be reached to fetch {reference}; connect to the network "
            f"and try again, or give the path of a folder."
        ) from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise UserError(
            f"The Hugging Face Hub answered {status} for {reference}; try again later."
        ) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the network: `new_folder` says which
        raise UserError(
            f"{reference} could not be fetched ({type(error).__name__}); check the network and "
            f"try again."
        ) from None
