"""`python -m training sweep`: fill one of the paper's tables, or vary one parameter."""

import argparse
import shlex
import sys
from pathlib import Path

from dfm_viz.types import UserError
from training.commands.options import add_threads
from training.recipe import load_recipe
from training.sweep import inference, retrained
from training.sweep.cells import Job
from training.sweep.plans import NAMES, Kind, make_plan
from training.sweep.results import FOLDER

DEFAULT_RECIPE = "ablation_mobilenetv1_cub27"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "sweep",
        help="fill a table of the paper, or vary one parameter",
        description="Retrained (every row is trained) or at inference time (--kind inference: one "
        "checkpoint, only the module's settings vary). A stopped sweep goes on where it stopped.",
    )
    parser.add_argument("name", help=", ".join(NAMES))
    parser.add_argument("overrides", nargs="*", metavar="field=value", help="on the base recipe")
    parser.add_argument("--data-root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--kind", choices=list(map(str, Kind)), default=str(Kind.RETRAINED))
    parser.add_argument("--recipe", default=DEFAULT_RECIPE, help="base recipe of all rows")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="with --kind inference: whose weights; several seeds of one recipe give a spread",
    )
    parser.add_argument("--values", help="of a one-parameter sweep, as .1,.2 or a,b,a+b")
    parser.add_argument("--rows", help="only these rows of the table, as cam,dfm")
    parser.add_argument("--seeds", default="0", help="as 0,1,2")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder of results files")
    parser.add_argument("--init-weights", type=Path, help="safetensors file to start from")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--parallel", type=int, default=1, help="runs at the same time")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Plan, say how long it takes, run what is missing, write the results file."""
    kind = Kind(options.kind)
    values = tuple(v.strip() for v in (options.values or "").split(",") if v.strip())
    command = shlex.join(["python", "-m", "training", "sweep", options.name, "--kind", str(kind)])
    if options.parallel < 1:
        raise UserError(f"--parallel must be at least 1, got {options.parallel}.")
    if kind is Kind.INFERENCE:
        if options.checkpoint is None:
            raise UserError("--kind inference needs --checkpoint, the folder of a checkpoint.")
        _, path = inference.run(
            options.name,
            options.checkpoint,
            options.data_root,
            options.results,
            values=values,
            rows=_rows(options.rows),
            command=f"{command} --checkpoint CHECKPOINT... --data-root DATA",
        )
    else:
        job = Job(
            options.recipe,
            tuple(options.overrides),
            options.data_root,
            options.runs,
            options.init_weights,
            options.device,
            options.threads,
            options.parallel,
        )
        base = load_recipe(job.recipe, job.overrides)
        plan = make_plan(options.name, base.model.backbone, kind, values)
        plan = plan.only(_rows(options.rows))
        _, path = retrained.run(
            plan,
            job,
            _seeds(options.seeds),
            options.results,
            f"{command} --recipe {Path(options.recipe).stem} --seeds {options.seeds} "
            f"--data-root DATA --init-weights WEIGHTS",
        )
    print(f"wrote {path}; `python -m training table` puts it into RESULTS.md", file=sys.stderr)


def _rows(text: str | None) -> tuple[str, ...]:
    return tuple(r.strip() for r in (text or "").split(",") if r.strip())


def _seeds(text: str) -> tuple[int, ...]:
    try:
        seeds = tuple(int(word) for word in text.split(","))
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0:
        raise UserError(f"--seeds must be whole numbers like 0,1,2, got {text!r}.")
    return tuple(dict.fromkeys(seeds))
