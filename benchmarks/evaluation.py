"""How fast, and in how much memory, checkpoints are evaluated.

    python benchmarks/evaluation.py [--maps 300] [--data-root DATA] [--checkpoint FOLDER]

1. Boxes and IoUs at 1000 thresholds (largest contour and all contours), against the standard
   procedure with one contour pass per threshold, on one core; the results are compared. Then the
   same over 1, 2, ... cores.
2. With --data-root: a checkpoint evaluated on the test split, network included, in seconds.
3. Memory of the process that evaluates n, 4n and 8n generated pictures: its peak, and what is in
   use when it has finished (Linux).

Contestants of 1 take turns inside every round, so that a busy machine slows both.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the slow transcription
sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np
from slow_boxes import plain_curves, plain_grid

from dfm_viz.box_sweep import sweep
from dfm_viz.boxes import GridBox
from dfm_viz.localization import to_grid
from training.evaluation.metrics import LEVEL_OF, THRESHOLDS
from training.evaluation.recorder import executor

ROOT = Path(__file__).parents[1]
Scene = tuple[np.ndarray, list[GridBox]]

MEMORY = """
import resource, sys, tempfile
from pathlib import Path
import numpy as np, torch
from PIL import Image
from dfm_viz.backbones import create_model, get_backbone
from dfm_viz.checkpoint import Card
from training.data import DataSet, Item
from training.evaluation import evaluate
n = int(sys.argv[1])
torch.manual_seed(0)
spec = get_backbone("mobilenetv1")
model = create_model("mobilenetv1", 4).eval()
card = Card(name="random/cam", method="cam", backbone="mobilenetv1", dataset="random",
            knows="nothing", classes=("a", "b", "c", "d"), points=(), params={}, image_size=224,
            mean=spec.mean, std=spec.std)
with tempfile.TemporaryDirectory() as folder:
    items = []
    for i in range(n):
        path = Path(folder) / f"{i}.jpg"
        noise = np.random.default_rng(i).integers(0, 256, (8, 10, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((500, 400)).save(path)
        items.append(Item(path, i % 4, ((100.0, 50.0, 400.0, 350.0),)))
    evaluate(model, card, DataSet(Path(folder), card.classes, (), tuple(items), ""), "test")
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(peak, pages * resource.getpagesize() // 2**20)
"""


def scenes(count: int) -> tuple[list[Scene], list[Scene]]:
    """Raw 14 x 14 maps with a true box each: noise, and hills as real maps have them."""
    rng = np.random.default_rng(0)
    noise, hills = [], []
    for _ in range(count // 2):
        x, y, w, h = (int(v) for v in rng.integers((0, 0, 60, 60), (100, 100, 124, 124)))
        truths = [(x, y, x + w, y + h)]
        raw = rng.normal(size=(14, 14)).astype(np.float32)
        noise.append((raw, truths))
        hills.append((cv2.GaussianBlur(raw, (0, 0), 1.5), truths))
    return noise, hills


def fast(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    raw, truths = scene
    single, multi = sweep(to_grid(raw)).curves(truths)
    return single[LEVEL_OF], multi[LEVEL_OF]


def slow(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    raw, truths = scene
    single, multi = plain_curves(plain_grid(raw), truths, THRESHOLDS)
    return np.array(single, np.float32), np.array(multi, np.float32)


def timed(function: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def boxes(count: int) -> None:
    cv2.setNumThreads(1)
    noise, hills = scenes(count)
    print("| maps | ours | one pass per threshold | ratio (goal 4x) | identical |")
    print("|---|---|---|---|---|")
    for name, chosen in (("noise", noise), ("smooth hills", hills)):
        ours, theirs, same = [], [], True
        for scene in chosen:
            a, found = timed(lambda scene=scene: fast(scene))
            b, expected = timed(lambda scene=scene: slow(scene))
            ours.append(a)
            theirs.append(b)
            same &= all(np.array_equal(f, e) for f, e in zip(found, expected, strict=True))
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        times = [1e3 * statistics.median(t) for t in (ours, theirs)]
        print(
            f"| {len(chosen)}, {name} | {times[0]:.1f} ms | {times[1]:.1f} ms | {ratio:.2f}x | "
            f"{'yes' if same else 'NO'} |"
        )
    everything = [*noise, *hills] * 4
    print("\n| cores | maps per second | against one |\n|---|---|---|")
    first = 0.0
    for workers in range(1, len(os.sched_getaffinity(0)) + 1):
        with executor(workers, len(everything)) as pool:
            list(pool.map(fast, everything[: 8 * workers]))  # started
            seconds, _ = timed(lambda pool=pool: list(pool.map(fast, everything, chunksize=8)))
        rate = len(everything) / seconds
        first = first or rate
        print(f"| {workers} | {rate:.0f} | {rate / first:.2f}x |")


def whole(checkpoint: str, data_root: Path) -> None:
    words = [sys.executable, "-m", "training", "evaluate", checkpoint, "--data-root"]
    with tempfile.TemporaryDirectory() as folder:
        words += [str(data_root), "--json", f"{folder}/result.json"]
        seconds, _ = timed(lambda: subprocess.run(words, cwd=ROOT, check=True, capture_output=True))
    print("\n| evaluated, start of Python included | seconds (goal 60) |\n|---|---|")
    print(f"| {checkpoint} | {seconds:.1f} |")


def memory(n: int) -> None:
    print("\n| pictures | peak memory | in use at the end |\n|---|---|---|")
    for count in (n, 4 * n, 8 * n):
        words = [sys.executable, "-c", MEMORY, str(count)]
        done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
        peak, end = done.stdout.split()
        print(f"| {count} | {peak} MB | {end} MB |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--maps", type=int, default=300)
    parser.add_argument("--pictures", type=int, default=400, help="n of the memory figure")
    parser.add_argument("--checkpoint", default="checkpoints/mobilenetv1_cub50/cam")
    parser.add_argument("--data-root", type=Path)
    options = parser.parse_args()
    boxes(options.maps)
    if options.data_root:
        whole(options.checkpoint, options.data_root.resolve())
    memory(options.pictures)
