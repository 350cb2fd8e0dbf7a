"""Results of sweeps as tables: ours beside the paper's row, with what differs in the set-up."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dfm_viz.backbones import get_backbone
from training import published
from training.evaluation.text import TITLES
from training.sweep.methods import NAME as METHODS
from training.sweep.plans import Kind
from training.sweep.results import Results
from training.sweep.trials import RULE, choose
from training.tables.bars import at, bars, lines
from training.tables.baselines import of_results
from training.tables.elsewhere import SPLITS, same_names
from training.tables.layout import Table
from training.tables.spread import NOTHING, difference, spread

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
"""The shipped families."""
COLUMNS: tuple[str, ...] = (
    "row",
    "mode",
    "seeds",
    "Top-1 Clas",
    "Top-1 Loc at .2",
    "GT-known at .2",
    "Top-1 Loc at best",
    "GT-known at best (threshold)",
    "MaxBoxAccV2",
)
AT_THRESHOLD = (*COLUMNS[:4], "Top-1 Loc", "GT-known")
"""Of a sweep over box thresholds, where a row is a threshold."""
PAPER = ("paper Top-1 Clas", "paper Top-1 Loc")
CHOSEN = ("chosen for",)


def sweep_table(results: Results, checkpoints: Path = CHECKPOINTS) -> Table:
    """The table of one results file; the cards in `checkpoints` are what it is compared with."""
    paper = _paper(results)
    columns: tuple[str, ...] = AT_THRESHOLD if results.plan == "threshold" else COLUMNS
    width = len(columns)
    columns += PAPER if paper else ()
    taken = {}
    if results.plan == "trials":
        columns += CHOSEN
        taken = {row: checkpoint for checkpoint, row in choose(results).items()}
    rows = []
    for name, row in results.rows.items():
        modes = sorted({m for run in row["runs"] for m in run["modes"]}, key=_order)
        for mode in modes:
            cells = (
                row["title"] if mode == modes[0] else "",
                mode,
                *_cells(row["runs"], mode)[: width - 2],
            )
            if paper:
                cells += _beside(row["runs"], mode, paper(name) if mode == modes[0] else None)
            if results.plan == "trials":
                cells += (taken.get(name, "") if mode == modes[0] else "",)
            rows.append(cells)
        diverged = [run["seed"] for run in row["runs"] if "diverged" in run]
        if diverged:
            title = row["title"] if not modes else ""
            told = "diverged, seed " + ", ".join(map(str, diverged))
            rows.append((title, told, *[""] * (len(columns) - 2)))
    if results.plan != "threshold":
        rows += [(*cells, *[""] * (len(columns) - width)) for cells in _chance(results.chance)]
    return Table(
        title=f"{results.title}: {get_backbone(results.backbone).title}, {results.dataset}, "
        f"{_KINDS[Kind(results.kind)]}",
        kind=results.kind,
        lead=tuple(_conditions(results)),
        columns=columns,
        rows=tuple(rows),
        notes=tuple(_differences(results)) if paper else (),
        command=results.command,
        name=results.file_name.removesuffix(".json"),
        bars=bars(results, _MODES, paper),
        lines=lines(results),
        baselines="".join(of_results(results)),
        elsewhere=same_names(results, checkpoints),
    )


_KINDS = {Kind.RETRAINED: "retrained", Kind.INFERENCE: "inference-time"}
_MODES = ("off", "expected", "position", "channel")


def _order(mode: str) -> int:
    return _MODES.index(mode) if mode in _MODES else len(_MODES)


def _cells(runs: list[dict[str, Any]], mode: str) -> tuple[str, ...]:
    scores = [run["modes"][mode] for run in runs if mode in run["modes"]]

    def over(*path: str, factor: float = 1.0) -> str:
        return spread([value * factor for s in scores if (value := at(s, path)) is not None])

    known, threshold = over("oracle", "gt_known_loc"), over("oracle", "threshold", factor=100)
    return (
        str(len(scores)),
        over("top1_clas"),
        over("fixed", "top1_loc"),
        over("fixed", "gt_known_loc"),
        over("oracle", "top1_loc"),
        known if known == NOTHING else f"{known} (at {threshold} %)",
        over("oracle", "maxboxacc_v2"),
    )


def _beside(
    runs: list[dict[str, Any]], mode: str, paper: published.Scores | None
) -> tuple[str, str]:
    if paper is None:
        return ("", "")
    scores = [run["modes"][mode] for run in runs]
    return (
        difference([s["top1_clas"] for s in scores], paper.cub_clas),
        difference([at(s, ("fixed", "top1_loc")) for s in scores], paper.cub_loc),
    )


def _paper(results: Results) -> Callable[[str], published.Scores | None] | None:
    """What finds the paper's row by our row's name, where the paper has the table."""
    if results.kind != Kind.RETRAINED:
        return None
    if results.plan == "table1":
        return lambda name: published.TABLE1.get(name)
    if results.plan in ("table3", METHODS):
        return lambda name: published.TABLE3.get((results.backbone, name))
    if results.plan == "table2":
        grid = {
            f"delta-{d}-gamma-{g}": published.Scores(None, None, None, value)
            for d, row in zip(published.TABLE2_DELTA, published.TABLE2, strict=True)
            for g, value in zip(published.TABLE2_GAMMA, row, strict=True)
        }
        return grid.get
    return None


def _conditions(results: Results) -> Iterator[str]:
    counts = sorted(
        {
            score["n"]
            for row in results.rows.values()
            for run in row["runs"]
            for score in run["modes"].values()
        }
    )
    if results.kind == Kind.RETRAINED:
        optim = results.base["recipe"]["optim"]
        if results.plan == "trials":
            every = results.base["recipe"]["data"]["hold_out_every"]
            yield (
                f"Trained without one training picture in {every} of each class and scored on "
                f"those; {optim['epochs']} epochs unless a row says otherwise. {RULE}"
            )
        elif results.plan == METHODS:
            yield (
                f"Every row is a recipe of the family: CAM's, {optim['epochs']} epochs, with what "
                f"the method needs of its own. A checkpoint that ships is its row's seed 0."
            )
        else:
            yield f"Every row and seed trained for {optim['epochs']} epochs with one recipe."
    else:
        yield (
            f"The weights are those of {results.base['checkpoint']}; only the module's settings "
            f"vary, nothing is trained."
        )
    yield (
        f"n = {' or '.join(map(str, counts))} {SPLITS[results.split]} pictures; percent; "
        f"mean ± standard deviation over seeds; `off` is the network as published numbers are "
        f"taken."
    )


def _chance(chance: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The rows of boxes that ignore the picture, padded to the columns before the paper's."""
    for key, title in TITLES.items():
        found = chance.get(key)
        if isinstance(found, dict) and "gt_known_loc" in found:
            yield (title, "chance", "", "", "", "", "", f"{found['gt_known_loc']:.1f}", "")


def _differences(results: Results) -> Iterator[str]:
    recipe = results.base["recipe"]
    model, data, optim = recipe["model"], recipe["data"], recipe["optim"]
    if results.plan in ("table1", "table2") and results.backbone != "resnet50":
        yield f"The paper's rows are ResNet50's, ours {get_backbone(results.backbone).title}'s."
    if data["family"] != "cub200":
        yield (
            f"The paper's rows are CUB-200-2011 (200 classes, 5,794 test pictures), ours "
            f"{results.dataset} ({data['knows'] or 'see its cards'}): the differences in brackets "
            f"replicate nothing."
        )
    start = {"file": "ImageNet weights", "imagenet": "ImageNet weights", "none": "random weights"}
    frozen = model["freeze_through"]
    yield (
        f"Ours start from {start[model['init']]}"
        + (f", frozen through {frozen}" if frozen else "")
        + f", {optim['epochs']} epochs at batch {optim['batch']}; the paper does not print its "
        "epochs, rates or threshold policy."
    )
