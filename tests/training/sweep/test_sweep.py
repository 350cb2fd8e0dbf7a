"""Sweeps end to end: real runs of a tiny network, stopped and taken up; one checkpoint varied."""

import json

import pytest

from dfm_viz.checkpoint import load_checkpoint
from dfm_viz.types import Mode
from training.__main__ import main
from training.sweep import processes
from training.sweep.inference import with_settings
from training.sweep.plans import Row
from training.sweep.results import load_results
from training.tables.document import app_data, document

RECIPE = """
title = "tiny ablation"
[model]
init = "none"
freeze_through = "block3_2"
[data]
family = "tiny"
knows = "3 coloured birds only"
hold_out_every = 0
image_size = 32
decode_side = 32
[optim]
batch = 6
epochs = 1
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "ablation.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def sweep(recipe, cub_root, tmp_path):
    """Run `sweep` with these words; the results folder is `results`."""

    def go(*words):
        common = ["--recipe", str(recipe), "--data-root", str(cub_root), "--threads", "1",
                  "--device", "cpu", "--runs", str(tmp_path / "runs"),
                  "--results", str(tmp_path / "results")]  # fmt: skip
        return main(["sweep", *words, *common])

    return go


def test_a_table_is_trained_row_by_row_and_taken_up(sweep, tmp_path, monkeypatch, capsys):
    assert sweep("table1", "--rows", "plain,cam") == 0
    (path,) = (tmp_path / "results").glob("*.json")
    assert path.name == "table1_mobilenetv1_tiny_retrained.json"
    found = load_results(path)
    assert list(found.rows) == ["plain", "cam"]
    assert set(found.rows["plain"]["runs"][0]["modes"]["off"]) == {"n", "top1_clas"}  # no map
    assert found.rows["cam"]["runs"][0]["modes"]["off"]["oracle"]["maxboxacc_v2"] >= 0
    assert "2 runs, 0 finished; about" in capsys.readouterr().out

    # Nothing is trained twice: the same rows again, and the same run in another table.
    started = []
    monkeypatch.setattr(processes, "_fit", lambda cell, *_: started.append(cell.row.name))
    before = path.read_bytes()
    assert sweep("table1", "--rows", "plain,cam") == 0
    assert path.read_bytes() == before
    assert sweep("table3", "--rows", "cam") == 0
    assert started == []

    text = document(tmp_path / "results")
    assert "1 CAM" in text
    assert "41.17 (" in text  # the paper's row beside ours
    assert "best centred square" in text
    assert json.loads(app_data(tmp_path / "results"))["tables"][0]["kind"] == "retrained"


def test_a_run_that_diverges_is_a_result_and_is_not_tried_again(sweep, tmp_path, capfd):
    words = ("table1", "lr=100", "warmup_epochs=0", "epochs=3", "--rows", "cam")
    assert sweep(*words) == 0
    (path,) = (tmp_path / "results").glob("*.json")
    (run,) = load_results(path).rows["cam"]["runs"]
    assert run["diverged"].startswith("Training diverged in epoch")
    assert "diverged, seed 0" in document(tmp_path / "results")
    capfd.readouterr()
    assert sweep(*words) == 0
    assert "ahead" not in capfd.readouterr().out  # nothing was left to do


def test_a_failed_run_is_told_with_its_log(sweep, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # the runs meet a broken library
    (tmp_path / "tqdm.py").write_text("raise ImportError('broken')")
    assert sweep("table1", "--rows", "cam") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "failed (ImportError: broken)" in error
    assert "seed0.log" in error


@pytest.fixture
def checkpoint(recipe, cub_root, tmp_path):
    out = tmp_path / "family" / "dfm"
    words = ["fit", str(recipe), "method=dfm", "--data-root", str(cub_root), "--threads", "1"]
    assert main([*words, "--device", "cpu", "--out", str(out)]) == 0
    return out


def test_one_checkpoint_under_varied_settings(sweep, checkpoint, tmp_path):
    words = ["--kind", "inference", "--checkpoint", str(checkpoint)]
    assert sweep("omega", "--values", "0,1", *words) == 0
    assert sweep("threshold", "--values", "0.2,0.5", *words) == 0
    omega, threshold = sorted((tmp_path / "results").glob("*.json"))
    rows = load_results(omega).rows
    assert list(rows) == ["omega-0", "omega-1"]
    assert set(rows["omega-0"]["runs"][0]["modes"]) == {"expected"}
    # The threshold's numbers are those of the evaluation in the card.
    card = load_checkpoint(checkpoint)[1].metrics["test"]
    at_02 = load_results(threshold).rows["threshold-0.2"]["runs"][0]["modes"]["off"]
    assert at_02["fixed"] == card["fixed"]
    assert at_02["top1_clas"] == card["top1_clas"]
    assert "inference-time" in document(tmp_path / "results")


def test_several_seeds_give_a_spread_and_other_weights_are_refused(
    sweep, checkpoint, cub_root, recipe, tmp_path, capsys
):
    second = tmp_path / "second" / "dfm"
    words = ["fit", str(recipe), "method=dfm", "seed=1", "--data-root", str(cub_root)]
    assert main([*words, "--threads", "1", "--device", "cpu", "--out", str(second)]) == 0
    words = ["tau", "--values", "0.5", "--kind", "inference", "--checkpoint"]
    assert sweep(*words, str(checkpoint), str(second)) == 0
    (path,) = (tmp_path / "results").glob("*.json")
    assert [run["seed"] for run in load_results(path).rows["tau-0.5"]["runs"]] == [0, 1]
    assert " ± " in document(tmp_path / "results")

    assert sweep(*words, str(checkpoint), str(checkpoint)) == 2
    assert "each with a seed of its own, got seeds 0, 0" in capsys.readouterr().err
    before = path.read_text()
    path.write_text(before.replace(load_checkpoint(second)[1].sha256, "0" * 64))
    assert sweep(*words, str(checkpoint), str(second)) == 2
    assert "has seed 1 of other weights" in capsys.readouterr().err


def test_settings_reach_the_module_and_weights_stay(checkpoint):
    model, card = load_checkpoint(checkpoint)
    row = Row("x", "x", ("method=dfm", "params.tau=0.25", "points=block5_2"))
    varied, modes = with_settings(model, card, row)
    assert Mode.OFF not in modes
    (module,) = varied.insertions.values()
    assert module.params.tau == 0.25
    assert module.params.alpha == card.params["alpha"]
    state = model.state_dict()
    assert all((state[k] == v).all() for k, v in varied.state_dict().items())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["table1", "--kind", "inference"], "needs --checkpoint"),
        (["table9"], "There is no sweep 'table9'"),
        (["table1", "--seeds", "a"], "--seeds must be whole numbers"),
        (["table1", "--parallel", "0"], "--parallel must be from 1 to 1024"),
        (["threshold", "--kind", "inference", "--values", "2", "--checkpoint", "absent"], "absent"),
    ],
)
def test_wrong_words_are_one_sentence(sweep, words, told, capsys):
    assert sweep(*words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
