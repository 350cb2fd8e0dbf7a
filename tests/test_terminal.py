"""A program speaks on every terminal and stops with a sentence, from its first import on."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfm_viz.terminal import prepare
from training.__main__ import main

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "training", "table"],
        ["-m", "training", "--help"],
        ["-m", "dfm_viz", "families"],
        ["-m", "dfm_viz", "inspect", "x.png", "--family", "x", "--out", "x"],
        ["app.py"],
    ],
)
def test_ctrl_c_during_the_imports_is_one_sentence(words, tmp_path):
    (tmp_path / "torch.py").write_text("raise KeyboardInterrupt")  # as if pressed right then
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode in (-2, 130)
    assert done.stderr.startswith("stopped")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_other_errors_are_told_as_ever(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    prepare("stopped")
    error = ValueError("bug")
    sys.excepthook(ValueError, error, None)
    assert seen == [(ValueError, error, None)]


def test_what_a_terminal_cannot_show_is_escaped(monkeypatch):
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, "ascii", write_through=True))
    prepare("stopped")
    print("wrote caf\u00e9 \udcff")
    assert screen.getvalue() == b"wrote caf\\xe9 \\udcff\n"


def test_every_program_is_prepared_for_such_a_terminal(tmp_path):
    """The report of finished work names its folder."""
    code = (
        "import runpy, sys; sys.argv = ['training', 'imagenet', '--init-weights', 'w', '--out', "
        "'caf\\u00e9']; import training.imagenet as made; from types import SimpleNamespace as N; "
        "made.make = lambda *a: N(classes=()); runpy.run_module('training', run_name='__main__')"
    )
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True)
    assert done.stderr == b""
    assert done.stdout == b"wrote caf\\xe9 (0 classes)\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["seed=99999999999999999999"], "seed must be a whole number from 0 to 92233720368547"),
        (["seed=-1"], "seed must be a whole number from 0"),
        (["seed=" + "9" * 5000], "seed must be of type int"),
        (["epochs=" + "9" * 400], "epochs must be from 1 to 10000"),
        (["lr=nan"], "lr must be from 0 to 100"),
        (["lr=1e999"], "lr must be from 0 to 100"),
        (["--threads", "-3"], "--threads must be from 0"),
        (["--threads", "99999999999999999999"], "--threads must be from 0"),
    ],
)
def test_a_number_that_cannot_be_is_a_sentence(words, told, tmp_path, capsys):
    fit = ["fit", "toynet_toy_cam", "--data-root", str(tmp_path), "--out", str(tmp_path / "x")]
    assert main([*fit, *words]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_giant_numbers_in_a_file_too(tmp_path, capsys):
    for number, text in enumerate(("lr = 1" + "0" * 400, "epochs = " + "9" * 5000)):
        path = tmp_path / f"{number}.toml"
        path.write_text(f"[optim]\n{text}\n")
        assert main(["fit", str(path), "--data-root", ".", "--out", "x"]) == 2
        assert "lr must be from" in (said := capsys.readouterr().err) or "TOML" in said


def test_a_name_that_is_no_text_is_refused_before_any_work(tmp_path, capsys):
    fit = ["fit", "toynet_toy_cam", "--data-root", str(tmp_path)]
    assert main([*fit, "--out", str(tmp_path / "x\udcff")]) == 2
    assert "is no UTF-8" in capsys.readouterr().err
