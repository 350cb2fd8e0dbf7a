import csv
import itertools
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dfm_viz.backbones import BACKBONES
from dfm_viz.methods import METHODS
from dfm_viz.types import AdlDraw, UserError
from training.augment import Normalise
from training.build import synchronise, training_mode
from training.data import open_dataset
from training.epoch import Trainer
from training.loading import Squares
from training.loop import DivergedError, build, fit, run_folder
from training.recipe import Recipe
from training.recipe_parts import ModelPart, SelectPart
from training.schedule import make_optimizer, rate_factor, set_rates
from training.state import STATE
from training.validation import Validation


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
    assert set(rows[0]) == {"epoch", "loss", "train_top1", "val_top1", "val_gt_known"}
    assert len(list(folder.glob("events.*"))) == 1
    assert not list(folder.glob("*.tmp"))
    assert capsys.readouterr().out.count("epoch ") == 3


@pytest.mark.parametrize(
    ("lr", "told"), [(100.0, r"epoch 2: the mean loss is \d+.*, guessing has 1\.1\. Lower lr"),
                     (1e-3, r"epoch 1: the loss is nan\. Lower lr")]
)  # fmt: skip
def test_divergence_stops_with_a_sentence(lr, told, quick, data, tmp_path, monkeypatch):
    if lr < 1:
        monkeypatch.setattr(
            "training.epoch.cross_entropy",
            lambda *_, **__: torch.tensor(torch.nan, requires_grad=True),
        )
    with pytest.raises(DivergedError, match=told):
        fit(quick(lr=lr, warmup_epochs=0), data, tmp_path / "x")


def test_weights_are_asked_for_exactly_when_the_recipe_says_so(quick, data, tmp_path):
    with pytest.raises(UserError, match='init = "file"'):
        fit(quick(), data, tmp_path / "x", init_weights=tmp_path / "w.safetensors")


def test_an_unknown_stage_to_freeze_is_told(quick, data, tmp_path):
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


