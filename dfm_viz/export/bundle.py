"""Make a bundle: everything one inspection brought to light, as files that stand by themselves."""

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image

from dfm_viz.export import tables
from dfm_viz.export.arrays import arrays_of, pack
from dfm_viz.export.manifest import MAPS, PICTURE, RESULT, check_family_name, make_manifest
from dfm_viz.files import new_folder, write_file
from dfm_viz.inspection import Family, Inspection, Opened
from dfm_viz.inspection.result import MethodResult
from dfm_viz.outputs import output_folder
from dfm_viz.render import Column, panel, png_bytes
from dfm_viz.types import UserError

Boxes = Sequence[Sequence[float]]
Step = Callable[[str, int, int], None]
"""Told what comes next, how many steps are done, and of how many."""

MANIFEST = "manifest.json"
REPRODUCE = '''"""Ask the same question again: python reproduce.py [FOLDER OF FAMILIES]"""
import sys
from pathlib import Path
import dfm_viz
from dfm_viz.export import read_bundle
bundle = read_bundle(Path(__file__).parent)
family = dfm_viz.load_family(bundle.family, *sys.argv[1:])
result = family.inspect(family.open(bundle.picture), bundle.settings, bundle.truths)
for name, method in result.methods.items():
    print(name, method.label, f"{method.score:.4f}", [round(v, 1) for v in method.box])
'''
README = """# {title}

What dfm_viz saw in one picture, made {made} with the checkpoints {family}.

| file | what is in it |
|---|---|
| figures/ | for print, each as PNG, SVG and PDF: the methods with their boxes, where attention went, every map inside DFM |
| panel.png | the methods side by side at a glance |
| numbers.csv, maps.csv | answers of every method and every draw; least, mean and greatest value of DFM's maps |
| result.json | all numbers and small maps, as `/inspect` returns them |
| maps.npz | every raw map for `numpy.load`, under its path in result.json |
| picture.png | the picture as the networks saw it, upright, without its camera data |
| manifest.json | checkpoints, settings, versions and machine, and the SHA-256 of every file |
| reproduce.py | asks the same question again |

`python -m dfm_viz replay .` computes everything again and compares it with what is here.
"""  # noqa: E501 - a table
_STORED = {".png", ".npz", ".pdf"}


def nobody(what: str, done: int, total: int) -> None:
    """Tell nobody how far it is."""


def bundle_files(
    family: Family,
    opened: Opened,
    inspection: Inspection,
    truths: Boxes,
    *,
    title: str,
    source: str | None = None,
    step: Step = nobody,
) -> dict[str, bytes]:
    """All files of a bundle.

    Args:
        family: that answered.
        opened: the picture.
        inspection: the answer of `family` about `opened`.
        truths: true boxes that `inspection` was asked with.
        title: what the picture is called.
        source: where the family came from (hf:...), or None: its name says it.
        step: told before every slow step.

    Returns:
        Path inside the bundle -> content; manifest.json is the last.

    Raises:
        UserError: a family by a name that `read_bundle` would refuse.
    """
    check_family_name(inspection.family)
    files: dict[str, bytes] = {}
    jobs = dict(_jobs(opened, inspection, truths))
    for number, (what, job) in enumerate(jobs.items()):
        step(what, number, len(jobs))
        files |= job()
    texts = {
        RESULT: json.dumps(inspection.to_json(), ensure_ascii=False),
        "numbers.csv": tables.answers_csv(inspection),
        "maps.csv": tables.maps_csv(inspection),
        "reproduce.py": REPRODUCE,
        "README.md": README.format(
            title=" ".join(title.split()), family=inspection.family, made=time.strftime("%Y-%m-%d")
        ),
    }
    files |= {name: text.encode() for name, text in texts.items()}
    manifest = make_manifest(family, opened, inspection, truths, files, title=title, source=source)
    step("done", len(jobs), len(jobs))
    return {**files, MANIFEST: json.dumps(manifest, indent=1, ensure_ascii=False).encode()}


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """The files as one zip; what is compressed already is only stored."""
    buffer = io.BytesIO()
    now = time.localtime()[:6]
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, now)
            info.external_attr = 0o644 << 16
            stored = PurePosixPath(name).suffix in _STORED
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return buffer.getvalue()


