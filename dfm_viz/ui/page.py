"""The app: the page, the named endpoints, and how they are served."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from dfm_viz.pictures import MAX_BYTES
from dfm_viz.types import UserError
from dfm_viz.ui.ablate import Ablate
from dfm_viz.ui.api import add_endpoints
from dfm_viz.ui.component import page_component
from dfm_viz.ui.download import Download
from dfm_viz.ui.failures import PLOTLY, Failures
from dfm_viz.ui.handlers import Explore
from dfm_viz.ui.proxy import root_path
from dfm_viz.ui.results import Results

_HOUR = 3600


def build(explore: Explore) -> gr.Blocks:
    """The page as Blocks, ready to be launched with `launch_options`."""
    explore.uploads = Path(get_upload_folder())
    gr.set_static_paths([PLOTLY])  # this one file, loaded when the Failures tab is first opened
    with gr.Blocks(
        title="dfm_viz",
        fill_width=True,
        analytics_enabled=False,
        delete_cache=(_HOUR, _HOUR),
    ) as demo:
        parts = (explore, Ablate(explore), Failures(explore), Results(explore), Download(explore))
        page_component(_server_functions(parts))
        add_endpoints(explore)
    demo.queue(default_concurrency_limit=4, max_size=64)
    return demo


def _server_functions(parts: Sequence[Any]) -> list[Callable[..., object]]:
    """The handlers as functions of their own: Gradio marks them, which methods do not allow."""

    def function(method: Callable[[object], object], name: str) -> Callable[..., object]:
        def called(query: object) -> object:
            return method(query)

        called.__name__ = name
        return called

    return [function(getattr(part, name), name) for part in parts for name in part.SERVER]


def launch_options(
    host: str, port: int, mcp: bool = False, below: str | None = None
) -> dict[str, Any]:
    """How the page is served: no history, no telemetry, no tracebacks, small uploads only.

    Raises:
        UserError: `mcp`, the endpoints as MCP tools, without the package for it; or `below`, the
            path under which a reverse proxy shows the page, is none.
    """
    if mcp and find_spec("mcp") is None:
        raise UserError(
            "--mcp needs a package that is not installed; install it with: pip install "
            "'gradio[mcp]'."
        )
    return {
        "server_name": host,
        "server_port": port,
        "max_file_size": MAX_BYTES,
        "run_history": False,
        "ssr_mode": False,
        "show_error": False,
        "footer_links": ["api"],
        "mcp_server": mcp,
        "root_path": root_path(below),
    }
