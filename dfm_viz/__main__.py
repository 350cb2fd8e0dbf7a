"""`python -m dfm_viz`: inspect and replay without a browser; list, convert and fetch families."""

import argparse
import json
import sys
from pathlib import Path

import dfm_viz
from dfm_viz.types import UserError


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if it worked; 1 if a replay gave other maps than promised; 2 if it could not be done, with
        one sentence on standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except UserError as error:
        print(f"dfm_viz: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dfm_viz", description=dfm_viz.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    inspect = commands.add_parser(
        "inspect", help="write what each method sees in one picture: maps, numbers, figures"
    )
    inspect.add_argument("image", type=Path, help="JPEG, PNG, WebP, BMP or GIF")
    inspect.add_argument(
        "--family", required=True, help="name or folder of a family, or hf:OWNER/NAME@COMMIT"
    )
    inspect.add_argument(
        "--out", type=Path, required=True, help="new or empty folder, or a new .zip file"
    )
    inspect.add_argument(
        "--settings", default="", help='JSON object, for example \'{"beta": 0.9, "mode": "off"}\''
    )
    inspect.add_argument(
        "--truths", default="", help="true boxes, JSON: [[x0, y0, x1, y1], ...] in picture pixels"
    )
    inspect.set_defaults(run=_inspect)
    replay = commands.add_parser(
        "replay", help="compute what `inspect` or the page wrote again, and compare"
    )
    replay.add_argument("bundle", type=Path, help="its folder or zip")
    replay.add_argument(
        "--family", default=None, help="where its family is now; else the one with its name"
    )
    replay.set_defaults(run=_replay)
    families = commands.add_parser("families", help="print the families as JSON")
    families.set_defaults(run=_families)
    convert = commands.add_parser(
        "convert",
        help="bring checkpoints of an earlier version up to date; weights stay as they are",
    )
    convert.add_argument("folder", type=Path, help="a checkpoint, a family or a folder of families")
    convert.set_defaults(run=_convert)
    failures = commands.add_parser(
        "known-failures",
        help="find pictures that a family gets wrong and put them on its cards",
    )
    failures.add_argument("folder", type=Path, help="a family or a folder of families")
    failures.set_defaults(run=_known_failures)
    lessons = commands.add_parser(
        "lessons",
        help="choose the example pictures of a family by what its networks make of them",
    )
    lessons.add_argument("folder", type=Path, help="a family or a folder of families")
    lessons.set_defaults(run=_lessons)
    fetch = commands.add_parser(
        "fetch", help="download a family: published ImageNet weights, or from the Hugging Face Hub"
    )
    fetch.add_argument(
        "what",
        help="resnet50_imagenet1k, likewise mobilenetv1_, resnet101_ and vgg16_; or "
        "hf:OWNER/NAME@COMMIT (COMMIT: 40 hex digits)",
    )
    fetch.add_argument(
        "--out",
        type=Path,
        default=None,
        help="new or empty folder; else ImageNet goes to the app's families, the Hub to a cache",
    )
    fetch.set_defaults(run=_fetch)
    for command in (inspect, replay, families):
        command.add_argument("--families", type=Path, default=None, help="folder of families")
    for command in (inspect, replay, failures, lessons):
        command.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _families(options: argparse.Namespace) -> None:
    infos = dfm_viz.list_families(options.families)
    print(json.dumps([info.to_json() for info in infos], indent=1, ensure_ascii=False))


def _inspect(options: argparse.Namespace) -> None:
    from dfm_viz.checkpoint.hub import PREFIX
    from dfm_viz.export.bundle import bundle_files, caption, check_target, write_bundle
    from dfm_viz.inspection import parse_truths

    check_target(options.out)
    family = dfm_viz.load_family(options.family, root=options.families, device=options.device)
    settings = dfm_viz.Settings.parse(options.settings)
    opened = family.open(options.image)
    truths = parse_truths(options.truths)
    result = family.inspect(opened, settings, truths)
    source = options.family if options.family.startswith(PREFIX) else None
    title = options.image.name
    files = bundle_files(family, opened, result, truths, title=title, source=source)
    write_bundle(files, options.out)
    wide = max(len(method.title) for method in result.methods.values())
    for method in result.methods.values():
        box = ", ".join(f"{v:.1f}" for v in method.box)
        print("  ".join((method.title.ljust(wide), *caption(method), f"box [{box}]")))
    print(f"Written to {options.out}: {len(files)} files, see README.md there.")


def _replay(options: argparse.Namespace) -> int:
    import os

    import torch

    from dfm_viz.checkpoint.hub import PREFIX
    from dfm_viz.export import read_bundle, replay

    bundle = read_bundle(options.bundle)
    source = str(bundle.manifest["family"].get("source", ""))
    if options.family is None and source.startswith(PREFIX):
        raise UserError(f"{bundle.name} was made with {source}; allow it with --family {source}.")
    where = options.family or bundle.family
    family = dfm_viz.load_family(where, root=options.families, device=options.device)
    # The number of threads is the one thing that can be made as it was.
    if bundle.manifest["threads"] <= (os.cpu_count() or 1):
        torch.set_num_threads(bundle.manifest["threads"])
    outcome = replay(bundle, family)
    print(f"{bundle.name}: its {len(bundle.manifest['files'])} files are unchanged.")
    for line in outcome.lines():
        print(line)
    return 0 if outcome.kept else 1


def _convert(options: argparse.Namespace) -> None:
    from dfm_viz.checkpoint.convert import convert

    for folder, written in convert(options.folder).items():
        print(f"{folder}: {'converted' if written else 'up to date'}")


def _known_failures(options: argparse.Namespace) -> None:
    from dfm_viz.known_failures import write_failures

    for folder, failures in write_failures(options.folder, options.device).items():
        print(f"{folder}: {len(failures)} on the card")
        for failure in failures:
            print(f"  {failure.sentence}")


def _lessons(options: argparse.Namespace) -> None:
    from dfm_viz.lessons import write_lessons

    for name, rows in write_lessons(options.folder, options.device):
        print(f"{name}: {len(rows)} pictures")
        for row in rows:
            print(f"  {row['example']}: {row['caption']}")


def _fetch(options: argparse.Namespace) -> None:
    from dfm_viz.checkpoint import hub, imagenet
    from dfm_viz.inspection.lookup import default_root

    if options.what.startswith(hub.PREFIX):
        folder = hub.fetch(options.what, options.out)
    else:
        folder = imagenet.fetch(options.what, options.out or default_root() / options.what)
    print(f"{options.what} is verified and lies in {folder}")


if __name__ == "__main__":
    sys.exit(main())
