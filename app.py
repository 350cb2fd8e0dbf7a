"""Start the page: python app.py [--host HOST] [--port PORT] [--families DIR] ... (see --help)."""

import os
import sys
import threading

from dfm_viz.terminal import prepare

if __name__ == "__main__":
    prepare("stopped")  # before the slow imports

# Gradio reads these when it is imported: nothing is sent anywhere.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# PyTorch's threads sleep between the many small operations of a slider move instead of spinning;
# on a busy machine spinning slows a move down several times.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if os.environ.get("SPACES_ZERO_GPU"):
    import spaces  # there only, and before torch

    @spaces.GPU(duration=5)
    def lend() -> None:
        """ZeroGPU wants one such function. The networks run on its CPU: sliders cannot wait."""


from dfm_viz.ui.options import parse

# Read before the slow imports, so that --help and mistakes answer at once.
options = parse(sys.argv[1:] if __name__ == "__main__" else [])

from dfm_viz.types import UserError  # noqa: E402
from dfm_viz.ui.handlers import Explore  # noqa: E402
from dfm_viz.ui.page import build, launch_options  # noqa: E402

explore = Explore(options.families, options.data_root, options.device, records=options.records)
demo = build(explore)


def main() -> int:
    """Serve until interrupted; 2 if something given at the start is wrong."""
    try:
        explore.check()
        served = launch_options(options.host, options.port, options.mcp, options.root_path)
        threading.Thread(target=explore.warm_up, daemon=True).start()
        demo.launch(**served)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, OverflowError) as error:  # the latter for a port that cannot be
        print(f"Nothing can be served at {options.host}:{options.port}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
