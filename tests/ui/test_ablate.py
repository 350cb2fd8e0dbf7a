"""The Ablate tab's questions, asked without a browser and without Gradio."""

import base64
import time

import numpy as np
import pytest

from dfm_viz.boxes import best_iou, resize_box
from dfm_viz.localization import SIDE, box_from_grid, to_grid
from dfm_viz.render.scales import difference_colours
from dfm_viz.types import UserError
from dfm_viz.ui import ablate_parts
from dfm_viz.ui.ablate import Ablate


def looks(seconds=120):
    """Look again and again, leaving the processor to the worker in between; fail after a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.005)
    raise AssertionError("the job did not end")


@pytest.fixture
def ablate(explore):
    return Ablate(explore)


@pytest.fixture
def query(explore, photo):
    """A question about an example with a true box."""
    opened = explore.open({"example": explore.start({})["view"]["example"]})
    return {
        "family": "tiny",
        "picture": opened["picture"],
        "truths": opened["boxes"],
        "settings": {"beta": 0.9, "threshold": 0.3},
    }


@pytest.fixture
def ask(explore, query):
    """What the engine says to the same question under other settings."""
    family = explore.family("tiny")
    opened = explore.prepared("tiny", query["picture"])

    def asked(**settings):
        return family.inspect(opened, {**query["settings"], **settings}, query["truths"])

    return asked


def run(ablate, query, **more):
    """Start a job and wait for its end: the plan, and the items by their place."""
    started = ablate.ablate_start({**query, **more})
    assert "error" not in started, started
    items = []
    for _ in looks():
        answer = ablate.ablate_poll({"job": started["job"], "after": len(items)})
        items += answer["items"]
        if answer["finished"]:
            assert "error" not in answer, answer
            assert answer["done"] == answer["total"] == len(items)
            return started["plan"], sorted(items, key=lambda item: item["i"])


def says(item, method):
    """Whether an entry is what the engine says."""
    said = (item["label"], item["score"], tuple(item["box"]), item["iou"])
    return said == (method.label, method.score, method.box, method.iou)


def test_rows_are_table_1_and_each_gives_the_settings_it_stands_for(ablate, query, ask):
    plan, rows = run(ablate, query, kind="rows")
    assert plan == {"count": 7}
    assert [row["row"] for row in rows] == list(range(7))
    assert rows[0]["map"] is None
    assert rows[0]["take"] is None
    assert rows[0]["score"] > 0
    assert rows[2]["switches"] == ["channel branch only", "no focused matrix"]
    assert rows[6]["switches"] == ["both branches", "cross fusion", "focused matrix, ω 0.15"]
    for row in rows[1:]:
        now = ask(**row["take"])
        assert says(row, now.methods["dfm"])
        assert ablate_parts.now(now, [])["row"] == row["row"]


@pytest.mark.parametrize("parameter", ["gamma", "threshold", "apply", "points"])
def test_every_value_of_a_sweep_is_a_setting_of_the_page(ablate, query, ask, parameter):
    plan, items = run(ablate, query, kind="sweep", parameter=parameter, count=5)
    if parameter in ("gamma", "threshold"):
        assert plan["values"] == [0.0, 0.25, 0.5, 0.75, 1.0]
        assert plan["titles"] is None
    elif parameter == "apply":
        assert plan["values"] == ["mul", "add", "residual"]
    else:
        assert plan["titles"] == ["block 4.1", "block 5.2", "block 4.1 + block 5.2"]
    for value, item in zip(plan["values"], items, strict=True):
        taken = value.split("+") if parameter == "points" else value
        assert says(item, ask(**{parameter: taken}).methods["dfm"])


def test_grid_is_delta_by_delta(ablate, query, ask):
    plan, cells = run(ablate, query, kind="grid", side=5)
    assert plan["values"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert len(cells) == 25
    for place, (delta, gamma) in {3: (0.0, 0.75), 15: (0.75, 0.0)}.items():
        assert says(cells[place], ask(delta=delta, gamma=gamma).methods["dfm"])
        assert cells[place]["value"] == (delta, gamma)


def test_slider_steps():
    assert ablate_parts.steps(10) == [0, 0.11, 0.22, 0.33, 0.44, 0.56, 0.67, 0.78, 0.89, 1]
    assert len(set(ablate_parts.steps(101))) == 101


def test_curves_by_hand():
    grid = np.zeros((SIDE, SIDE), np.uint8)
    grid[50:150, 50:150] = 100
    grid[50:100, 50:150] = 200
    found = ablate_parts.curve(grid, [(50, 50, 150, 100)])
    assert found["peak"] == 200
    assert found["iou"][0] == found["iou"][99] == round(51 / 101, 4)  # the pixels of both edges
    assert found["iou"][100] == found["iou"][199] == 1.0
    assert found["iou"][200] == 0.0
    assert found["area"][99] == pytest.approx(100 * 100 / SIDE**2, abs=1e-4)
    assert found["best"] == {"threshold": 0.75, "iou": 1.0}
    flat = ablate_parts.curve(np.zeros((SIDE, SIDE), np.uint8), [(0, 0, 9, 9)])
    assert flat["best"] is None
    alone = ablate_parts.curve(grid, [])
    assert alone["iou"] is alone["best"] is None


def test_curves_say_what_the_page_says_at_that_threshold(ablate, query, ask):
    curves = ablate.ablate_curves(query)["curves"]
    assert [c["name"] for c in curves] == ["cam", "adl", "dfm"]
    for curve in curves:
        for threshold in (0.0, 0.3, 0.55, 1.0):
            level = int(threshold * curve["peak"])
            now = ask(threshold=threshold).methods[curve["name"]]
            assert curve["iou"][level] == pytest.approx(now.iou, abs=1e-4)
        best = curve["best"]
        assert best["iou"] == pytest.approx(max(curve["iou"]), abs=1e-4)
        now = ask(threshold=best["threshold"]).methods[curve["name"]]
        assert now.iou == pytest.approx(best["iou"], abs=1e-6)


def test_the_outcomes_add_up_to_the_expected_map(ablate, query, ask):
    now, inspection = ablate.ablate_now(query), ask()
    assert [d["letters"] for d in now["draws"]] == ["PP", "PC", "CP", "CC"]
    assert [d["probability"] for d in now["draws"]] == pytest.approx([0.49, 0.21, 0.21, 0.09])
    assert now["expected"]["box"] == list(inspection.methods["dfm"].box)
    assert now["expected"]["iou"] == inspection.methods["dfm"].iou
    size = (inspection.width, inspection.height)
    truths = [resize_box(box, size) for box in query["truths"]]
    for draw, path in zip(now["draws"], inspection.dfm_paths, strict=True):
        assert draw["iou"] == best_iou(box_from_grid(to_grid(path.map), 0.3), truths)
    weighed = sum(d["probability"] * d["iou"] for d in now["draws"])
    assert now["mean_iou"] == pytest.approx(weighed)
    off = ablate.ablate_now({**query, "settings": {"mode": "off"}})
    assert (off["row"], off["mode"]) == (1, "off")
    odd = {"branches": "position", "omega": 0.1}
    assert ablate.ablate_now({**query, "settings": odd})["row"] is None


def values(part):
    return np.frombuffer(base64.b64decode(part["data"]), "<f4").reshape(part["shape"])


def test_differences_are_new_minus_old(ablate, query, ask):
    more = {"pinned": {**query["settings"], "gamma": 0.1}, "point": "block5_2", "channel": 7}
    found = ablate.ablate_difference({**query, **more})
    new, old = ask(), ask(gamma=0.1)
    a, b = new.points["block5_2"], old.points["block5_2"]
    assert np.array_equal(values(found["parts"]["P_M"]), a.P_M - b.P_M)
    assert np.array_equal(values(found["parts"]["P_ME"]), a.P_ME[7] - b.P_ME[7])
    assert np.array_equal(values(found["parts"]["C_ME"]), a.C_ME[7] - b.C_ME[7])
    assert np.array_equal(values(found["parts"]["C_A"]), a.C_A - b.C_A)
    assert values(found["parts"]["F_out"]).any() or values(found["parts"]["cam"]).any()
    cam = new.methods["dfm"].map - old.methods["dfm"].map
    assert np.array_equal(values(found["parts"]["cam"]), cam)
    assert found["changed"] == [{"name": "gamma", "old": 0.1, "new": 0.4}]
    same = ablate.ablate_difference({**query, **more, "pinned": query["settings"]})
    assert same["changed"] == []
    assert not any(values(part).any() for part in same["parts"].values())


def test_a_point_that_is_not_in_use_is_said(ablate, query):
    pinned = {"points": ["block4_1"]}
    found = ablate.ablate_difference({**query, "pinned": pinned, "point": "block5_2"})
    assert list(found["parts"]) == ["cam"]
    assert found["reason"].startswith("In the pinned setting no module stands after block 5.2")


def test_random_weights_come_with_their_correlation(ablate, query):
    _, items = run(ablate, query, kind="sanity", method="adl", seed=2)
    assert items[0]["trained"]["label"] == items[0]["random"]["label"]
    assert -1 <= items[0]["correlation"] <= 1


def test_no_true_box_gives_area_and_no_iou(ablate, query):
    bare = {**query, "truths": []}
    _, items = run(ablate, bare, kind="sweep", parameter="tau", count=5)
    assert all(item["iou"] is None and 0 < item["area"] <= 1 for item in items)
    assert ablate.ablate_now(bare)["mean_iou"] is None


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("ablate_start", {"kind": []}, "There is no long answer"),
        ("ablate_start", {"kind": "sweep", "parameter": ["a"]}, "no parameter"),
        ("ablate_start", {"kind": "sweep", "parameter": "beta", "count": 10**9}, "must be one of"),
        ("ablate_start", {"kind": "grid", "side": True}, "must be one of"),
        ("ablate_start", {"kind": "rows", "picture": "stolen"}, "no longer has this picture"),
        ("ablate_start", {"kind": "rows", "picture": None}, "no picture of this page"),
        ("ablate_start", {"kind": "rows", "family": "../tiny"}, "There is no family"),
        ("ablate_start", {"kind": "rows", "settings": []}, "sent no settings"),
        ("ablate_start", {"kind": "rows", "settings": {"beta": "x"}}, "beta must be a number"),
        ("ablate_now", {"truths": "x"}, "no list of true boxes"),
        ("ablate_now", {"truths": [[1, 2]]}, "box"),
        ("ablate_curves", {"settings": {"threshold": 2}}, "threshold must be from 0 to 1"),
        ("ablate_difference", {"pinned": 3}, "sent no pinned settings"),
        ("ablate_difference", {"pinned": {"rise": 1}}, "There is no setting 'rise'"),
    ],
)
def test_nonsense_gets_one_sentence(ablate, query, name, changes, says):
    answer = getattr(ablate, name)({**query, **changes})
    assert says in answer["error"]
    assert "\n" not in answer["error"]


def test_errors_inside_a_job_are_told_by_its_poll(ablate, query):
    job = ablate.ablate_start({**query, "kind": "sanity", "method": "rise"})["job"]
    for _ in looks():
        answer = ablate.ablate_poll({"job": job})
        if answer["finished"]:
            break
    assert answer["error"].startswith("There is no method 'rise' here; choose from cam, adl, dfm")


@pytest.mark.parametrize("query", [None, 3, [], {}, {"job": {}}, {"job": "x", "after": "y"}])
def test_polling_without_a_job_answers(explore, query):
    ablate = Ablate(explore)
    assert ablate.ablate_poll(query) == {"gone": True}
    assert ablate.ablate_cancel(query) == {}


def test_difference_colours_have_one_middle_and_two_sides():
    table = difference_colours().astype(int)
    assert table.shape == (256, 3)
    assert (table[127] == table[128]).all()
    assert table[127].min() > 240
    assert table[0][2] > table[0][0]
    assert table[255][0] > table[255][2]
    with pytest.raises(ValueError, match="read-only"):
        difference_colours()[0] = 0


def test_a_full_queue_is_said(ablate, query, monkeypatch):
    def full(work, instead):
        raise UserError("16 long answers are waiting already; try again in a few seconds.")

    monkeypatch.setattr(ablate.jobs, "start", full)
    answer = ablate.ablate_start({**query, "kind": "rows"})
    assert answer["error"].startswith("16 long answers")
