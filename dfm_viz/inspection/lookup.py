"""Where families are found, and the device their networks run on."""

import logging
import os
from pathlib import Path

import torch

from dfm_viz.checkpoint import checkpoint_folders
from dfm_viz.checkpoint.hub import PREFIX, fetch
from dfm_viz.inspection.family import Checkpoints, FamilyInfo
from dfm_viz.types import UserError

_LOG = logging.getLogger(__name__)


def default_root() -> Path:
    """The folder of families: DFM_VIZ_FAMILIES, or `checkpoints` beside the package."""
    configured = os.environ.get("DFM_VIZ_FAMILIES")
    return Path(configured) if configured else Path(__file__).parents[2] / "checkpoints"


def pick_device(wish: str = "auto") -> torch.device:
    """`auto` takes a GPU where one can be kept; on ZeroGPU, which lends it per call, the CPU."""
    if wish == "auto":
        kept = torch.cuda.is_available() and not os.environ.get("SPACES_ZERO_GPU")
        return torch.device("cuda" if kept else "cpu")
    if wish not in ("cpu", "cuda"):
        raise UserError(f"device must be auto, cpu or cuda, but got {wish!r}.")
    if wish == "cuda" and not torch.cuda.is_available():
        raise UserError("device is cuda, but PyTorch sees no GPU here; choose cpu or auto.")
    return torch.device(wish)


def list_families(root: str | Path | None = None) -> tuple[FamilyInfo, ...]:
    """The families in a folder, by name; one that cannot be read is logged and left out."""
    root = Path(root) if root else default_root()
    if not root.is_dir():
        raise UserError(f"There is no folder of families {root}; give one with --families.")
    found = []
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or not checkpoint_folders(folder):
            continue
        try:
            found.append(Checkpoints.read(folder, torch.device("cpu")).info())
        except UserError as error:
            _LOG.warning("family left out: %s", error)
    return tuple(found)


def find_family(name_or_path: str | Path, root: Path | None, device: str) -> Checkpoints:
    """Checkpoints of a family by name under `root`, by path or hf:... (not for visitors' input)."""
    root = root or default_root()
    if str(name_or_path).startswith(PREFIX):
        name_or_path = fetch(str(name_or_path))
    folder = root / name_or_path
    if not (isinstance(name_or_path, Path) or folder.is_dir()):
        folder = Path(name_or_path)
    if not folder.is_dir():
        known = ", ".join(info.name for info in list_families(root)) or "none"
        raise UserError(f"There is no family {str(name_or_path)!r}; there are: {known}.")
    return Checkpoints.read(folder, pick_device(device))
