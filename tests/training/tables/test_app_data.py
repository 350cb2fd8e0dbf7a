"""What the app's Results page and checkpoints/README.md are made of."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from dfm_viz.checkpoint.card import CARD, read_card
from training.published import Scores
from training.recipe import load_recipe
from training.sweep.plans import Row
from training.sweep.results import Results
from training.tables.bars import bars, lines
from training.tables.document import app_data
from training.tables.families import families_document
from training.tables.reading import parse_reading

ROOT = Path(__file__).parents[3]


def score(known, low=None, high=None):
    found = {"n": 4, "top1_clas": 80.0, "oracle": {"threshold": 0.4, "gt_known_loc": known}}
    if low is not None:
        found["intervals"] = {"oracle": {"gt_known_loc": [low, high]}}
    return found


@pytest.fixture
def results():
    """A row of two seeds and two modes, and one that diverged."""
    found = Results("table3", "Title", "retrained", "mobilenetv1", "tiny", {}, "", {
        "whole_image": {"gt_known_loc": 18.333}, "centre_gaussian": {"gt_known_loc": 50.0},
    })  # fmt: skip
    for seed, (known, low, high) in enumerate(((40.0, 30.0, 52.0), (44.0, 36.0, 54.0))):
        modes = {"off": score(known, low, high), "expected": score(known + 1)}
        found = found.with_run(Row("dfm", "DFM", ()), {"seed": seed, "modes": modes}, found.chance)
    broken = {"seed": 0, "modes": {}, "diverged": "loss"}
    return found.with_run(Row("add", "DFM, add", ()), broken, found.chance)


def test_bars_by_hand(results):
    first, second, third = bars(
        results, ("off", "expected"), {"dfm": Scores(None, None, 72.37, 49.13)}.get
    )
    assert (first["row"], first["mode"]) == ("DFM", "off")
    assert first["values"]["GT-known at best"] == {
        "mean": 42.0, "low": 33.0, "high": 53.0, "seeds": [40.0, 44.0],
    }  # fmt: skip
    # No intervals were kept of Top-1 Clas; the paper's number stands beside it.
    assert first["values"]["Top-1 Clas"] == {
        "mean": 80.0, "low": None, "high": None, "seeds": [80.0, 80.0], "paper": 72.37,
    }  # fmt: skip
    assert set(first["values"]) == {"Top-1 Clas", "GT-known at best"}
    assert second["values"]["GT-known at best"]["low"] is None
    assert "paper" not in second["values"]["Top-1 Clas"]  # the paper has one mode
    assert third == {"row": "DFM, add", "mode": "", "values": {}, "note": "diverged"}
    assert lines(results) == ({"title": "whole image", "value": 18.333},)


def test_a_threshold_is_a_row_not_a_metric(results):
    runs = [{"seed": 0, "modes": {"off": {
        "n": 4, "top1_clas": 80.0, "fixed": {"top1_loc": 1.0, "gt_known_loc": 2.0},
        "oracle": {"gt_known_loc": 3.0},
    }}}]  # fmt: skip
    row = {"title": "0.5", "overrides": [], "runs": runs}
    found = dataclasses.replace(results, plan="threshold", rows={"threshold-0.5": row})
    (bar,) = bars(found, ("off",), None)
    means = {name: value["mean"] for name, value in bar["values"].items()}
    assert means == {"Top-1 Clas": 80.0, "Top-1 Loc": 1.0, "GT-known": 2.0}


def test_conclusions_are_cut_into_questions_and_answers():
    text = """## What the tables say

One **seed**
a row.

- **Is it better?** No. CAM has 43.9 in `expected`, and that is where it all ends. It costs
  nothing more. `add` diverged.
