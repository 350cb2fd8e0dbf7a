"""The named endpoints, for `gradio_client` and curl; the page itself does not use them.

docs/api.md describes them for people.
"""

import secrets
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.data_classes import FileData
from gradio.utils import get_upload_folder
from pydantic import ConfigDict, ValidationError

from dfm_viz.export import bundle_files, zip_bytes
from dfm_viz.export.bundle import file_stem
from dfm_viz.inspection import SWEPT, Family, Opened, parse_truths, parse_values
from dfm_viz.types import UserError
from dfm_viz.ui.handlers import Explore

_SETTINGS = "settings: a JSON object, {} for all defaults."
_TRUTHS = "truths: true boxes [[x0, y0, x1, y1], ...] in upright pixels, or empty."
_ROWS = (
    "Inference-time: the weights stay as they are. Answers {kind, rows [{row, name, switches, "
    "label, class_index, score, map, box, iou}]}"
)


KEPT_SECONDS = 600
"""How long an exported zip can be fetched."""


class Sent(FileData):
    """A file that was sent; a mere path as text is answered with what to do instead."""

    # The client knows files by this title.
    model_config = ConfigDict(title=FileData.__name__)

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> "Sent":
        """What is no sent file becomes one sentence: Gradio would say that it may not tell."""
        try:
            return super().model_validate(obj, **how)
        except ValidationError:
            raise gr.Error(
                "image must be a file that was sent, not its path as text: use "
                "gradio_client.handle_file(path), or with curl upload it first (docs/api.md).",
                print_exception=False,
            ) from None


def add_endpoints(explore: Explore) -> None:
    """Add `/families`, `/inspect`, `/ablate`, `/sweep` and `/export` to the Blocks being built."""

    def families() -> list[dict[str, Any]]:
        """List the checkpoint families: name, backbone, data set, classes, methods, points."""
        return _told(lambda: [info.to_json() for info in explore.families])

    def inspect(image: str, family: str, settings: str, truths: str) -> dict[str, Any]:
        """Analyse one picture: class, score, map and box of every method, and DFM's maps."""

        def ask(found: Family, opened: Opened) -> Any:
            return found.inspect(opened, settings or "{}", parse_truths(truths))

        return _told(lambda: _asked(explore, image, family, ask))

    def ablate(image: str, family: str, settings: str, truths: str) -> dict[str, Any]:
        """Show the seven configurations of Table 1 on one picture."""

        def ask(found: Family, opened: Opened) -> Any:
            return found.ablate(opened, settings or "{}", parse_truths(truths))

        return _told(lambda: _asked(explore, image, family, ask))

    def sweep(
        image: str, family: str, settings: str, parameter: str, values: str, truths: str
    ) -> dict[str, Any]:
        """Show DFM's answer on one picture for every value of one parameter."""

        def ask(found: Family, opened: Opened) -> Any:
            listed = parse_values(values)
            return found.sweep(opened, settings or "{}", parameter, listed, parse_truths(truths))

        return _told(lambda: _asked(explore, image, family, ask))

    def export(image: str, family: str, settings: str, truths: str) -> str:
        """Make a zip of all there is about one picture: figures, raw maps, numbers, manifest."""

        def ask(found: Family, opened: Opened) -> str:
            boxes = parse_truths(truths)
            result = found.inspect(opened, settings or "{}", boxes)
            title = Path(image).name
            data = zip_bytes(bundle_files(found, opened, result, boxes, title=title))
            return str(_lend(data, f"{file_stem(title, result.family)}.zip"))

        return _told(lambda: _asked(explore, image, family, ask))

    with gr.Group(visible=False):
        answer = gr.JSON(label="answer")
        bundle = gr.File(label="bundle")
        image = gr.File(label="image", type="filepath")
        image.data_model = Sent
        family = gr.Textbox(label="family")
        settings = gr.Textbox(label="settings, JSON", value="{}")
        parameter = gr.Textbox(label="parameter")
        values = gr.Textbox(label="values, JSON")
        truths = gr.Textbox(label="true boxes, JSON", value="")

        def add(
            ask: Callable[..., Any],
            inputs: Sequence[Component],
            description: str,
            output: Component = answer,
            **queue: Any,
        ) -> None:
            gr.Button(ask.__name__).click(
                ask,
                inputs=inputs,
                outputs=output,
                api_name=ask.__name__,
                api_description=description,
                show_progress="hidden",
                **queue,
            )

        one: dict[str, Any] = {"concurrency_id": "network", "concurrency_limit": 2}
        # Long ones wait for each other, so that they never keep single questions waiting.
        many: dict[str, Any] = {"concurrency_id": "series", "concurrency_limit": 1}
        picture = [image, family, settings]
        add(families, [], "List the checkpoint families.")
        add(inspect, [*picture, truths], f"Analyse one picture. {_SETTINGS} {_TRUTHS}", **one)
        add(
            ablate,
            [*picture, truths],
            f"The seven configurations of Table 1 on one picture. {_ROWS}; row 0, the plain "
            f"backbone, has no map, box and IoU, and no class in a family without CAM weights that "
            f"fit it. Mode off means expected for rows 2 to 6. {_SETTINGS} {_TRUTHS}",
            **many,
        )
        add(
            sweep,
            [*picture, parameter, values, truths],
            f"DFM's answer on one picture for every value of one parameter. {_ROWS} with value; "
            f"row is null where no row of Table 1 has these switches. parameter: one of "
            f"{', '.join(SWEPT)}. values: a JSON list such as [0, 0.5, 1], at most 201; of points "
            f"a name, several joined by +, or all. {_SETTINGS} {_TRUTHS}",
            **many,
        )
        add(
            export,
            [*picture, truths],
            f"All there is about one picture as a zip: figures for print (PNG, SVG, PDF), raw maps "
            f"(npz), numbers (CSV, JSON), the picture, and a manifest with which `python -m "
            f"dfm_viz replay` computes everything again. It can be fetched for "
            f"{KEPT_SECONDS // 60} minutes. {_SETTINGS} {_TRUTHS}",
            bundle,
            **many,
        )


def _asked(
    explore: Explore,
    image: str | None,
    family: str | None,
    ask: Callable[[Family, Opened], Any],
) -> Any:
    """Open the picture with the family's networks and ask; results become plain JSON values."""
    if not image:
        raise UserError("image is missing; send a picture file.")
    found = explore.family(family or explore.families[0].name)
    opened = found.open(image)
    answer = ask(found, opened)
    if isinstance(answer, str):
        return answer
    return {**answer.to_json(), "notes": list(opened.picture.notes)}


def _lend(data: bytes, name: str) -> Path:
    """Put a file where Gradio serves it from, for a while, in a folder nobody can guess."""
    folder = Path(get_upload_folder()) / secrets.token_hex(24)
    folder.mkdir(parents=True, mode=0o700)
    path = folder / name
    path.write_bytes(data)
    timer = threading.Timer(KEPT_SECONDS, shutil.rmtree, (folder,), {"ignore_errors": True})
    timer.daemon = True
    timer.start()
    return path


def _told(question: Any) -> Any:
    """The answer, or the one sentence of what is wrong as an error that callers can read."""
    try:
        return question()
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error
