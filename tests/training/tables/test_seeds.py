"""Mean and spread over seeds on the cards of what ships."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from dfm_viz.checkpoint import read_card, write_card
from dfm_viz.types import UserError
from training.sweep.plans import Row
from training.sweep.results import FOLDER, Results, save_results
from training.tables.seeds import over_seeds, spread_on_cards

ROOT = Path(__file__).parents[3]


def run(seed, top1, known, **further):
    oracle = {"threshold": 0.4, "gt_known_loc": known}
    modes = {"off": {"n": 9, "top1_clas": top1, "oracle": oracle}}
    return {"seed": seed, "modes": modes, "sha256": str(seed), **further}


def test_the_sentence_by_hand():
    first = run(0, 70.0, 50.0)
    first["modes"]["expected"] = {**first["modes"]["off"], "top1_clas": 60.0}
    lost = {"seed": 2, "modes": {}, "diverged": "loss"}
    assert over_seeds([first, run(1, 74.0, 54.0), lost], 0) == (
        "Over seeds 0, 1, 2 (this file is seed 0's), mean ± standard deviation in percent; "
        "module off: Top-1 Clas 72.0 ± 2.8, GT-known at .2 –, GT-known at best 52.0 ± 2.8; "
        "mode expected: Top-1 Clas 60.0, GT-known at .2 –, GT-known at best 50.0. "
        "Diverged: seed 2."
    )


@pytest.fixture
def folder(families_root, tmp_path):
    """CAM of the tiny family as seed 0 of a family that a results file names."""
    path = tmp_path / "checkpoints" / "mobilenetv1_tiny" / "cam"
    shutil.copytree(families_root / "tiny" / "cam", path)
    write_card(path, dataclasses.replace(read_card(path), recipe={"seed": 0}, notes=("Keep me.",)))
    return path


def measured(folder, runs):
    found = Results("methods", "Title", "retrained", "mobilenetv1", "tiny", {}, "")
    for one in runs:
        found = found.with_run(Row("cam", "CAM", ()), one, {})
    save_results(found, folder)


def test_only_several_seeds_of_the_shipped_weights_reach_the_card(folder, tmp_path):
    mine = run(0, 70.0, 50.0) | {"sha256": read_card(folder).sha256}
    measured(tmp_path, [mine])
    assert spread_on_cards(tmp_path / "checkpoints", tmp_path) == []
    measured(tmp_path, [mine, run(1, 74.0, 54.0)])
    assert spread_on_cards(tmp_path / "checkpoints", tmp_path) == [folder]
    kept, told = read_card(folder).notes
    assert (kept, "Top-1 Clas 72.0 ± 2.8" in told) == ("Keep me.", True)
    assert spread_on_cards(tmp_path / "checkpoints", tmp_path) == []  # nothing is added twice
    measured(tmp_path, [mine, run(1, 80.0, 54.0)])
    spread_on_cards(tmp_path / "checkpoints", tmp_path)
    assert len(read_card(folder).notes) == 2
    assert "Top-1 Clas 75.0 ± 7.1" in read_card(folder).notes[1]
    measured(tmp_path, [run(0, 70.0, 50.0), run(1, 74.0, 54.0)])
    with pytest.raises(UserError, match="has no run of the weights"):
        spread_on_cards(tmp_path / "checkpoints", tmp_path)


def test_the_shipped_cards_say_the_spread_that_the_files_hold(tmp_path):
    """If this fails, run `python -m training table`."""
    shutil.copytree(ROOT / "checkpoints", tmp_path / "checkpoints", symlinks=True)
    assert spread_on_cards(tmp_path / "checkpoints", FOLDER) == []