- Nothing bold, 5 points.
"""
    assert parse_reading(text) == {
        "title": "What the tables say",
        "lead": "One **seed** a row.",
        "points": [
            {
                "claim": "Is it better?",
                "short": "No. CAM has 43.9 in `expected`, and that is where it all ends.",
                "more": "It costs nothing more. `add` diverged.",
            },
            {"claim": "", "short": "Nothing bold, 5 points.", "more": ""},
        ],
    }


def test_no_word_of_the_conclusions_is_lost():
    text = (ROOT / "training" / "results" / "READING.md").read_text(encoding="utf-8")
    told = json.loads(app_data())["reading"]
    points = (f"{p['claim']} {p['short']} {p['more']}" for p in told["points"])
    joined = f"{told['title']} {told['lead']} {' '.join(points)}".replace("**", "")
    assert joined.split() == text.replace("**", "").replace("##", "").replace("\n- ", "\n").split()


def test_every_table_has_a_name_of_its_own_and_numbers_to_plot():
    tables = json.loads(app_data())["tables"]
    assert len({table["name"] for table in tables}) == len(tables)
    for table in tables:
        assert table["name"].endswith(table["kind"])
        titles = {row[0] for row in table["rows"] if row[0] and row[1] != "chance"}
        assert {bar["row"] for bar in table["bars"]} == titles


def test_the_readme_of_the_checkpoints_is_that_of_the_cards():
    """If this fails, run `python -m training table`."""
    text = (ROOT / "checkpoints" / "README.md").read_text(encoding="utf-8")
    assert text == families_document(ROOT / "checkpoints")


@pytest.fixture
def root(families_root, tmp_path):
    """The tiny family under a name that recipes have, CAM trained with one changed field."""
    shutil.copytree(families_root / "tiny", tmp_path / "mobilenetv1_cub50")
    folder = tmp_path / "mobilenetv1_cub50" / "cam"
    recipe = load_recipe("mobilenetv1_cub50_cam", ["lr=0.123", "seed=4"]).to_dict()
    card = dataclasses.replace(
        read_card(folder),
        recipe=recipe,
        init_weights="some weights",
        licences=("Data: free.", "Weights: free."),
        run={"wall_seconds": 600, "machine": "cpu (x86), 2 threads", "train_pictures": 7},
        metrics={"test": {**score(43.25, 30.0, 52.5), "fixed": {"top1_loc": 1.0}}},
    )
    (folder / CARD).write_text(card.to_json())
    return tmp_path


def test_a_family_says_sizes_licences_scores_and_the_commands_that_made_it(root):
    text = families_document(root)
    epochs = load_recipe("mobilenetv1_cub50_cam").optim.epochs
    size = (root / "mobilenetv1_cub50" / "cam" / "model.safetensors").stat().st_size / 1e6
    for said in (
        "## mobilenetv1_cub50",
        f"| [cam](mobilenetv1_cub50/cam/README.md) | CAM | {size:.1f} | 4 | 10 min, {epochs} "
        "epochs | 80.0 | 1.0 | – | 43.2 [30.0, 52.5] |",
        "7 training pictures, 4 test pictures.",
        "- Initial weights: some weights; not recorded.",
        "- Data: free.\n- Weights: free.\n- Trained on: cpu (x86), 2 threads.",
        "    python -m training fit mobilenetv1_cub50_cam --data-root DATA --out "
        "checkpoints/mobilenetv1_cub50/cam --init-weights WEIGHTS",
        "seed=4",
        "optim.lr=0.123",
        "    python -m training evaluate mobilenetv1_cub50 --data-root DATA --write-card",
        "    python -m dfm_viz known-failures checkpoints/mobilenetv1_cub50",
    ):
        assert said in text, said


def test_a_family_that_starts_from_its_own_published_weights_says_so(root):
    folder = root / "mobilenetv1_cub50"
    shutil.copytree(folder / "cam", folder / "adl", dirs_exist_ok=True)
    published = dataclasses.replace(read_card(folder / "cam"), recipe={}, trained=False)
    (folder / "cam" / CARD).write_text(published.to_json())
    trained = read_card(folder / "adl")
    trained = dataclasses.replace(
        trained,
        sha256="0" * 64,
        init_weights=f"mobilenetv1_cub50/cam (SHA-256 {published.sha256}), and before it",
    )
    (folder / "adl" / CARD).write_text(trained.to_json())
    text = families_document(root)
    assert " --init-weights checkpoints/mobilenetv1_cub50/cam/model.safetensors" in text
    assert "training evaluate mobilenetv1_cub50 --data cub --data-root DATA --write-card" in text


def test_the_printed_command_makes_the_recipe_of_the_card(root):
    """Overrides that are printed lead back to the recipe on the card."""
    text = families_document(root)
    (line,) = [line for line in text.splitlines() if "training fit" in line]
    words = line.split()
    overrides = [word for word in words if "=" in word]
    again = load_recipe(words[words.index("fit") + 1], overrides).to_dict()
    assert again == read_card(root / "mobilenetv1_cub50" / "cam").recipe


def test_a_recipe_without_a_file_is_said_to_be_on_the_card_only(root):
    (root / "mobilenetv1_cub50").rename(root / "mobilenetv1_mine")
    told = "    # checkpoints/mobilenetv1_mine/cam: its recipe stands on its card only"
    assert told in families_document(root)
