"""manifest.json of a bundle: what must be the same for a replay to give the same bits."""

import functools
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

import dfm_viz
from dfm_viz.checkpoint.card import versions
from dfm_viz.inspection import Family, Inspection, Opened
from dfm_viz.provenance import commit
from dfm_viz.types import UserError

KIND = "dfm_viz bundle"
SCHEMA_VERSION = 1
MAX_NAME = 255
PICTURE, MAPS, RESULT = "picture.png", "maps.npz", "result.json"


def is_family_name(name: object) -> bool:
    """Whether this can be the name of a family in a bundle, written or read.

    It is that of one folder, in whatever language, and leads nowhere else on any system: bundles
    come from anybody.
    """
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_NAME
        and name.isprintable()
        and not set(name) & set("/\\:")
        and bool(name.strip(". "))
    )


def check_family_name(name: str) -> None:
    """UserError for a family that no bundle can name, before anything is computed."""
    if not is_family_name(name):
        raise UserError(
            f"A bundle cannot name the family {name!r}; rename its folder, to a name of at most "
            f"{MAX_NAME} letters without / \\ : and control characters."
        )


code_commit = functools.cache(commit)
"""Of the running code: a server is not asked twice, whatever happens to its files."""


@functools.cache
def _processor() -> str:
    """The processor as it calls itself: libraries choose their code by it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except (OSError, ValueError):
        pass
    return platform.processor() or platform.machine()


def software() -> dict[str, str]:
    """Name -> version of what computes the maps; the commit is empty where it is unknown."""
    own = {"dfm_viz": dfm_viz.__version__, "commit": code_commit()}
    return {**own, **versions(), "torch": torch.__version__}


def machine(device: torch.device) -> dict[str, str]:
    """What kind of machine computes; equal on machines of one class."""
    gpu = device.type == "cuda"
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if gpu else device.type,
    }


def make_manifest(
    family: Family,
    opened: Opened,
    inspection: Inspection,
    truths: Sequence[Sequence[float]],
    files: Mapping[str, bytes],
    *,
    title: str,
    source: str | None = None,
) -> dict[str, Any]:
    """Everything a replay needs to know.

    Args:
        family: that answered.
        opened: the picture.
        inspection: the answer.
        truths: true boxes as they were given.
        files: every other file of the bundle, by name.
        title: of the picture.
        source: where the family came from (hf:...), or None: its name says it.

    Returns:
        Plain JSON values.
    """
    own, picture = family.checkpoints, opened.picture
    rows, columns = picture.rgb.shape[:2]
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "picture": {
            "title": title,
            "file": PICTURE,
            "width": picture.width,
            "height": picture.height,
            "stored_width": columns,
            "stored_height": rows,
            "digest": picture.digest,
        },
        "family": {
            "name": inspection.family,
            "source": source or inspection.family,
            "checkpoints": {
                name: {
                    "folder": own.folders[name].name,
                    "method": card.method,
                    "sha256": card.sha256,
                    "licence": card.licence,
                    "licences": list(card.licences),
                }
                for name, card in own.cards.items()
            },
        },
        "settings": inspection.settings.to_json(),
        "truths": [list(box) for box in truths],
        "software": software(),
        "machine": machine(own.device),
        "threads": torch.get_num_threads(),
        "files": {
            name: {"bytes": len(data), "sha256": sha256(data).hexdigest()}
            for name, data in sorted(files.items())
        },
    }
