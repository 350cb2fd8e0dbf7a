"""The Explore page as one `gr.HTML`: constant templates and one script, joined from short files.

Its `value` stays empty: what the page shows travels through server functions, so Gradio never
re-renders the templates and the canvases live as long as the page.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import gradio as gr

STATIC = Path(__file__).with_name("static") / "explore"
STYLES = ("base", "controls", "panels", "pipeline", "narrow")
SCRIPTS = (
    *("util", "maths", "state", "pump", "draw", "panels", "channels", "pipeline", "wires"),
    *("probe", "truth", "controls", "source", "main"),
)


@cache
def read(name: str) -> str:
    """One file of the page."""
    return (STATIC / name).read_text(encoding="utf-8")


def script() -> str:
    """All scripts in one scope, in order; Gradio gives them `element`, `server` and `upload`."""
    body = "\n".join(read(f"{name}.js") for name in SCRIPTS)
    return f"(() => {{\n'use strict';\n{body}\n}})();\n//# sourceURL=dfm_viz_explore.js\n"


def styles() -> str:
    """The styles inside the component; Gradio scopes them to it."""
    return "\n".join(read(f"{name}.css") for name in STYLES)


def explore_component(server_functions: list[Callable[..., object]]) -> gr.HTML:
    """The page; `server_functions` are called from its script by their names."""
    return gr.HTML(
        html_template=read("page.html"),
        css_template=styles(),
        js_on_load=script(),
        head=f"<style>{read('frame.css')}</style>",
        apply_default_css=False,
        elem_classes="dfm-explore",
        server_functions=server_functions,
    )
