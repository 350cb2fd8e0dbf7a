"""People's own pictures: evaluated with `--data folder`, then shown in the Failures tab."""

import numpy as np
import pytest
from PIL import Image

from dfm_viz.ui.failures import Failures
from dfm_viz.ui.handlers import Explore
from training.__main__ import main


@pytest.fixture
def mine(tmp_path):
    """Two classes of the tiny family and one it does not know, with boxes."""
    lines = ["path,x0,y0,x1,y1"]
    rng = np.random.default_rng(0)
    for number, name in enumerate(("crow", "heron", "crow", "dragon")):
        path = tmp_path / "mine" / "test" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), np.uint8)).save(path)
        lines.append(f"test/{name}/{number}.png,5,5,{30 + number},30")
    (tmp_path / "mine" / "boxes.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def evaluate(families_root, mine, *more):
    family = families_root / "tiny"
    return main(["evaluate", str(family), "--data-root", str(mine / "mine"), *more])


def test_own_pictures_from_the_command_to_the_tab(families_root, mine, capsys):
    records = mine / "records"
    options = ("--data", "folder", "--records", str(records), "--json", str(mine / "out.json"))
    assert evaluate(families_root, mine, *options, "--modes", "off,expected") == 0
    failures = Failures(Explore(families_root, mine / "mine", "cpu", records=records))
    (one,) = failures.failures_start({})["sets"]
    answer = failures.failures_find({"set": one["id"], "order": "records"})
    assert [m["title"] for m in answer["methods"]] == ["CAM", "ADL", "DFM"]
    assert [(r["class"], r["name"]) for r in answer["rows"]] == [
        ("crow", "0.png"),
        ("crow", "2.png"),
        ("heron", "1.png"),
    ]
    assert answer["opens"]["family"] == "tiny"
    row = answer["rows"][1]
    opened = failures.explore.open({"record": row["record"]})
    assert opened["boxes"] == [[5.0, 5.0, 32.0, 30.0]]
    settings = {**answer["opens"]["settings"], "target": None}
    told = failures.explore.inspect(
        {
            "family": "tiny",
            "picture": opened["picture"],
            "settings": settings,
            "truths": opened["boxes"],
        }
    )["info"]["methods"]["dfm"]
    assert told["iou"] == pytest.approx(row["iou"], abs=1e-9)
    assert told["box"] == pytest.approx(row["box"], abs=1e-4)
    assert told["label"] == row["said"]


def test_without_a_recipe_it_says_how_to_name_the_data(families_root, mine, capsys):
    assert evaluate(families_root, mine) == 2
    assert "--data folder" in capsys.readouterr().err


def test_scores_of_other_data_do_not_go_onto_cards(families_root, mine, capsys):
    assert evaluate(families_root, mine, "--data", "folder", "--write-card") == 2
    assert "leave --data out" in capsys.readouterr().err
