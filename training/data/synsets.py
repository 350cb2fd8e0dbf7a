"""ImageNet's classes: WordNet ids, and the files that describe them."""

import re
from pathlib import Path

from dfm_viz.layouts import read_lines

ID = re.compile(r"n\d{8}")


def is_id(text: str) -> bool:
    """Whether the text is a WordNet id such as n01440764."""
    return ID.fullmatch(text) is not None


def descriptions(path: Path) -> dict[str, str]:
    """WordNet id -> text, from lines such as `n01440764 tench, Tinca tinca`; empty without file."""
    if not path.is_file():
        return {}
    return {words[0]: " ".join(words[1:]) for words in read_lines(path)}
