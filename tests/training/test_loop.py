import csv

import pytest
import torch

from dfm_viz.types import UserError
from training.augment import mixup
from training.data import open_dataset
from training.loop import DivergedError, build, fit, run_folder
from training.schedule import make_optimizer, rate_factor, set_rates
from training.state import STATE


class KilledError(Exception):
    """Stands for a kill between two epochs."""


@pytest.fixture
def data(cub_root):
    return open_dataset("cub", cub_root)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


@pytest.mark.parametrize("method", ["adl", "dfm"])
def test_a_killed_run_resumes_to_the_same_bits(method, quick, data, tmp_path):
    recipe = quick(method)
    straight = fit(recipe, data, tmp_path / "straight")

    def kill(epochs):
        if epochs < 3:
            raise KilledError

    torch.rand(7)  # what happened before the run must not matter
    for _ in range(2):
        with pytest.raises(KilledError):
            fit(recipe, data, tmp_path / "killed", after_epoch=kill)
    resumed = fit(recipe, data, tmp_path / "killed", after_epoch=kill)
    assert resumed.progress.history == straight.progress.history
    for name, tensor in weights(straight.model).items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_a_finished_run_is_not_trained_again(quick, data, tmp_path):
    first = fit(quick(epochs=1), data, tmp_path / "x")
    again = fit(quick(epochs=1), data, tmp_path / "x", after_epoch=lambda _: pytest.fail("ran"))
    assert all(torch.equal(v, again.model.state_dict()[k]) for k, v in weights(first.model).items())


def test_the_callers_random_numbers_are_left_alone(quick, data, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(quick(epochs=1), data, tmp_path / "x")
    assert torch.equal(torch.rand(3), expected)


def test_frozen_stages_keep_weights_and_statistics(quick, data, tmp_path):
    recipe = quick(epochs=1)
    start = weights(build(recipe, 3, None))
    end = fit(recipe, data, tmp_path / "x").model.state_dict()
    stem = [k for k in start if k.startswith("features.stem.")]
    assert any(k.endswith("running_mean") for k in stem)
    assert all(torch.equal(start[k], end[k]) for k in stem)
    assert not torch.equal(start["fc.weight"], end["fc.weight"])


def test_every_epoch_leaves_one_row(quick, data, tmp_path, capsys):
    fit(quick(), data, tmp_path / "x")
    folder = run_folder(tmp_path / "x")
    with (folder / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert set(rows[0]) == {"epoch", "loss", "train_top1", "val_top1"}
    assert len(list(folder.glob("events.*"))) == 1
    assert not list(folder.glob("*.tmp"))
    assert capsys.readouterr().out.count("epoch ") == 3


def test_another_recipe_does_not_take_up_the_run(quick, data, tmp_path):
    fit(quick(epochs=1), data, tmp_path / "x")
    state = run_folder(tmp_path / "x") / STATE
    before = state.read_bytes()
    with pytest.raises(UserError, match=r"recipe\.optim\.lr \(0\.02 there, 0\.01 here\)"):
        fit(quick(epochs=1, lr=0.01), data, tmp_path / "x")
    assert state.read_bytes() == before


def test_a_damaged_state_is_told(quick, data, tmp_path):
    fit(quick(epochs=1), data, tmp_path / "x")
    (run_folder(tmp_path / "x") / STATE).write_bytes(b"torn")
    with pytest.raises(UserError, match="to start again"):
        fit(quick(epochs=1), data, tmp_path / "x")


@pytest.mark.parametrize(
    ("lr", "told"), [(100.0, r"epoch 2: the mean loss is \d+.*, guessing has 1\.1\. Lower lr"),
                     (1e-3, r"epoch 1: the loss is nan\. Lower lr")]
)  # fmt: skip
def test_divergence_stops_with_a_sentence(lr, told, quick, data, tmp_path, monkeypatch):
    if lr < 1:
        monkeypatch.setattr("training.loop.cross_entropy", lambda *_, **__: torch.tensor(torch.nan))
    with pytest.raises(DivergedError, match=told):
        fit(quick(lr=lr, warmup_epochs=0), data, tmp_path / "x")


def test_an_out_that_cannot_be_written_is_told_before_training(quick, data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Nothing can be written"):
        fit(quick(), data, tmp_path / "file" / "x")


def test_weights_are_asked_for_exactly_when_the_recipe_says_so(quick, data, tmp_path):
    with pytest.raises(UserError, match='init = "file"'):
        fit(quick(), data, tmp_path / "x", init_weights=tmp_path / "w.safetensors")


def test_an_unknown_stage_to_freeze_is_told(quick, data, tmp_path):
    from dataclasses import replace

    recipe = quick()
    recipe = replace(recipe, model=replace(recipe.model, freeze_through="layer1"))
    with pytest.raises(UserError, match="freeze_through must be empty or one of stem"):
        fit(recipe, data, tmp_path / "x")


def test_settling_runs_without_the_modules(quick, data, tmp_path, monkeypatch):
    calls = []
    from dfm_viz.methods import DFM

    original = DFM.trace
    monkeypatch.setattr(
        DFM, "trace", lambda self, x, draw=None: calls.append(0) or original(self, x, draw)
    )
    fit(quick(epochs=1), data, tmp_path / "on")
    trained = len(calls)
    fit(quick(epochs=1, settle_epochs=1), data, tmp_path / "off")
    assert trained == 2 * 3  # two points, three batches
    assert len(calls) == trained


def test_rates_warm_up_then_follow_half_a_cosine(quick):
    factors = [rate_factor(step, 12, 2) for step in range(12)]
    assert factors[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert factors[7] == pytest.approx(0.5)
    assert factors[-1] < 0.03
    recipe = quick(head_rate=10.0, last_stage_rate=3.0)
    optimizer = make_optimizer(build(recipe, 3, None), recipe.optim)
    set_rates(optimizer, 0.5)
    assert sorted(g["lr"] for g in optimizer.param_groups) == pytest.approx([0.01, 0.03, 0.1])
    assert all(g["nesterov"] for g in optimizer.param_groups)


def test_mixup_blends_pictures_and_targets_alike():
    torch.manual_seed(0)
    x = torch.eye(3).view(3, 1, 1, 3).expand(3, 3, 1, 3).contiguous()
    mixed, target = mixup(x, torch.arange(3), 3, 0.5)
    assert torch.allclose(mixed[:, 0, 0], target)
    assert torch.allclose(target.sum(1), torch.ones(3))
    same, hard = mixup(x, torch.arange(3), 3, 0.0)
    assert same is x
    assert torch.equal(hard, torch.eye(3))
