"""The numbers behind a table, for a plot: means, intervals, seeds, and the paper's."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from training.evaluation.text import TITLES
from training.published import Scores
from training.sweep.results import Results

METRICS: Mapping[str, tuple[str, ...]] = {
    "Top-1 Clas": ("top1_clas",),
    "Top-1 Loc at .2": ("fixed", "top1_loc"),
    "GT-known at .2": ("fixed", "gt_known_loc"),
    "Top-1 Loc at best": ("oracle", "top1_loc"),
    "GT-known at best": ("oracle", "gt_known_loc"),
}
"""What can be plotted, and where it stands in an evaluation."""
_SINGLE = {"Top-1 Loc at .2": "Top-1 Loc", "GT-known at .2": "GT-known"}
"""Names where a row is a threshold of its own."""

Paper = Callable[[str], Scores | None]


def bars(results: Results, modes: Sequence[str], paper: Paper | None) -> tuple[dict[str, Any], ...]:
    """One entry per row and mode that was measured, in the order of the table.

    Args:
        results: of one sweep.
        modes: all test-time modes, in order.
        paper: what finds the paper's row, or None.

    Returns:
        {row, mode, values: {metric: {mean, low, high, seeds, paper?}}}, percent. `low` and `high`
        are the limits of the 95 % bootstrap intervals over the pictures, averaged over the seeds;
        null where no interval was kept. `seeds` are the values themselves. A row without any has
        no mode, no values and a `note` that says why.
    """
    found: list[dict[str, Any]] = []
    for name, row in results.rows.items():
        known, before = paper(name) if paper else None, len(found)
        for mode in modes:
            if values := dict(_values(results, row["runs"], mode, known)):
                found.append({"row": row["title"], "mode": mode, "values": values})
        if len(found) == before:
            note = "diverged" if any("diverged" in run for run in row["runs"]) else "not measured"
            found.append({"row": row["title"], "mode": "", "values": {}, "note": note})
    return tuple(found)


def lines(results: Results) -> tuple[dict[str, Any], ...]:
    """What boxes reach that ignore the picture: {title, value}, GT-known in percent."""
    return tuple(
        {"title": title, "value": round(results.chance[key]["gt_known_loc"], 4)}
        for key, title in TITLES.items()
        if key != "centre_gaussian" and "gt_known_loc" in results.chance.get(key, {})
    )


def _values(
    results: Results, runs: Sequence[dict[str, Any]], mode: str, paper: Scores | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    scores = [run["modes"][mode] for run in runs if mode in run["modes"]]
    single = results.plan == "threshold"
    # The paper has one mode (the module off) and prints one threshold.
    known = {"Top-1 Clas": paper.cub_clas, "Top-1 Loc at .2": paper.cub_loc} if paper else {}
    for metric, path in METRICS.items():
        seeds = [value for s in scores if (value := at(s, path)) is not None]
        if not seeds or (single and path[0] == "oracle"):
            continue
        spans = [span for s in scores if (span := at(s.get("intervals"), path)) is not None]
        low, high = (
            [round(statistics.fmean(span[end] for span in spans), 4) for end in (0, 1)]
            if len(spans) == len(seeds)
            else (None, None)
        )
        mean, own = round(statistics.fmean(seeds), 4), [round(value, 4) for value in seeds]
        told = {"mean": mean, "low": low, "high": high, "seeds": own}
        if mode == "off" and known.get(metric) is not None:
            told["paper"] = known[metric]
        yield _SINGLE.get(metric, metric) if single else metric, told


def at(tree: Any, path: Sequence[str]) -> Any:
    """A value in nested tables, or None: a plain classifier has no boxes."""
    found = tree
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
