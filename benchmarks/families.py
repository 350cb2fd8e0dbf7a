"""What families cost: nothing at the start, little when first used, a bounded amount of memory.

    python benchmarks/families.py [--rounds 5] [--many 40] [--room 256]

1. Start-up of the page's server side with one family and with many: seconds, weights read.
2. The first analysis with a cold family, each in a process of its own in which only the imports
   have been made: reading, building and running all its networks, all maps, CAM, ADL, DFM.
3. Memory of one process that visits many families, each with a picture that stays opened, while the
   networks may take `--room` MiB.

Weights of the many families are random: neither speed nor size depends on their values.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as app.py sets it

import torch

from dfm_viz.backbones import BACKBONES, create_model
from dfm_viz.checkpoint import WEIGHTS, Card, save_checkpoint, store
from dfm_viz.inspection import family as families
from dfm_viz.inspection.cache import Cache
from dfm_viz.inspection.lookup import default_root
from dfm_viz.ui.handlers import Explore

MIB = 2**20


def random_families(root: Path, count: int) -> None:
    """Families of a CAM and a DFM checkpoint of MobileNetV1, no two of them alike."""
    spec = BACKBONES["mobilenetv1"]
    for method in ("cam", "dfm"):
        model = create_model("mobilenetv1", 27, method=method)
        modules = model.insertions
        params = next(iter(modules.values())).params.to_dict() if modules else {}
        for number in range(count):
            model.fc.bias.data[0] = number  # another hash, so another network
            card = Card(
                name=f"family{number:02d}/{method}", method=method, backbone=spec.name,
                dataset="random", knows="nothing", classes=tuple(map(str, range(27))),
                points=tuple(modules), params=params, image_size=224, mean=spec.mean, std=spec.std,
            )  # fmt: skip
            save_checkpoint(root / f"family{number:02d}" / method, model, card)


def resident() -> float:
    """Memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def first_look(explore: Explore, family: str, example: str) -> float:
    """Seconds from the picture to everything the page shows."""
    begin = time.perf_counter()
    picture = explore.open({"example": example})["picture"]
    reply = explore.inspect({"family": family, "picture": picture, "settings": {}})
    if "error" in reply:
        raise SystemExit(reply["error"])
    return time.perf_counter() - begin


def start(root: Path) -> dict[str, float]:
    """Start the server side as app.py does, but for its warming up; count weights that are read."""
    seen: list[int] = []
    original = store.read_weights

    def counted(folder: Path, card: Card) -> bytes:
        data = original(folder, card)
        seen.append(len(data))
        return data

    store.read_weights = counted
    begin = time.perf_counter()
    explore = Explore(families=root, device="cpu")
    explore.check()
    facts = explore.start({})
    return {
        "families": len(facts["families"]),
        "seconds": time.perf_counter() - begin,
        "read": sum(seen),
    }


def cold(root: Path, family: str) -> dict[str, float]:
    """The first analysis; the examples are listed before, as at every start."""
    explore = Explore(families=root, device="cpu")
    explore.check()
    explore.start({})
    example = next(iter(explore.examples))
    first = first_look(explore, family, example)
    return {"first": first, "again": first_look(explore, family, example)}


def visit(root: Path, room: int) -> dict[str, object]:
    """Memory after each of many families, all of them with the same picture opened."""
    families.MODELS = Cache(room * MIB)
    explore = Explore(families=root, device="cpu")
    example = next(iter(explore.examples))
    grown = []
    for info in explore.families:
        first_look(explore, info.name, example)
        grown.append(resident())
    return {"grown": grown, "used": families.MODELS.used_bytes / MIB}


def child(*words: str) -> dict:
    """The same file in a process of its own; what it prints as JSON."""
    command = [sys.executable, __file__, "--child", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print all three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=40)
    parser.add_argument("--room", type=int, default=256, help="MiB for networks in part 3")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        many, one = Path(folder) / "many", Path(folder) / "one"
        random_families(many, options.many)
        shutil.copytree(many / "family00", one / "family00")
        for root in (one, many):
            rounds = [child("start", str(root)) for _ in range(options.rounds)]
            seconds = statistics.median(r["seconds"] for r in rounds)
            print(
                f"start with {rounds[0]['families']:3} families: {seconds:.2f} s, "
                f"{max(r['read'] for r in rounds)} bytes of weights read"
            )
        for info in Explore(families=default_root()).families:
            rounds = [child("cold", str(default_root()), info.name) for _ in range(options.rounds)]
            first, again = (statistics.median(r[k] for r in rounds) for k in ("first", "again"))
            sizes = (default_root() / info.name).glob(f"*/{WEIGHTS}")
            print(
                f"first analysis, {info.name}: {first:.2f} s ({len(info.trained)} trained, "
                f"{sum(p.stat().st_size for p in sizes) / 1e6:.1f} MB); again {again:.2f} s"
            )
        found = child("visit", str(many), str(options.room))
        grown = found["grown"]
        marks = [n for n in (1, 5, 10, 20, 40, 80) if n <= len(grown)]
        print(
            f"memory with room for {options.room} MiB of networks, MiB after families: "
            + ", ".join(f"{n}: {grown[n - 1]:.0f}" for n in marks)
            + f"; networks hold {found['used']:.0f} MiB"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        what, root, *rest = sys.argv[2:]
        parts = {"start": start, "cold": cold, "visit": lambda r, n: visit(r, int(n))}
        print(json.dumps(parts[what](Path(root), *rest)))
    else:
        main()
