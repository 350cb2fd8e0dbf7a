"""What training costs, as ratios measured in one run.

    python benchmarks/fit.py [--rounds 5] [--device cpu] [--parts steps,memory]

1. steps: a training step with DFM (and ADL) against the same backbone without, taking turns.
2. memory: what the first steps add to a fresh process, likewise.
3. throughput: pictures per second of one epoch of `training` against a plain torchvision-style
   loop (ImageFolder, transforms v2, DataLoader) over the same files with the same network.
4. loading: pictures per second that the loader alone can give, against what training takes.

Pictures are generated scenes stored as JPEG of 500 x 375; weights are random.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torchvision
from lightning_fabric import Fabric
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from dfm_viz import toy
from training.augment import Augment, Normalise
from training.build import build
from training.data.base import Item
from training.epoch import Forward, Trainer
from training.loading import Loader, Squares, worker_count
from training.order import keys, plan
from training.recipe import Recipe
from training.schedule import make_optimizer
from training.state import Run

PICTURES, CLASSES = 192, len(toy.CLASSES)


def recipe(method: str, backbone: str, batch: int) -> Recipe:
    """Everything is trained, in float32, on decoded pictures kept in memory."""
    return Recipe.from_dict(
        {
            "model": {"backbone": backbone, "method": method, "init": "none"},
            "data": {"hold_out_every": 0},
            "optim": {"epochs": 100, "batch": batch, "lr": 0.001, "warmup_epochs": 0},
        }
    )


def write_pictures(root: Path) -> list[Item]:
    """Scenes as photographs are stored, in one folder per class."""
    items = []
    for seed in range(PICTURES):
        scene = toy.scene(seed, size=500)
        path = root / toy.CLASSES[scene.label] / f"{seed:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene.rgb[:375]).save(path, quality=90)
        items.append(Item(path, scene.label, ()))
    return items


class Steps:
    """Training steps of one method on one fixed batch."""

    def __init__(self, method: str, backbone: str, batch: int, device: str) -> None:
        self.recipe = recipe(method, backbone, batch)
        self.model = build(self.recipe, CLASSES, None).to(device).train()
        self.model.to(memory_format=torch.channels_last)
        self.optimizer = make_optimizer(self.model, self.recipe.optim)
        x = torch.randn(batch, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        self.x = x.to(device, memory_format=torch.channels_last)
        self.labels = torch.arange(batch, device=device) % CLASSES
        self.draws = torch.Generator().manual_seed(0)

    def __call__(self) -> float:
        """Seconds of one step."""
        begin = time.perf_counter()
        draws = self.model.sample_draws(self.draws, len(self.x), (224, 224))
        logits = self.model.training_logits(self.x, self.labels, draws)
        loss = sum(nn.functional.cross_entropy(scores, self.labels) for scores in logits)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.x.is_cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - begin


def steps(rounds: int, device: str) -> None:
    """A step with a module against one without."""
    for backbone, batch in (("mobilenetv1", 16), ("resnet50", 8)):
        plain = Steps("cam", backbone, batch, device)
        for method in ("dfm", "adl"):
            ours = Steps(method, backbone, batch, device)
            pairs = []
            for number in range(4 * rounds + 2):
                # Who goes first alternates, so that a drift of the machine favours nobody.
                if number % 2:
                    a, b = ours(), plain()
                else:
                    b, a = plain(), ours()
                pairs += [(a, b)] if number >= 2 else []
            ratio = statistics.median(a / b for a, b in pairs)
            a, b = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
            print(f"{backbone}, step with {method}: {a:.0f} ms against {b:.0f} ms: {ratio:.3f}x")


def peak(method: str, backbone: str, batch: int, device: str) -> float:
    """Bytes that building and three steps add to a process, in a process of its own."""
    code = (
        "import json, re, pathlib, torch; from benchmarks.fit import Steps;"
        # The high-water mark of this process alone: getrusage would inherit the parent's.
        "rss = lambda: 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', "
        "pathlib.Path('/proc/self/status').read_text())[1]); base = rss();"
        f"run = Steps({method!r}, {backbone!r}, {batch}, {device!r});"
        "[run() for _ in range(3)];"
        f"cuda = {device!r} != 'cpu';"
        "print(json.dumps(torch.cuda.max_memory_allocated() if cuda else rss() - base))"
    )
    home = Path(__file__).parents[1]
    # One arena, or the allocator's habits hide what the steps need.
    env = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=home, env=env, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def memory(rounds: int, device: str) -> None:
    """Memory with a module against memory without; medians."""
    for backbone, batch in (("mobilenetv1", 16), ("resnet50", 8)):
        count = max(1, rounds // 2)
        used = {
            m: statistics.median(peak(m, backbone, batch, device) for _ in range(count))
            for m in ("cam", "dfm")
        }
        print(
            f"{backbone}, memory of training with dfm: {used['dfm'] / 2**20:.0f} MB against "
            f"{used['cam'] / 2**20:.0f} MB: {used['dfm'] / used['cam']:.3f}x"
        )


class Ours:
    """Epochs as `training fit` runs them."""

    def __init__(self, items: list[Item], device: str, method: str = "cam") -> None:
        self.recipe = recipe(method, "mobilenetv1", 32)
        fabric = Fabric(accelerator=device, devices=1)
        model = build(self.recipe, CLASSES, None).to(fabric.device)
        model.to(memory_format=torch.channels_last)
        self.run = Run(model, make_optimizer(model, self.recipe.optim))
        squares = Squares(items, self.recipe.data.decode_side, "memory", quiet=True)
        augment = Augment(self.recipe.augment, 224, 0)
        on_gpu = device == "cuda"
        self.loader = Loader(squares, augment, worker_count(self.recipe.data, on_gpu), on_gpu)
        spec = Normalise((0.5,) * 3, (0.5,) * 3, fabric.device)
        labels = torch.tensor([item.label for item in items])
        forward = fabric.setup_module(Forward(model, self.recipe.optim.precision))
        self.trainer = Trainer(self.recipe, fabric, forward, self.loader, labels, spec)
        self.epochs = itertools.count()

    def __call__(self) -> float:
        """Pictures per second of one epoch."""
        begin = time.perf_counter()
        self.trainer.epoch(self.run, next(self.epochs))
        return PICTURES / (time.perf_counter() - begin)

    def loading(self) -> float:
        """Pictures per second of the loader alone."""
        epoch = next(self.epochs)
        asked = keys(plan(PICTURES, 32, seed=0, epoch=epoch), epoch)
        begin = time.perf_counter()
        count = sum(len(batch) for batch in self.loader.batches(asked))
        return count / (time.perf_counter() - begin)


class Plain:
    """The loop of the reference scripts, over files, with the same network and augmentation."""

    def __init__(self, root: Path, device: str, workers: int) -> None:
        part = recipe("cam", "mobilenetv1", 32).augment
        change = v2.Compose(
            [
                v2.PILToTensor(),
                v2.RandomResizedCrop(224, scale=(part.scale, 1.0), antialias=True),
                v2.RandomHorizontalFlip(part.flip),
                v2.ColorJitter(part.jitter, part.jitter, part.jitter),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5] * 3, [0.5] * 3),
            ]
        )
        data = torchvision.datasets.ImageFolder(root, change)
        self.loader = DataLoader(
            data, 32, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )
        self.device = device
        self.model = build(recipe("cam", "mobilenetv1", 32), CLASSES, None).to(device)
        self.model.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.001, momentum=0.9, nesterov=True, weight_decay=1e-4
        )
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.1)

    def __call__(self) -> float:
        """Pictures per second of one epoch."""
        begin = time.perf_counter()
        self.model.train()
        for pictures, labels in self.loader:
            x = pictures.to(self.device, memory_format=torch.channels_last)
            loss = self.loss(self.model(x), labels.to(self.device))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()
        return PICTURES / (time.perf_counter() - begin)


def throughput(rounds: int, device: str, root: Path, items: list[Item]) -> None:
    """One epoch of ours against one of the plain loop, with 0 and 2 workers, taking turns."""
    contestants = {
        "training": Ours(items, device),
        "plain loop, 0 workers": Plain(root, device, 0),
        "plain loop, 2 workers": Plain(root, device, 2),
    }
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            rate = contestant()
            found[name] += [rate] if number else []
    for name in list(found)[1:]:
        ratio = statistics.median(
            a / b for a, b in zip(found["training"], found[name], strict=True)
        )
        print(
            f"mobilenetv1, training {statistics.median(found['training']):.1f} pictures/s against "
            f"{statistics.median(found[name]):.1f} of the {name}: {ratio:.2f}x"
        )


def loading(rounds: int, device: str, items: list[Item]) -> None:
    """What the loader could give against what training takes."""
    ours = Ours(items, device)
    rates = [(ours.loading(), ours()) for _ in range(rounds + 1)][1:]
    ratio = statistics.median(a / b for a, b in rates)
    given, taken = (statistics.median(side) for side in zip(*rates, strict=True))
    print(
        f"loader alone {given:.0f} pictures/s, training takes {taken:.0f}: {ratio:.1f}x "
        f"({100 / ratio:.0f} % of an epoch's time)"
    )


def main() -> None:
    """Run the contests asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--parts", default="steps,memory,throughput,loading")
    options = parser.parse_args()
    parts = options.parts.split(",")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.rounds} rounds")
    if "steps" in parts:
        steps(options.rounds, options.device)
    if "memory" in parts:
        memory(options.rounds, options.device)
    with tempfile.TemporaryDirectory() as folder:
        if {"throughput", "loading"} & set(parts):
            items = write_pictures(Path(folder))
        if "throughput" in parts:
            throughput(options.rounds, options.device, Path(folder), items)
        if "loading" in parts:
            loading(options.rounds, options.device, items)


if __name__ == "__main__":
    main()