def test_rates_warm_up_then_follow_the_schedule(quick):
    def factors(**optim):
        part = quick(epochs=4, **optim).optim
        return [rate_factor(part, step, 3) for step in range(12)]

    cosine = factors(warmup_epochs=2 / 3)
    assert cosine[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert cosine[7] == pytest.approx(0.5)
    assert cosine[-1] < 0.03
    steps = factors(warmup_epochs=0, schedule="steps", milestones=[1, 3], step_factor=0.5)
    assert steps == [1.0] * 3 + [0.5] * 6 + [0.25] * 3
    assert factors(warmup_epochs=0, schedule="constant") == [1.0] * 12


def test_every_group_has_its_own_peak_rate(quick):
    recipe = quick(head_rate=10.0, last_stage_rate=3.0)
    optimizer = make_optimizer(build(recipe, 3, None), recipe.optim)
    set_rates(optimizer, 0.5)
    assert sorted(g["lr"] for g in optimizer.param_groups) == pytest.approx([0.01, 0.03, 0.1])
    assert all(g["nesterov"] for g in optimizer.param_groups)


def test_the_average_is_validated_and_shipped(quick, data, tmp_path):
    average, last = (
        fit(quick("cam", ema=e), data, tmp_path / str(e)).model.state_dict() for e in (0.5, 0.0)
    )
    saved = load_file(run_folder(tmp_path / "0.5") / STATE)
    for name, tensor in average.items():
        assert torch.equal(saved[f"average.module.{name}"], tensor)
        assert torch.equal(saved[f"model.{name}"], last[name])  # training itself is the same
    assert not torch.equal(average["fc.weight"], last["fc.weight"])


def test_the_average_is_exponential(quick, data, tmp_path, monkeypatch):
    seen = []
    original = torch.optim.SGD.step

    def step(self, *words):
        original(self, *words)
        seen.append(self.param_groups[0]["params"][0].detach().clone())

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    trained = fit(quick("cam", ema=0.75, epochs=1), data, tmp_path / "x")
    expected = seen[0]
    for value in seen[1:]:
        expected = 0.75 * expected + 0.25 * value
    assert any(
        p.shape == expected.shape and torch.allclose(p, expected, atol=1e-6)
        for p in trained.model.parameters()
    )


@pytest.mark.parametrize("by", ["top1", "gt_known"])
def test_the_best_epoch_on_val_is_shipped(by, quick, data, tmp_path, monkeypatch):
    scores = iter([1.0, 3.0, 2.0])
    weights_then = []

    def told(self, model):
        weights_then.append(weights(model))
        score = next(scores)
        return {"val_top1": score, "val_gt_known": score}

    monkeypatch.setattr("training.watch.Validation.__call__", told)
    recipe = replace(quick("cam"), select=SelectPart(by))
    trained = fit(recipe, data, tmp_path / "x")
    assert (trained.progress.best_epoch, trained.progress.best_score) == (2, 3.0)
    assert trained.selection.startswith(f"epoch 2 of 3: the best {by} on the validation pictures")
    best = trained.model.state_dict()
    assert all(torch.equal(v, best[k]) for k, v in weights_then[1].items())
    assert not all(torch.equal(v, best[k]) for k, v in weights_then[2].items())


def test_selecting_needs_validation_pictures(quick, data, tmp_path):
    recipe = replace(quick("cam"), select=SelectPart("top1"))
    without = replace(recipe, data=replace(recipe.data, hold_out_every=0))
    with pytest.raises(UserError, match="hold_out_every"):
        fit(without, data, tmp_path / "x")
    blind = replace(data, train=tuple(replace(i, boxes=()) for i in data.train))
    with pytest.raises(UserError, match="no validation picture has one"):
        fit(replace(recipe, select=SelectPart("gt_known")), blind, tmp_path / "x")


def test_the_test_split_is_never_opened(quick, data, tmp_path):
    recipe = replace(quick("cam", epochs=1), select=SelectPart("gt_known"))
    without = replace(data, test=())
    fit(recipe, data, tmp_path / "x")
    first = load_file(run_folder(tmp_path / "x") / STATE)
    fit(recipe, without, tmp_path / "y")
    second = load_file(run_folder(tmp_path / "y") / STATE)
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_gradients_are_clipped_to_the_norm(quick, data, tmp_path, monkeypatch):
    norms = []
    original = torch.optim.SGD.step

    def step(self, *words):
        grads = [p.grad for g in self.param_groups for p in g["params"]]
        norms.append(float(torch.nn.utils.get_total_norm(grads)))
        original(self, *words)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    fit(quick("cam", epochs=1), data, tmp_path / "free")
    free = max(norms)
    norms.clear()
    fit(quick("cam", epochs=1, clip_norm=free / 4), data, tmp_path / "clipped")
    assert max(norms) == pytest.approx(free / 4, rel=1e-4)


COMPILED = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from training.data import open_dataset
from training.loop import fit
from training.recipe import Recipe

values, root, out = json.loads(sys.argv[1])
original, calls = torch.compile, []
def eager(module, **_):  # the real front end; code generation is PyTorch's own affair
    calls.append(module)
    return original(module, backend="eager")
torch.compile = eager
def train(compile):
    recipe = Recipe.from_dict(values | {"optim": values["optim"] | {"compile": compile}})
    return fit(recipe, open_dataset("cub", root), Path(out) / str(compile)).model.state_dict()
plain, same = train(False), train(True)
assert calls
assert plain.keys() == same.keys()
for name, tensor in plain.items():
    assert torch.allclose(tensor.float(), same[name].float(), atol=1e-5), name
"""


def test_compiling_keeps_names_and_numbers(quick, data, tmp_path):
    # In a process of its own: the tests' shape checks cannot be compiled.
    task = json.dumps([quick("dfm", epochs=1).to_dict(), str(data.root), str(tmp_path)])
    child = subprocess.run([sys.executable, "-c", COMPILED, task], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr


def test_frozen_batch_norms_keep_their_statistics_everywhere(quick, data, tmp_path):
    recipe = quick("cam", epochs=1)
    recipe = replace(recipe, model=replace(recipe.model, freeze_bn=True))
    start = build(recipe, 3, None).state_dict()
    end = fit(recipe, data, tmp_path / "x").model.state_dict()
    statistics = [k for k in start if "running_" in k]
    assert len(statistics) > 40
    assert all(torch.equal(start[k], end[k]) for k in statistics)


def test_sync_bn_on_a_cpu_is_refused_and_says_why(quick, data, tmp_path):
    with pytest.raises(UserError, match="sync_bn needs GPUs: PyTorch has no"):
        fit(quick("cam", sync_bn=True), data, tmp_path / "x")


def test_every_batch_norm_is_synchronised_under_the_same_names(quick):
    model = build(quick("cam"), 3, None)
    names = list(model.state_dict())
    synchronised = synchronise(model, torch.device("cuda"))
    norms = [
        m for m in synchronised.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)
    ]
    assert len(norms) > 20  # timm's fused layers among them
    assert all(isinstance(m, torch.nn.SyncBatchNorm) for m in norms)
    assert list(synchronised.state_dict()) == names


def test_draws_follow_the_recipe(quick, data, tmp_path, monkeypatch):
    seen = []
    original = Trainer._draws

    def draws(self, *words):
        found = original(self, *words)
        seen.append(found["block4_1"])
        return found

    monkeypatch.setattr(Trainer, "_draws", draws)
    fit(quick("adl", epochs=1), data, tmp_path / "batch")
    assert all(isinstance(d, AdlDraw) for d in seen)
    seen.clear()
    fit(quick("adl", epochs=1, draws="sample"), data, tmp_path / "sample")
    assert [len(d) for d in seen] == [5, 5, 2]
    assert all(d.dtype is torch.bool for d in seen)


def test_every_method_and_backbone_trains_every_parameter():
    for backbone, method in itertools.product(BACKBONES, METHODS):
        part = ModelPart(backbone, method, init="none")
        recipe = Recipe.from_dict({"model": {"backbone": backbone, "method": method}})
        recipe = replace(recipe, model=part)
        model = build(recipe, 3, None)
        training_mode(recipe, model, settling=False)
        draws = model.sample_draws(torch.Generator().manual_seed(0), 2, (64, 64))
        scores = model.training_logits(torch.randn(2, 3, 64, 64), torch.tensor([0, 2]), draws)
        sum(s.square().sum() for s in scores).backward()
        # Otherwise several processes would wait for each other's gradients.
        missing = [name for name, p in model.named_parameters() if p.grad is None]
        assert not missing, (backbone, method, missing)


def test_example_pictures_and_scalars_reach_tensorboard(quick, data, tmp_path):
    fit(quick("cam"), data, tmp_path / "x")
    log = EventAccumulator(str(run_folder(tmp_path / "x"))).Reload()
    assert [e.step for e in log.Scalars("val_gt_known")] == [1, 2, 3]
    assert log.Tags()["images"] == ["examples"]
    picture = log.Images("examples")[0]
    assert (picture.width, picture.height) == (3 * 32, 2 * 32)  # six pictures, 32 px each


def test_validation_counts_by_hand(cub_root):
    class Knows(torch.nn.Module):
        """Answers class 0 for all; its map is bright where the picture is coloured."""

        def feature_map(self, x):
            return x.amax(1, keepdim=True) - x.amin(1, keepdim=True)

        def logits(self, features):
            return torch.tensor([[1.0, 0, 0]]).expand(len(features), 3)

        def cam(self, features, index):
            return features[:, 0]

    data = open_dataset("cub", cub_root)
    items = data.split("val", 3)
    items = (*items[:4], *(replace(i, boxes=((0.0, 0.0, 5.0, 5.0),)) for i in items[4:5]),
             replace(items[5], boxes=()))  # fmt: skip
    squares = Squares(items, 48, "none")
    scores = Validation(squares, Normalise((0, 0, 0), (1, 1, 1)), 0)(Knows())
    # 2 of 6 are of class 0; 4 of the 5 with a box have it where the colour is.
    assert scores["val_top1"] == pytest.approx(100 * sum(i.label == 0 for i in items) / 6)
    assert scores["val_gt_known"] == pytest.approx(80)
