"""The whole page as one `gr.HTML`: constant templates and one script, joined from short files.

`static/explore` holds what all tabs share and the Explore tab; every other folder beside it is one
more tab: `page.html` is its pane, its `*.css` and `*.js` are taken in alphabetical order.

Its `value` stays empty: what the page shows travels through server functions, so Gradio never
re-renders the templates and the canvases live as long as the page.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import gradio as gr

STATIC = Path(__file__).with_name("static")
STYLES = ("base", "controls", "panels", "pipeline", "extras", "strip", "narrow")
SCRIPTS = (
    *("util", "maths", "state", "pump", "draw", "panels", "channels", "pipeline", "wires"),
    *("peaks", "speech", "probe", "boxes", "truth", "guess", "numbers", "controls", "strip"),
    *("source", "notes", "tabs", "share", "link", "keep", "download"),
)
BESIDE = ("ablate",)
"""Tabs that stand beside the sliders, as Explore does."""
ALONE = ("failures", "results")
"""Tabs that take the whole width."""


@cache
def read(name: str) -> str:
    """One file of the page, by its path inside `STATIC`."""
    return (STATIC / name).read_text(encoding="utf-8")


def _files(tab: str, kind: str) -> list[str]:
    return [f"{tab}/{p.name}" for p in sorted((STATIC / tab).glob(f"*.{kind}"))]


def script() -> str:
    """All scripts in one scope, in order; Gradio gives them `element`, `server` and `upload`."""
    names = [f"explore/{name}.js" for name in SCRIPTS]
    names += [name for tab in (*BESIDE, *ALONE) for name in _files(tab, "js")]
    body = "\n".join(read(name) for name in (*names, "explore/main.js"))
    return f"(() => {{\n'use strict';\n{body}\n}})();\n//# sourceURL=dfm_viz.js\n"


def styles() -> str:
    """The styles inside the component; Gradio scopes them to it."""
    names = [f"explore/{name}.css" for name in STYLES]
    names += [name for tab in (*BESIDE, *ALONE) for name in _files(tab, "css")]
    return "\n".join(read(name) for name in names)


def markup() -> str:
    """The page with the panes of all tabs in their places."""
    page = read("explore/page.html")
    for place, tabs in (("<!--beside-->", BESIDE), ("<!--alone-->", ALONE)):
        page = page.replace(place, "".join(read(f"{tab}/page.html") for tab in tabs))
    return page


def page_component(server_functions: list[Callable[..., object]]) -> gr.HTML:
    """The page; `server_functions` are called from its script by their names."""
    return gr.HTML(
        html_template=markup(),
        css_template=styles(),
        js_on_load=script(),
        head=f"<style>{read('explore/frame.css')}</style>",
        apply_default_css=False,
        elem_classes="dfm-explore",
        server_functions=server_functions,
    )
