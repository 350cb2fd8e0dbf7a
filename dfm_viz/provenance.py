"""Where code comes from: the git commit it was run at."""

import subprocess
from pathlib import Path

PACKAGES = ("dfm_viz", "training")


def commit(root: Path = Path(__file__).parents[1]) -> str:
    """The git commit of the code in `root`, `-dirty` behind it if files of the packages differ.

    Empty where that cannot be known: no git, or installed inside somebody else's repository.
    """
    try:
        top, head = _git(root, "rev-parse", "--show-toplevel", "HEAD").split()
        if Path(top) != root.resolve():
            return ""
        changed = _git(root, "status", "--porcelain", "--", *PACKAGES)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return f"{head}-dirty" if changed else head


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()
