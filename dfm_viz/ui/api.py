"""The named endpoints, for `gradio_client` and curl; the page itself does not use them."""

from typing import Any

import gradio as gr

from dfm_viz.inspection import parse_truths
from dfm_viz.types import UserError
from dfm_viz.ui.handlers import Explore


def add_endpoints(explore: Explore) -> None:
    """Add `/families` and `/inspect` to the Blocks being built."""

    def families() -> list[dict[str, Any]]:
        """List the checkpoint families: name, backbone, data set, classes, methods, points."""
        return _told(lambda: [info.to_json() for info in explore.families])

    def inspect(image: str, family: str, settings: str, truths: str) -> dict[str, Any]:
        """Analyse one picture: class, score, map and box of every method, and DFM's maps."""
        return _told(lambda: _inspect(explore, image, family, settings, truths))

    with gr.Group(visible=False):
        answer = gr.JSON(label="answer")
        image = gr.File(label="image", type="filepath")
        family = gr.Textbox(label="family")
        settings = gr.Textbox(label="settings, JSON", value="{}")
        truths = gr.Textbox(label="true boxes, JSON", value="")
        gr.Button("families").click(
            families,
            outputs=answer,
            api_name="families",
            api_description="List the checkpoint families.",
            show_progress="hidden",
        )
        gr.Button("inspect").click(
            inspect,
            inputs=[image, family, settings, truths],
            outputs=answer,
            api_name="inspect",
            api_description=(
                "Analyse one picture. settings: a JSON object, {} for all defaults. "
                "true boxes: [[x0, y0, x1, y1], ...] in upright pixels, or empty."
            ),
            concurrency_id="network",
            concurrency_limit=2,
            show_progress="hidden",
        )


def _inspect(
    explore: Explore, image: str | None, family: str | None, settings: str, truths: str
) -> dict[str, Any]:
    if not image:
        raise UserError("image is missing; send a picture file.")
    name = family or explore.families[0].name
    found = explore.family(name)
    inspection = found.inspect(found.open(image), settings or "{}", parse_truths(truths))
    return inspection.to_json()


def _told(question: Any) -> Any:
    """The answer, or the one sentence of what is wrong as an error that callers can read."""
    try:
        return question()
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error