def check_target(out: Path) -> None:
    """UserError unless a bundle can be put there: a new or empty folder, or a new .zip file."""
    if out.suffix != ".zip":
        output_folder(out)
    elif out.exists():
        raise UserError(f"{out} exists already; name a new file.")


def write_bundle(files: Mapping[str, bytes], out: Path) -> None:
    """Write a bundle, whole or not at all, as a .zip file or as a folder.

    Raises:
        UserError: there is something already, or it cannot be written.
    """
    check_target(out)
    if out.suffix == ".zip":
        write_file(out, zip_bytes(files))
        return
    with new_folder(out) as folder:
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)


def file_stem(title: str, family: str) -> str:
    """A name for the bundle of a picture that every system takes, such as "Lion_mobilenetv1"."""
    stem = re.sub(r"\.\w{2,4}$", "", title)  # IMG_1234.jpg
    plain = re.sub(r"[^\w-]+", "-", stem).strip("-_")[:60]
    return f"{plain or 'picture'}_{re.sub(r'[^-.0-9A-Za-z_]+', '-', family)}"


def caption(method: MethodResult) -> tuple[str, ...]:
    """What stands below a method's picture: class and score, IoU and a note where there are any."""
    iou = () if method.iou is None else (f"IoU {method.iou:.3f}",)
    note = (method.note,) if method.note else ()
    return (f"{method.label}, score {method.score:.3f}", *iou, *note)


def _jobs(
    opened: Opened, inspection: Inspection, truths: Boxes
) -> Iterator[tuple[str, Callable[[], dict[str, bytes]]]]:
    """The slow steps, each with its name: the arrays, the pictures, one figure after the other."""
    # Here, because they bring matplotlib along, which nobody else waits for.
    from dfm_viz.render import figures
    from dfm_viz.render.pipeline_figure import pipeline
    from dfm_viz.render.print_style import encoded

    rgb = opened.picture.rgb
    yield "raw maps", lambda: {MAPS: pack(arrays_of(inspection))}
    yield "picture", lambda: {PICTURE: _png(rgb), "panel.png": _panel(opened, inspection, truths)}
    drawn = {
        "comparison": partial(figures.comparison, rgb, inspection, truths),
        "attention": partial(figures.attention, rgb, inspection, truths),
    }
    for point in inspection.points:
        name = "pipeline_" + re.sub(r"[^-.0-9A-Za-z_]+", "-", point)
        drawn[name] = partial(pipeline, rgb, inspection, point, truths)
    for name, draw in drawn.items():

        def figure(name: str = name, draw: Callable[[], object] = draw) -> dict[str, bytes]:
            made = encoded(draw)  # type: ignore[arg-type]
            return {f"figures/{name}.{kind}": data for kind, data in made.items()}

        yield f"figure: {name.replace('_', ' ', 1)}", figure


def _png(rgb: object) -> bytes:
    """Lossless, at a third of the time that the smallest file would take."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=3)  # type: ignore[arg-type]
    return buffer.getvalue()


def _panel(opened: Opened, inspection: Inspection, truths: Boxes) -> bytes:
    columns = [
        Column(
            title=method.title,
            caption=caption(method),
            grid=method.grid,
            box=method.box,
            off_box=inspection.dfm_off.box if name == "dfm" else None,
        )
        for name, method in inspection.methods.items()
    ]
    return png_bytes(
        panel(
            opened.picture.rgb,
            columns,
            size=(inspection.width, inspection.height),
            truths=truths,
            colormap=str(inspection.settings.colormap),
            opacity=inspection.settings.opacity,
        )
    )
