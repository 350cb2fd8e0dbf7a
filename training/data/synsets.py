"""ImageNet's classes: WordNet ids and readable names."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from dfm_viz.layouts import read_lines

ID = re.compile(r"n\d{8}")
CRANES = {"n02012849": "bird", "n03126707": "machine"}


def is_id(text: str) -> bool:
    """Whether the text is a WordNet id such as n01440764."""
    return ID.fullmatch(text) is not None


def descriptions(path: Path) -> dict[str, str]:
    """WordNet id -> text, from lines such as `n01440764 tench, Tinca tinca`; empty without file."""
    if not path.is_file():
        return {}
    return {words[0]: " ".join(words[1:]) for words in read_lines(path)}


def short_names(described: Mapping[str, str]) -> dict[str, str]:
    """WordNet id -> a readable name of its own, out of WordNet's "tench, Tinca tinca".

    The first word; where several share it the whole text; where that is shared too the id is added
    (but for ImageNet's two cranes, the bird and the machine).
    """
    first = {wnid: text.split(",")[0].strip() or wnid for wnid, text in described.items()}
    often = Counter(first.values())
    names = {
        wnid: described[wnid] if often[name] > 1 and "," in described[wnid] else name
        for wnid, name in first.items()
    }
    same = Counter(names.values())
    return {
        wnid: f"{name} ({CRANES.get(wnid, wnid)})" if same[name] > 1 else name
        for wnid, name in names.items()
    }
