"""Evaluate checkpoints on one split: records first, every number from the records.

The input is made by `dfm_viz.pictures`, the map by the network, the box by `dfm_viz.localization`:
the same code and the same shipped file as in the app.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dfm_viz.backbones import Localizer
from dfm_viz.checkpoint import CARD, Card, checkpoint_folders, load_checkpoint
from dfm_viz.records import About
from dfm_viz.types import Mode, UserError
from training.data import DataSet, Item, fingerprint, open_dataset
from training.evaluation.chance import chance
from training.evaluation.judge import Case
from training.evaluation.metrics import INTERVALS, Tally, scores, tally
from training.evaluation.network import modes_of
from training.evaluation.paired import against_chance, compare_family
from training.evaluation.processes import Processes, find_processes
from training.evaluation.recorder import BLOCK, Options, record
from training.evaluation.storage import Store

T = TypeVar("T")
PROTOCOL_VERSION = 1
"""Of the conventions below; records of another version are not taken up."""
PROTOCOL = (
    "picture resized straight to the input, no crop; raw CAM of the class; bicubic to 224 x 224, "
    "min-max, 256 grey levels, strictly above int(threshold * max), largest contour; IoU with "
    "inclusive pixels against the best of the true boxes, >= 0.5; 1000 thresholds; oracle = the "
    "best common threshold for GT-known on this very split, Top-1 Loc read at it; MaxBoxAccV2 = "
    "all contours, mean over IoU 0.3, 0.5, 0.7, each at its own best common threshold"
)


def evaluate(
    model: Localizer, card: Card, data: DataSet, split: str, **options: Any
) -> dict[str, Any]:
    """Evaluation JSON of one checkpoint (design, "Contracts").

    Classes are matched by name: the data may lack some of the checkpoint's classes. Pictures of
    classes that the checkpoint does not know, or without a true box, are left out and counted.
    In a process group (torch.distributed) every process must call this; each takes its share of
    the pictures, all get the result.

    Args:
        model: the network, in evaluation mode.
        card: its card.
        data: the data set.
        split: train, val or test.
        options: fields of `Options`.

    Raises:
        UserError: no class in common, an empty split, missing or unreadable pictures, records of
            something else.
    """
    how = Options(**options)
    return _evaluate(model, card, data, split, how, find_processes(), card.method)[0]


def evaluate_path(
    name: str, data_root: Path, split: str, *, data_name: str | None = None, **options: Any
) -> dict[str, Any]:
    """Evaluate a checkpoint, or every checkpoint of a family, from its shipped file.

    Under `torchrun` the processes share the pictures. `options` are fields of `Options`.
    `data_name` is a key in `DATASETS`; None: the data set that each checkpoint was trained on.

    Returns:
        For a checkpoint what `evaluate` returns; for a family {methods: {method: the same},
        paired: see `paired.compare_family`}.

    Raises:
        UserError: as `evaluate`; no such checkpoint, or one that names no data set.
    """
    how, processes = Options(**options), find_processes(start=True)
    results: dict[str, Any] = {}
    tallies: dict[str, Tally] = {}
    for method, folder in find_checkpoints(name).items():
        model, card = load_checkpoint(folder)
        read_as = data_name or str(card.recipe.get("data", {}).get("name", ""))
        if not read_as:
            raise UserError(
                f"{card.name} was not trained on a data set known here, so nothing says how to "
                f"read {data_root}; say it with --data, as --data folder for your own pictures."
            )
        data = open_dataset(read_as, data_root)
        name_there = method or folder.resolve().name
        results[method], found = _evaluate(model, card, data, split, how, processes, name_there)
        for mode in (Mode.OFF, Mode.EXPECTED):
            if mode in found:
                tallies[method if mode is Mode.OFF else f"{method} ({mode})"] = found[mode]
    if "" in results:
        return results[""]
    return {"methods": results, "paired": processes.share(compare_family(tallies))}


def find_checkpoints(name: str, root: Path = Path("checkpoints")) -> dict[str, Path]:
    """Method -> folder, for a checkpoint (one entry, keyed "") or a family, by path or name."""
    for folder in (Path(name), root / name):
        if (folder / CARD).is_file():
            return {"": folder}
        found = checkpoint_folders(folder) if folder.is_dir() else []
        if found:
            return {path.name: path for path in found}
    raise UserError(
        f"There is no checkpoint or family {name!r}; give a folder with card.json, or one that "
        f"holds such folders."
    )


def _evaluate(
    model: Localizer,
    card: Card,
    data: DataSet,
    split: str,
    options: Options,
    processes: Processes,
    name: str,
) -> tuple[dict[str, Any], dict[Mode, Tally]]:
    """The result, in every process, and the modes' tallies in the first; `name`: of the records."""
    items, skipped = _choose(card, data, split)
    modes = modes_of(model, options.modes)
    about = About(
        checkpoint=card.sha256,
        name=card.name,
        method=card.method,
        dataset=card.dataset,
        data=fingerprint(data.root, items),
        split=split,
        pictures=len(items),
        modes=tuple(map(str, modes)),
        protocol=PROTOCOL_VERSION,
        maps=options.maps,
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.records or Path(scratch)
        store = _by_first(processes, lambda: Store(folder, about, name))
        cases = _cases(card, data, items)
        record(model.to(options.device), card, cases, options, modes, store, processes)

        def summarise() -> tuple[dict[str, Any], dict[Mode, Tally]]:
            assert store is not None
            path = store.finish(-(-len(cases) // BLOCK))
            found = {mode: tally(path, str(mode)) for mode in modes}
            told = {str(mode): _fields(found[mode]) for mode in modes}
            result = {**told.pop(str(Mode.OFF)), "modes": told, "split": split, **skipped}
            if data.splits:
                result["splits"] = data.splits
            return result | {"interval_method": INTERVALS}, found

        made = _by_first(processes, summarise)
    result, tallies = made or ({}, {})
    return processes.share(result), tallies


def _fields(found: Tally) -> dict[str, Any]:
    """The fields of one mode."""
    return {
        **scores(found),
        "chance": chance(found.truths, found.correct),
        "against_chance": against_chance(found),
        "protocol": PROTOCOL,
        "protocol_version": PROTOCOL_VERSION,
    }


def _choose(card: Card, data: DataSet, split: str) -> tuple[list[Item], dict[str, int]]:
    """The pictures that can be evaluated, and how many were left out and why."""
    every = int(card.recipe.get("data", {}).get("hold_out_every", 0))
    items = data.split(split, every)
    known = [item for item in items if data.classes[item.label] in card.classes]
    if not known:
        raise UserError(
            f"{card.name} knows none of the classes of {data.root.name} ({data.classes[0]}, ...); "
            f"give the data set it was trained on ({card.dataset})."
        )
    boxed = [item for item in known if item.boxes]
    if not boxed:
        raise UserError(f"No picture of {data.root.name}'s {split} split has a true box; add them.")
    return boxed, {
        "skipped_unknown_classes": len(items) - len(known),
        "skipped_without_box": len(known) - len(boxed),
    }


def _cases(card: Card, data: DataSet, items: Sequence[Item]) -> list[Case]:
    index = {name: i for i, name in enumerate(card.classes)}
    return [
        Case(
            n,
            item.path,
            item.path.relative_to(data.root).as_posix(),
            index[data.classes[item.label]],
            item.boxes,
        )
        for n, item in enumerate(items)
    ]


def _by_first(processes: Processes, make: Callable[[], T]) -> T | None:
    """What `make` gives in the first process, None in the others; its error in all of them."""
    made, error = None, None
    if processes.first:
        try:
            made = make()
        except UserError as found:
            error = found
    processes.agree(error)
    return made
