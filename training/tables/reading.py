"""The written conclusions, cut into questions and answers for the app's page."""

import re
from typing import Any

_SHORT = 60
"""An answer's first sentences up to at least so many characters are its short form."""


def parse_reading(text: str) -> dict[str, Any]:
    """The conclusions as plain values.

    Args:
        text: Markdown: a heading, paragraphs, and a list of points that begin with a bold phrase.

    Returns:
        {title, lead, points: [{claim, short, more}]}, each Markdown without line breaks. What is
        neither heading nor list is lead; a point without a bold phrase has an empty claim.
    """
    title, lead, points = "", [], []
    for block in re.split(r"\n\s*\n|\n(?=[-*] )", text.strip()):
        line = " ".join(block.split())
        if line.startswith("#") and not title:
            title = line.lstrip("# ")
        elif re.match(r"[-*] ", line):
            points.append(_point(line[2:].strip()))
        elif line:
            lead.append(line.lstrip("# "))
    return {"title": title, "lead": " ".join(lead), "points": points}


def _point(line: str) -> dict[str, str]:
    bold = re.match(r"\*\*(.+?)\*\*\s*", line)
    claim, answer = (bold[1], line[bold.end() :]) if bold else ("", line)
    sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z`*])", answer)
    short = sentences.pop(0)
    while sentences and len(short) < _SHORT:
        short += " " + sentences.pop(0)
    return {"claim": claim, "short": short, "more": " ".join(sentences)}
