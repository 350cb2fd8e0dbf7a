"""Starting the app: options, environment, what is wrong at the start."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dfm_viz.ui import options

ROOT = Path(__file__).parents[2]


def run(*arguments, **environment):
    """Run app.py and wait for its end."""
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def parse(monkeypatch):
    """The option parser with a clean environment."""
    for name in list(os.environ):
        if name.startswith(("DFM_VIZ_", "GRADIO_SERVER")):
            monkeypatch.delenv(name)
    return options.parse


def test_defaults(parse):
    read = parse([])
    assert (read.host, read.port, read.device) == ("127.0.0.1", 7860, "auto")
    assert read.families is None
    assert read.data_root is None


def test_environment_and_arguments(parse, monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert parse([]).host == "0.0.0.0"
    monkeypatch.setenv("DFM_VIZ_HOST", "localhost")
    monkeypatch.setenv("DFM_VIZ_PORT", "7999")
    monkeypatch.setenv("DFM_VIZ_FAMILIES", "here")
    read = parse([])
    assert (read.host, read.port, str(read.families)) == ("localhost", 7999, "here")
    assert parse(["--port", "8000"]).port == 8000


def test_the_module_has_the_page_ready_for_a_space():
    code = "import app, os; print(app.demo.title, os.environ['GRADIO_ANALYTICS_ENABLED'])"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "dfm_viz False"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--families", "nowhere"), "There is no folder of families nowhere"),
        (("--data-root", "nowhere"), "The data root nowhere is not a folder"),
        (("--device", "tpu"), "invalid choice: 'tpu'"),
        (("--port", "x"), "invalid int value: 'x'"),
    ],
)
def test_what_is_wrong_at_the_start_ends_with_code_2(arguments, sentence, families_root, free_port):
    ended = run(*arguments, DFM_VIZ_FAMILIES=str(families_root), DFM_VIZ_PORT=str(free_port))
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_ends_with_code_2(families_root):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port), "--families", str(families_root))
    assert ended.returncode == 2
    assert str(port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_zero_gpu_finds_the_function_it_insists_on(tmp_path):
    """A ZeroGPU Space refuses to start without one; a stand-in for its `spaces` package counts."""
    (tmp_path / "spaces.py").write_text(
        "import sys\n"
        "assert 'torch' not in sys.modules\n"
        "found = []\n"
        "def GPU(**options):\n"
        "    return lambda function: found.append(function.__name__) or function\n"
    )
    code = "import app, spaces; print(len(spaces.found), app.options.device)"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "SPACES_ZERO_GPU": "true", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == ["1", "auto"]
