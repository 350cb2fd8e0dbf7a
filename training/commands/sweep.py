"""`python -m training sweep`: fill one of the paper's tables, or vary one parameter."""

import argparse
import shlex
import sys
from pathlib import Path

from dfm_viz.types import UserError
from training.commands.options import add_runs, parse_parallel, parse_rows, parse_seeds
from training.recipe import load_recipe
from training.sweep import inference, methods, retrained
from training.sweep.cells import Job
from training.sweep.plans import NAMES, Kind, make_plan

DEFAULT_RECIPE = "mobilenetv1_cub50_cam"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "sweep",
        help="fill a table of the paper, or vary one parameter",
        description="Retrained (every row is trained) or at inference time (--kind inference: one "
        "checkpoint, only the module's settings vary). A stopped sweep goes on where it stopped.",
    )
    parser.add_argument("name", help=", ".join((*NAMES, methods.NAME)))
    parser.add_argument("overrides", nargs="*", metavar="field=value", help="on the base recipe")
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
    add_runs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Plan, say how long it takes, run what is missing, write the results file."""
    kind = Kind(options.kind)
    values = tuple(v.strip() for v in (options.values or "").split(",") if v.strip())
    command = shlex.join(["python", "-m", "training", "sweep", options.name, "--kind", str(kind)])
    parallel = parse_parallel(options.parallel)
    if options.name == methods.NAME and (values or kind is Kind.INFERENCE):
        raise UserError(
            f"{methods.NAME} trains the recipes of a family as they are; use --kind "
            f"{Kind.RETRAINED} and leave --values out."
        )
    if kind is Kind.INFERENCE:
        if options.checkpoint is None:
            raise UserError("--kind inference needs --checkpoint, the folder of a checkpoint.")
        _, path = inference.run(
            options.name,
            options.checkpoint,
            options.data_root,
            options.results,
            values=values,
            rows=parse_rows(options.rows),
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
            parallel,
        )
        base = load_recipe(job.recipe, job.overrides)
        if options.name == methods.NAME:
            plan = methods.methods_plan(job.recipe)
        else:
            plan = make_plan(options.name, base.model.backbone, kind, values)
        plan = plan.only(parse_rows(options.rows))
        _, path = retrained.run(
            plan,
            job,
            parse_seeds(options.seeds),
            options.results,
            f"{command} --recipe {Path(options.recipe).stem} --seeds {options.seeds} "
            f"--data-root DATA --init-weights WEIGHTS",
        )
    print(f"wrote {path}; `python -m training table` puts it into RESULTS.md", file=sys.stderr)
