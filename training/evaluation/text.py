"""An evaluation as a person reads it: aligned tables with both threshold policies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEAD: tuple[str, ...] = (
    *("method", "mode", "Top-1 Clas", "Top-1 Loc", "GT-known", "threshold"),
    *("Top-1 Loc", "GT-known", "V2", "V2 thresholds"),
)
TITLES = {
    "whole_image": "whole image",
    "centred_square": "best centred square",
    "centre_gaussian": "centre Gaussian",
}


def tables(result: dict[str, Any], name: str) -> str:
    """The result of a checkpoint or a family as plain text."""
    methods = result.get("methods") or {Path(name).name: result}
    first = next(iter(methods.values()))
    lines = [
        f"n = {first['n']} pictures, split {first['split']}; percent, below each number its 95 % "
        f"bootstrap interval",
        "",
    ]
    rows: list[tuple[str, ...]] = [HEAD]
    for method, scores in methods.items():
        for mode, fields in {"off": scores, **scores["modes"]}.items():
            rows += _rows(method, mode, fields)
    rows += _chance(first["chance"])
    middle = "at the fixed .2" + " " * 9 + "at the best threshold of this split"
    lines += _align(rows, middle)
    kinds = list(first["errors"])
    counts = [("method", "mode", *kinds, "peak outside", "energy in box")]
    for method, scores in methods.items():
        for mode, fields in {"off": scores, **scores["modes"]}.items():
            told = [str(fields["errors"][kind]) for kind in kinds]
            counts.append(
                (
                    method,
                    mode,
                    *told,
                    str(fields["misdirected"]),
                    f"{fields['energy_in_box']:.1f} %",
                )
            )
    lines += ["", "Pictures by kind of error (own class, at .2); peak of the map outside the box"]
    lines += _align(counts)
    if result.get("paired"):
        lines += ["", "Pictures that only one of two methods gets right; exact McNemar p"]
        lines += _align(_duels(result["paired"]))
    for left_out in ("unknown_classes", "without_box"):
        if count := first[f"skipped_{left_out}"]:
            lines += [f"{count} pictures left out: {left_out.replace('_', ' ')}"]
    return "\n".join(lines)


def _rows(method: str, mode: str, fields: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    fixed, oracle, sure = fields["fixed"], fields["oracle"], fields["intervals"]
    numbers = (
        fields["top1_clas"],
        fixed["top1_loc"],
        fixed["gt_known_loc"],
        oracle["top1_loc"],
        oracle["gt_known_loc"],
        oracle["maxboxacc_v2"],
    )
    spans = (
        sure["top1_clas"],
        sure["fixed"]["top1_loc"],
        sure["fixed"]["gt_known_loc"],
        sure["oracle"]["top1_loc"],
        sure["oracle"]["gt_known_loc"],
        sure["oracle"]["maxboxacc_v2"],
    )
    shown, ranges = [f"{v:.1f}" for v in numbers], [f"{a:.1f}-{b:.1f}" for a, b in spans]
    best = " ".join(f"{t:.3f}" for t in oracle["thresholds_v2"])
    yield (method, mode, *shown[:3], f"{oracle['threshold']:.3f}", *shown[3:], best)
    low, high = sure["oracle"]["threshold"]
    yield ("", "", *ranges[:3], f"{low:.3f}-{high:.3f}", *ranges[3:], "")


def _chance(rows: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, row in rows.items():
        fixed = row.get("fixed")
        told = [f"{fixed[k]:.1f}" for k in ("top1_loc", "gt_known_loc")] if fixed else ["", ""]
        chosen = f"{row['threshold']:.3f}" if fixed else ""
        best = " ".join(f"{t:.3f}" for t in row["thresholds_v2"]) if fixed else ""
        if "side" in row:
            chosen = f"{row['side']} px"
            best = " ".join(f"{side} px" for side in row["sides_v2"])
        numbers = [f"{row[k]:.1f}" for k in ("top1_loc", "gt_known_loc", "maxboxacc_v2")]
        yield (TITLES[key], "chance", "", *told, chosen, *numbers, best)


def _duels(paired: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    yield ("pair", "Top-1 Clas", "Top-1 Loc at .2", "GT-known at .2", "Top-1 Loc best", "GT best")
    for pair, found in paired.items():
        duels = [found["top1_clas"]]
        for policy in ("fixed", "oracle"):
            duels += [found[policy][metric] for metric in ("top1_loc", "gt_known_loc")]
        told = []
        for duel in duels:
            a, b = (len(names) for names in duel["wins"].values())
            told.append(f"{a} : {b}  p {duel['mcnemar_p']:.2g}")
        yield (pair, *told)


def _align(rows: Any, over: str = "") -> list[str]:
    table = [tuple(row) for row in rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) for r in table]
    if over:
        indent = sum(widths[:3]) + 6
        lines.insert(0, " " * indent + over)
    return [line.rstrip() for line in lines]
