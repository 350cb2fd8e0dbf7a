"""The command line: the same numbers as the engine, one sentence for every mistake."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dfm_viz.__main__ import main


@pytest.fixture
def photo(picture, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def run(families_root, photo, tmp_path, capsys):
    def call(*extra, image=photo, family="tiny"):
        out = tmp_path / "result"
        code = main(
            [
                *("inspect", str(image), "--family", family, "--families", str(families_root)),
                *("--out", str(out), "--device", "cpu", *extra),
            ]
        )
        return code, out, capsys.readouterr()

    return call


def test_the_same_numbers_as_the_engine(run, tiny_family, photo):
    settings, truths = '{"beta": 0.8, "path": "channel"}', "[[20, 10, 80, 70]]"
    code, out, said = run("--settings", settings, "--truths", truths)
    assert code == 0, said.err
    expected = tiny_family.inspect(tiny_family.open(photo), settings, [[20, 10, 80, 70]])
    assert json.loads((out / "result.json").read_text()) == json.loads(
        json.dumps(expected.to_json())
    )
    point = tiny_family.info.points[1]
    with np.load(out / "maps.npz") as maps:
        assert np.array_equal(maps["methods/dfm/map"], expected.methods["dfm"].map)
        assert np.array_equal(maps[f"points/{point}/F_out"], expected.points[point].F_out)
    with Image.open(out / "panel.png") as panel:
        assert panel.width > 600
    assert "IoU" in said.out


def test_what_the_reader_says_goes_to_standard_error(run, tmp_path):
    dark = tmp_path / "dark.png"
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)).save(dark)
    code, out, said = run(image=dark)
    assert code == 0
    assert "dark.png: This 16-bit picture uses only its lowest 12 bits" in said.err
    assert "add --stretch" in said.err
    shutil.rmtree(out)
    code, out, said = run("--stretch", image=dark)
    assert code == 0
    assert "4095 of 65535" in said.err
    assert "add --stretch" not in said.err
    with Image.open(out / "picture.png") as kept:
        assert kept.getextrema() == ((0, 255),) * 3


def test_8_bits_are_not_stretched(run):
    code, out, said = run("--stretch")
    assert code == 2
    assert "nothing to stretch" in said.err or "no 16 bits" in said.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--settings", '{"beta": 2}'], ["beta", "0 to 1"]),
        (["--settings", "nonsense"], ["JSON"]),
        (["--truths", "[[1,2]]"], ["box"]),
        (["--truths", "{}"], ["true boxes"]),
        (["--device", "tpu"], ["device", "cuda"]),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(run, extra, words):
    code, out, said = run(*extra)
    assert code == 2
    assert all(word in said.err for word in words), said.err
    assert said.err.count("\n") == 1
    assert not out.exists()


def test_unknown_family_missing_picture_and_existing_folder(run, tmp_path):
    assert "camonly, tiny" in run(family="nothing")[2].err
    assert "missing.png" in run(image=tmp_path / "missing.png")[2].err
    (tmp_path / "result").mkdir()
    assert run()[0] == 0  # an empty folder is as good as a new one
    before = (tmp_path / "result" / "result.json").stat().st_mtime_ns
    assert "is not empty" in run()[2].err
    assert (tmp_path / "result" / "result.json").stat().st_mtime_ns == before


def test_the_working_directory_is_no_place_for_a_bundle(photo, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for words in (
        ["inspect", str(photo), "--family", "tiny", "--out", "."],
        ["fetch", "resnet50_imagenet1k", "--out", "."],
        ["fetch", f"hf:some/one@{'0' * 40}", "--out", "."],
    ):
        assert main(words) == 2
        assert ". is or holds the working directory" in capsys.readouterr().err


def test_as_a_program(families_root):
    command = [sys.executable, "-m", "dfm_viz", "families", "--families", str(families_root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    infos = {info["name"]: info for info in json.loads(done.stdout)}
    assert infos["tiny"]["methods"] == ["cam", "adl", "dfm"]
    assert infos["camonly"]["trained"] == ["cam"]


def test_help_names_every_command_in_one_line(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = capsys.readouterr().out
    for command in ("inspect", "families", "convert", "fetch"):
        assert len([line for line in said.splitlines() if line.startswith(f"    {command} ")]) == 1


@pytest.mark.parametrize("words", [[], ["nonsense"], ["convert"], ["fetch"], ["inspect", "x.png"]])
def test_a_wrong_command_line_ends_with_2(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "usage: python -m dfm_viz" in capsys.readouterr().err
