"""Runs that end badly: killed at any moment, a full disk, another recipe."""

import errno
import json
import resource
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from dfm_viz.types import UserError
from training.data import open_dataset
from training.loop import fit, run_folder
from training.state import STATE

CHILD = """
import json, os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
import training.state
from training.data import open_dataset
from training.loop import fit
from training.recipe import Recipe

recipe, root, out, moment = json.loads(sys.argv[1])
count = 0
def die_at(call):
    global count
    count += 1
    if count == call:
        os.kill(os.getpid(), signal.SIGKILL)

if moment == "in the second epoch":
    step = torch.optim.SGD.step
    torch.optim.SGD.step = lambda self: (step(self), die_at(5))
else:  # while the second epoch's state is being written
    save = training.state.save_file
    def half(tensors, path, metadata):
        if count:
            Path(path).write_bytes(b"half")
        else:
            save(tensors, path, metadata=metadata)
        die_at(2)
    training.state.save_file = half
fit(Recipe.from_dict(recipe), open_dataset("cub", root), Path(out))
"""


@pytest.fixture
def data(cub_root):
    return open_dataset("cub", cub_root)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def state(out):
    return load_file(run_folder(out) / STATE)


@pytest.mark.parametrize(
    ("method", "moment", "optim", "by"),
    [
        ("adl", "in the second epoch", {"ema": 0.7, "draws": "sample"}, "last"),
        ("has", "while the state is written", {"clip_norm": 1.0}, "top1"),
    ],
)
def test_a_run_killed_by_the_system_resumes_to_the_same_bits(
    method, moment, optim, by, quick, data, tmp_path
):
    recipe = quick(method, **optim)
    values = recipe.to_dict() | {"select": {"by": by}}
    recipe = type(recipe).from_dict(values)
    straight = fit(recipe, data, tmp_path / "straight")
    out = tmp_path / "killed"
    task = json.dumps([values, str(data.root), str(out), moment])
    child = subprocess.run([sys.executable, "-c", CHILD, task], capture_output=True, text=True)
    assert child.returncode == -signal.SIGKILL, child.stderr
    resumed = fit(recipe, data, out)
    assert [row["epoch"] for row in resumed.progress.history] == [1, 2, 3]
    assert resumed.progress.history == straight.progress.history
    assert resumed.selection == straight.selection
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    first, second = state(tmp_path / "straight"), state(out)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert any(k.startswith("momentum.") for k in first)
    assert not list(run_folder(out).glob(".*"))  # nothing half-written stays


def broken_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_epoch_before(quick, data, tmp_path, monkeypatch):
    out = tmp_path / "x"
    straight = fit(quick(), data, tmp_path / "straight")

    def fill(epochs):
        if epochs == 1:
            monkeypatch.setattr("training.state.save_file", broken_disk)

    with pytest.raises(UserError, match="No space left") as caught:
        fit(quick(), data, out, after_epoch=fill)
    assert "\n" not in str(caught.value)
    assert "intact" in str(caught.value)
    monkeypatch.undo()
    resumed = fit(quick(), data, out)
    assert resumed.progress.history == straight.progress.history


def test_the_systems_own_limit_is_told_too(quick, data, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(UserError, match="state cannot be written"):
            fit(quick(), data, tmp_path / "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (run_folder(tmp_path / "x") / STATE).exists()


def test_another_recipe_does_not_take_up_the_run(quick, data, tmp_path):
    fit(quick(epochs=1), data, tmp_path / "x")
    before = (run_folder(tmp_path / "x") / STATE).read_bytes()
    with pytest.raises(UserError, match=r"recipe\.optim\.lr \(0\.02 there, 0\.01 here\)"):
        fit(quick(epochs=1, lr=0.01), data, tmp_path / "x")
    assert (run_folder(tmp_path / "x") / STATE).read_bytes() == before


def test_how_pictures_are_read_is_no_other_recipe(quick, data, tmp_path):
    recipe = quick(epochs=1)
    fit(recipe, data, tmp_path / "x")
    values = recipe.to_dict()
    values["data"] |= {"cache": "none", "workers": 1}
    again = type(recipe).from_dict(values)
    fit(again, data, tmp_path / "x", after_epoch=lambda _: pytest.fail("ran"))


def test_a_damaged_state_is_told(quick, data, tmp_path):
    fit(quick(epochs=1), data, tmp_path / "x")
    (run_folder(tmp_path / "x") / STATE).write_bytes(b"torn")
    with pytest.raises(UserError, match="to start again"):
        fit(quick(epochs=1), data, tmp_path / "x")


def test_an_out_that_cannot_be_written_is_told_before_training(quick, data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        fit(quick(), data, tmp_path / "file" / "x")
