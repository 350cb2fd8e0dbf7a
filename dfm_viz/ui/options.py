"""What can be said when the app is started: arguments, else environment, else defaults."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path


def _environment(*names: str, default: str | None = None) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), default)


def _switch(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read host, port, root_path, families, data_root, records, device and mcp; environment too.

    `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT` count too, as Hugging Face Spaces sets them, and
    `GRADIO_ROOT_PATH`.
    """
    parser = argparse.ArgumentParser(prog="app.py", description="Explore DFM beside CAM and ADL.")
    parser.add_argument(
        "--host",
        default=_environment("DFM_VIZ_HOST", "GRADIO_SERVER_NAME", default="127.0.0.1"),
        help="address to listen on (DFM_VIZ_HOST; default 127.0.0.1)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=_environment("DFM_VIZ_PORT", "GRADIO_SERVER_PORT", default="7860"),
        help="port to listen on (DFM_VIZ_PORT; default 7860)",
    )
    parser.add_argument(
        "--root-path",
        metavar="PATH",
        default=_environment("DFM_VIZ_ROOT_PATH", "GRADIO_ROOT_PATH"),
        help="path under which a reverse proxy shows the page, such as /dfm (DFM_VIZ_ROOT_PATH)",
    )
    parser.add_argument(
        "--families",
        type=Path,
        metavar="DIR",
        default=_environment("DFM_VIZ_FAMILIES"),
        help="folder of checkpoint families (DFM_VIZ_FAMILIES; default: checkpoints)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        default=_environment("DFM_VIZ_DATA_ROOT"),
        help="folder of data sets whose test pictures become examples (DFM_VIZ_DATA_ROOT)",
    )
    parser.add_argument(
        "--records",
        type=Path,
        metavar="DIR",
        default=_environment("DFM_VIZ_RECORDS"),
        help="folder of your own evaluation records for the Failures tab (DFM_VIZ_RECORDS)",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default=_environment("DFM_VIZ_DEVICE", default="auto"),
        help="where the networks run (DFM_VIZ_DEVICE; default auto)",
    )
    parser.add_argument(
        "--mcp",
        action=argparse.BooleanOptionalAction,
        default=_switch("DFM_VIZ_MCP"),
        help="offer the endpoints to language models too, as MCP tools (DFM_VIZ_MCP=1; default no)",
    )
    return parser.parse_args(arguments)
