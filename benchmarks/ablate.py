"""How long the Ablate tab's answers take, and how long they keep another visitor waiting.

    python benchmarks/ablate.py [--family mobilenetv1_cub50] [--rounds 5]

1. The seven rows of Table 1, a sweep of 21 values and a 10 x 10 grid, each on a picture that is
   open, with settings nobody asked for before.
2. The grid against running the four full tails of every cell, from the features before the first
   insertion point.
3. The longest `inspect` of another visitor, who moves a slider all the time while a grid runs.

Goals on two cores: rows 600 ms, sweep 1.5 s, grid 4 s, 2x the tails, another visitor 300 ms.
"""

import argparse
import itertools
import os
import statistics
import threading
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as app.py sets it

import numpy as np
import torch

from dfm_viz.examples import examples
from dfm_viz.inspection import Family, Opened, Settings, load_family
from dfm_viz.methods import DFM, DFMParams
from dfm_viz.methods.paths import enumerate_paths

GOALS = {"rows": 0.6, "sweep": 1.5, "grid": 4.0}
TEN = [round(float(x), 2) for x in np.linspace(0, 1, 10)]
MANY = [round(float(x), 2) for x in np.linspace(0, 1, 21)]


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def told(name: str, times: list[float], goal: float) -> None:
    """Print median and worst beside the goal."""
    median, worst = statistics.median(times), max(times)
    print(
        f"{name:40} {median * 1e3:8.0f} ms, at most {worst * 1e3:8.0f} ms, goal {goal * 1e3:.0f} ms"
    )


def fresh(count: itertools.count) -> Settings:
    """Settings that nobody has asked for: alpha and beta move everything behind the first point."""
    step = (next(count) * 0.6180339) % 1
    return Settings(alpha=0.7 + 0.25 * step, beta=0.85 + 0.14 * step)


def answers(family: Family, opened: Opened, rounds: int, count: itertools.count) -> None:
    """Rows, sweeps of the parameters with most and least to compute, and the grid."""
    for name, ask in {
        "rows": lambda s: family.ablate(opened, s),
        "sweep": lambda s: family.sweep(opened, s, "beta", MANY),
        "grid": lambda s: family.grid(opened, s, TEN, TEN),
    }.items():
        settings = [fresh(count) for _ in range(rounds + 1)]
        times = [timed(lambda: ask(s)) for s in settings]  # noqa: B023
        told(name, times[1:], GOALS[name])


def against_tails(family: Family, opened: Opened, rounds: int, count: itertools.count) -> None:
    """A 5 x 5 grid against four full tails per cell, taking turns; both from the same prefix."""
    name = family.checkpoints.source("dfm")
    assert name is not None
    network, points = opened.networks[name], family.info.points
    model, few = network.model, TEN[::2]
    first = network.before(points[0], {}, DFMParams())

    def tails(settings: Settings) -> None:
        with torch.inference_mode():
            for delta, gamma in itertools.product(few, few):
                params = DFMParams(
                    alpha=settings.alpha, beta=settings.beta, delta=delta, gamma=gamma
                )
                for path in enumerate_paths(points, params.tau):
                    x = first
                    for here, after in itertools.zip_longest(points, points[1:]):
                        x = module_out(params, x, path.draws[here])
                        x = model.features.between(x, here, after)
                    model.cam(x, model.logits(x).argmax(dim=1))

    def module_out(params: DFMParams, x: torch.Tensor, draw: object) -> torch.Tensor:
        return DFM(params).trace(x, draw).F_out

    ratios = []
    for _ in range(rounds + 1):
        settings = fresh(count)
        ours = timed(lambda: family.grid(opened, settings, few, few))  # noqa: B023
        ratios.append(timed(lambda: tails(settings)) / ours)  # noqa: B023
    ratio = statistics.median(ratios[1:])
    print(f"{'grid against four full tails per cell':40} {ratio:8.2f} x, goal 2 x")


def another_visitor(family: Family, rounds: int, count: itertools.count) -> None:
    """The longest `inspect` of somebody with another picture while a grid runs."""
    mine, other = (family.open(example.read()) for example in list(examples())[:2])
    family.inspect(other)
    waits = []
    for _ in range(rounds):
        settings = fresh(count)
        grid = threading.Thread(target=lambda: family.grid(mine, settings, TEN, TEN))  # noqa: B023
        grid.start()
        while grid.is_alive():
            asked = fresh(count)
            waits.append(timed(lambda: family.inspect(other, asked)))  # noqa: B023
        grid.join()
    told("another visitor's inspect", waits, 0.3)


def main() -> None:
    """Measure everything once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="mobilenetv1_cub50")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    family = load_family(options.family, device="cpu")
    opened, count = family.open(next(iter(examples())).read()), itertools.count(1)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.rounds} rounds")
    answers(family, opened, options.rounds, count)
    against_tails(family, opened, options.rounds, count)
    another_visitor(family, options.rounds, count)


if __name__ == "__main__":
    main()
