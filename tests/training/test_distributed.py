"""Two real processes under torchrun, on the CPU (gloo), against one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dfm_viz.types import UserError
from training.distributed import make_fabric, on_first
from training.epoch import cut

CHILD = """
import json, os, sys
from pathlib import Path
import torch
from safetensors.torch import save_file
torch.set_num_threads(1)
import training.epoch
from training.data import open_dataset
from training.distributed import leave
from training.loop import fit
from training.recipe import Recipe

recipes, root, out = json.loads(sys.argv[1])
rank = os.environ.get("RANK", "0")
for name, values in recipes.items():
    seen, grads, chosen = [], {}, []
    step = training.epoch.Trainer._step
    def looked(self, run, step_, pictures, draws):
        result = step(self, run, step_, pictures, draws)
        chosen.append(step_.chosen[step_.own].tolist())
        if not grads:
            grads.update({n: p.grad.clone().contiguous() for n, p in run.model.named_parameters()
                          if p.grad is not None})
        return result
    training.epoch.Trainer._step = looked
    folder = Path(out) / name
    trained = fit(Recipe.from_dict(values), open_dataset("cub", root), folder)
    training.epoch.Trainer._step = step
    folder.mkdir(parents=True, exist_ok=True)
    save_file(grads, folder / f"grads{rank}.safetensors")
    (folder / f"seen{rank}.json").write_text(json.dumps(
        [chosen, trained.progress.history, trained.processes]))
leave()
"""


def launched(processes, recipes, root, out, script=CHILD):
    """Run the child under torchrun, or plainly for one process; stdout and stderr."""
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    torchrun += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    path = out / "child.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    words = [
        *(torchrun if processes > 1 else []),
        str(path),
        json.dumps([recipes, str(root), str(out)]),
    ]
    here = str(Path(__file__).parents[2])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": here}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment)


def make(method, **tables):
    """A recipe whose batch norms rest, so that a batch can be shared without a trace."""
    return {
        "model": {"method": method, "init": "none", "freeze_bn": True},
        "data": {"name": "cub", "family": "tiny", "hold_out_every": 0, "image_size": 64,
                 "decode_side": 72},
        "augment": {"mixup": 0.3},
        "optim": {"epochs": 1, "batch": 8, "lr": 0.01, **tables.get("optim", {})},
        "seed": 1,
    }  # fmt: skip


RECIPES = {
    "cam": make("cam"),
    "dfm": make("dfm"),
    "has": make("has"),
    "sample": make("adl", optim={"draws": "sample", "clip_norm": 0.5, "ema": 0.9}),
    "acol": make("acol"),
    "process": make("adl", optim={"draws": "process"}),
}


@pytest.fixture(scope="module")
def runs(cub_root, tmp_path_factory, checkpoint_maker):
    """The same recipes trained by one process and by two; `taught` has a teacher besides."""
    teacher = tmp_path_factory.mktemp("taught") / "cam"
    classes = ("Red Bird", "Blue throated Bird", "Green Bird")
    checkpoint_maker(teacher, "cam", classes=classes)
    RECIPES["taught"] = make("dfm") | {"teacher": {"distil": str(teacher), "weight": 0.7}}
    found = {}
    for processes in (1, 2):
        out = tmp_path_factory.mktemp(f"by{processes}")
        done = launched(processes, RECIPES, cub_root, out)
        assert done.returncode == 0, done.stderr
        found[processes] = out, done
    return found


def seen(runs, processes, name):
    out = runs[processes][0] / name
    return [json.loads((out / f"seen{r}.json").read_text()) for r in range(processes)]


@pytest.mark.parametrize("name", ["cam", "dfm", "has", "sample", "acol", "taught"])
def test_gradients_agree_with_one_process_at_the_same_global_batch(name, runs):
    one = load_file(runs[1][0] / name / "grads0.safetensors")
    first, second = (load_file(runs[2][0] / name / f"grads{r}.safetensors") for r in (0, 1))
    assert len(one) > 50
    for key, expected in one.items():
        assert torch.equal(first[key], second[key]), key
        scale = float(expected.abs().max())
        assert torch.allclose(first[key], expected, rtol=1e-5, atol=1e-5 * scale), key


def test_a_set_that_does_not_divide_is_seen_once(runs):
    (one,), (first, second) = seen(runs, 1, "cam"), seen(runs, 2, "cam")
    assert [len(b) for b in one[0]] == [8, 8, 2]  # 18 pictures
    pairs = [a + b for a, b in zip(first[0], second[0], strict=True)]
    assert [len(p) for p in pairs] == [8, 8]  # one picture each would be left: it rests
    assert pairs == one[0][:2]
    everything = [i for p in pairs for i in p]
    assert len(everything) == len(set(everything))


def test_all_processes_tell_the_same_story(runs):
    first, second = seen(runs, 2, "dfm")
    assert first[1] == second[1]
    assert first[2] == 2
    assert runs[2][1].stdout.count("epoch 1/1") == len(RECIPES)  # one line, by the first


def test_only_the_first_process_writes(runs):
    folder = runs[2][0] / "cam.run"
    assert len(list(folder.glob("events.*"))) == 1
    assert (folder / "state.safetensors").exists()


def test_an_error_stops_all_processes_with_one_sentence(cub_root, tmp_path):
    script = """
