"""The house stands: imports run downwards, and facts that live in two files agree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_imports_run_only_downwards():
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "dfm_viz",
        "dfm_viz.__main__",
        "dfm_viz.types",
        "dfm_viz.boxes",
        "dfm_viz.records",
        "dfm_viz.render",
    ],
)
def test_what_needs_no_network_loads_neither_torch_nor_gradio(name):
    code = f"import sys, {name}; print('torch' in sys.modules, 'gradio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_everything_that_can_be_named_has_its_reason():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    assert all("#" in line for line in required)
    assert "torch>=2.8,<2.15" in [line.split()[0] for line in required]


def test_the_space_runs_the_same_gradio_as_the_requirements():
    front = (ROOT / "README.md").read_text().split("---")[1]
    version = re.search(r"sdk_version: ([\d.]+)", front).group(1)
    assert version.startswith("6.31")
    assert "gradio>=6.31" in (ROOT / "requirements.txt").read_text()
    assert "app_file: app.py" in front


def test_package_version_is_told_once():
    import dfm_viz

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == dfm_viz.__version__


def test_the_table_in_the_readme_is_that_of_the_cards():
    from training.tables.checkpoints import BEGIN, END, checkpoints_table

    text = (ROOT / "README.md").read_text()
    assert BEGIN + checkpoints_table(ROOT / "checkpoints") + END in text


def test_results_are_those_of_the_results_files():
    """`python -m training table` was run after the last sweep."""
    from training.tables.document import APP_DATA, DOCUMENT, app_data, document

    assert DOCUMENT.read_text(encoding="utf-8") == document()
    assert APP_DATA.read_text(encoding="utf-8") == app_data()


def test_shipped_checkpoints_are_small_and_load():
    from dfm_viz.checkpoint import load_checkpoint

    folders = [path.parent for path in (ROOT / "checkpoints").glob("*/*/card.json")]
    assert len(folders) >= 7
    for folder in folders:
        assert (folder / "model.safetensors").stat().st_size < 10_000_000
        model, card = load_checkpoint(folder)
        assert model.fc.out_features == len(card.classes)
        assert card.licences


@pytest.mark.parametrize("folder", ["dfm_viz", "training", "tests", "benchmarks"])
def test_no_hooks_no_unpickling(folder):
    forbidden = re.compile(
        r"register_forward|(?<!safetensors\.)torch\.load\(|pickle\.load|weights_only=False"
    )
    for path in (ROOT / folder).rglob("*.py"):
        if path != Path(__file__):
            assert not forbidden.search(path.read_text()), path
