"""One table as data, so that Markdown and the app's page show the same cells."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table with its conditions.

    Attributes:
        title: heading.
        kind: `retrained`, `inference` or `checkpoints`; never mixed in one table.
        lead: the conditions under which every row was measured, one sentence each.
        columns: headings.
        rows: cells as text; as many as there are columns.
        notes: what a reader must know, one sentence each.
        command: what fills the table again, or "".
        name: short name, for links.
        bars: the numbers behind the rows, as `bars.bars` gives them, or none.
        lines: values to compare them with, as `bars.lines` gives them.
        baselines: which rows clear a box that never looks, said of these pictures, or "".
        elsewhere: cards with a row's name and another number, as `elsewhere.same_names` tells.
    """

    title: str
    kind: str
    lead: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    command: str = ""
    name: str = ""
    bars: tuple[dict[str, Any], ...] = ()
    lines: tuple[dict[str, Any], ...] = ()
    baselines: str = ""
    elsewhere: tuple[dict[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Every row has every column."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(row)} cells in {row}, not {self.columns}")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def to_markdown(self, level: int = 2) -> str:
        """Heading, conditions, the table, notes, command."""
        parts = [f"{'#' * level} {self.title}", " ".join(self.lead), grid(self.columns, self.rows)]
        told = [*self.notes, *([self.baselines] if self.baselines else [])]
        told += [found["text"] for found in self.elsewhere]
        parts += ["\n".join(f"- {note}" for note in told)] if told else []
        parts += [f"    {self.command}"] if self.command else []
        return "\n\n".join(part for part in parts if part) + "\n"


def grid(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    """A Markdown table; numbers stand right."""
    rule = ["---" if number == 0 else "---:" for number in range(len(columns))]
    lines = [columns, tuple(rule), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