import sys, json
from training.__main__ import main
recipes, root, out = json.loads(sys.argv[1])
sys.exit(main(["fit", "mobilenetv1_cub50_cam", "--data-root", root, "--out", out + "/x",
               "init=none", "batch=7", "--device", "cpu"]))
"""
    done = launched(2, {}, cub_root, tmp_path, script)
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert told == [
        "error: batch is for all processes together, but 2 do not divide 7; override it as batch=8."
    ]


def test_the_command_trains_and_scores_with_two_processes(cub_root, tmp_path):
    script = """
import sys, json
from training.__main__ import main
recipes, root, out = json.loads(sys.argv[1])
sys.exit(main(["fit", out + "/tiny.toml", "--data-root", root, "--out", out + "/x",
               "--device", "cpu", "--threads", "1"]))
"""
    (tmp_path / "tiny.toml").write_text(
        '[model]\nmethod = "cam"\ninit = "none"\n[data]\nfamily = "tiny"\nknows = "3 birds"\n'
        "hold_out_every = 3\nimage_size = 32\ndecode_side = 32\n[optim]\nepochs = 1\nbatch = 4\n"
        '[select]\nby = "top1"\n'
    )
    done = launched(2, {}, cub_root, tmp_path, script)
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "x" / "card.json").read_text())
    assert card["metrics"]["test"]["n"] == 6
    assert "2 processes" in json.dumps(card["run"])
    assert done.stdout.count("wrote") == 1


def test_one_process_needs_no_torchrun():
    fabric = make_fabric("cpu")
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")
    assert on_first(lambda: 3) == 3
    with pytest.raises(UserError, match="auto, cpu, cuda"):
        make_fabric("tpu")


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match="use --device cpu"):
        make_fabric("cuda")
    assert make_fabric("auto").device.type == "cpu"


def test_more_processes_than_gpus_are_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("training.distributed.local_processes", lambda: 2)
    with pytest.raises(UserError, match="2 processes here, but there are 1 GPUs"):
        make_fabric("cuda")


def test_a_draw_is_cut_to_a_part_of_the_batch():
    from dfm_viz.methods.has import HaS
    from dfm_viz.types import Draw

    draw = HaS().sample(6, torch.Generator().manual_seed(0), (64, 32))
    part = cut(draw, slice(2, 4))
    assert torch.equal(part.sides, draw.sides[2:4])
    assert torch.equal(part.cells, draw.cells[2:4])
    assert cut(Draw.POSITION, slice(0, 1)) is Draw.POSITION
    assert cut(torch.arange(5), slice(1, 3)).tolist() == [1, 2]
