"""`python -m dfm_viz`: inspect a picture without a browser; list, convert and fetch families."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import dfm_viz
from dfm_viz.files import check_new, new_folder
from dfm_viz.types import UserError

if TYPE_CHECKING:
    from dfm_viz.inspection.result import MethodResult


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it worked, 2 with one sentence on standard error if it did not."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except UserError as error:
        print(f"dfm_viz: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dfm_viz", description=dfm_viz.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    inspect = commands.add_parser(
        "inspect", help="write what each method sees in one picture into a folder"
    )
    inspect.add_argument("image", type=Path, help="JPEG, PNG, WebP, BMP or GIF")
    inspect.add_argument(
        "--family", required=True, help="name or folder of a family, or hf:OWNER/NAME@COMMIT"
    )
    inspect.add_argument("--out", type=Path, required=True, help="new or empty folder")
    inspect.add_argument(
        "--settings", default="", help='JSON object, for example \'{"beta": 0.9, "mode": "off"}\''
    )
    inspect.add_argument(
        "--truths", default="", help="true boxes, JSON: [[x0, y0, x1, y1], ...] in picture pixels"
    )
    inspect.set_defaults(run=_inspect)
    families = commands.add_parser("families", help="print the families as JSON")
    families.set_defaults(run=_families)
    convert = commands.add_parser(
        "convert",
        help="bring checkpoints of an earlier version up to date; weights stay as they are",
    )
    convert.add_argument("folder", type=Path, help="a checkpoint, a family or a folder of families")
    convert.set_defaults(run=_convert)
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
    for command in (inspect, families):
        command.add_argument("--families", type=Path, default=None, help="folder of families")
    inspect.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _families(options: argparse.Namespace) -> None:
    infos = dfm_viz.list_families(options.families)
    print(json.dumps([info.to_json() for info in infos], indent=1, ensure_ascii=False))


def _inspect(options: argparse.Namespace) -> None:
    import numpy as np

    from dfm_viz.inspection import parse_truths
    from dfm_viz.render import Column, panel, png_bytes

    check_new(options.out)
    family = dfm_viz.load_family(options.family, root=options.families, device=options.device)
    settings = dfm_viz.Settings.parse(options.settings)
    opened = family.open(options.image)
    truths = parse_truths(options.truths)
    result = family.inspect(opened, settings, truths)
    columns = [
        Column(
            title=method.title,
            caption=_caption(method),
            grid=method.grid,
            box=method.box,
            off_box=result.dfm_off.box if name == "dfm" else None,
        )
        for name, method in result.methods.items()
    ]
    picture = panel(
        opened.picture.rgb,
        columns,
        size=(result.width, result.height),
        truths=truths,
        colormap=str(settings.colormap),
        opacity=settings.opacity,
    )
    arrays = {f"{name}_map": method.map for name, method in result.methods.items()}
    for point, maps in result.points.items():
        arrays |= {f"{point}_{k}": v for k, v in vars(maps).items() if k != "path"}
    with new_folder(options.out) as folder:
        text = json.dumps(result.to_json(), ensure_ascii=False)
        (folder / "result.json").write_text(text, encoding="utf-8")
        (folder / "panel.png").write_bytes(png_bytes(picture))
        np.savez_compressed(folder / "maps.npz", allow_pickle=False, **arrays)
    wide = max(len(method.title) for method in result.methods.values())
    for method in result.methods.values():
        box = ", ".join(f"{v:.1f}" for v in method.box)
        print("  ".join((method.title.ljust(wide), *_caption(method), f"box [{box}]")))
    print(f"Written to {options.out}: result.json, panel.png, maps.npz")


def _caption(method: "MethodResult") -> tuple[str, ...]:
    iou = () if method.iou is None else (f"IoU {method.iou:.3f}",)
    note = (method.note,) if method.note else ()
    return (f"{method.label}, score {method.score:.3f}", *iou, *note)


def _convert(options: argparse.Namespace) -> None:
    from dfm_viz.convert import convert

    for folder, written in convert(options.folder).items():
        print(f"{folder}: {'converted' if written else 'up to date'}")


def _fetch(options: argparse.Namespace) -> None:
    from dfm_viz import hub, imagenet
    from dfm_viz.inspection.lookup import default_root

    if options.what.startswith(hub.PREFIX):
        folder = hub.fetch(options.what, options.out)
    else:
        folder = imagenet.fetch(options.what, options.out or default_root() / options.what)
    print(f"{options.what} is verified and lies in {folder}")


if __name__ == "__main__":
    sys.exit(main())
