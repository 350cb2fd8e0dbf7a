"""The evaluator as a whole: modes, batches, interruptions, processes, the command line."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torch import nn

from dfm_viz.backbones import forward_mode
from dfm_viz.checkpoint import load_checkpoint, save_checkpoint
from dfm_viz.records import read_about
from dfm_viz.types import Mode, UserError
from training.__main__ import main
from training.data import open_dataset
from training.evaluation import evaluate, evaluate_path, recorder
from training.evaluation.network import MODES, answer
from training.evaluation.text import tables

ROOT = Path(__file__).parents[3]
NAMES = ("Red Bird", "Blue throated Bird", "Green Bird")
METHODS = ("cam", "dfm")


@pytest.fixture(scope="module")
def family(tmp_path_factory, checkpoint_maker):
    """Random checkpoints at 64 px that say they were trained on the tiny CUB folder."""
    root = tmp_path_factory.mktemp("evaluated") / "tiny"
    for seed, method in enumerate(METHODS):
        checkpoint_maker(root / method, method, seed=seed)
        model, card = load_checkpoint(root / method)
        card = dataclasses.replace(card, classes=NAMES, recipe={"data": {"name": "cub"}})
        save_checkpoint(root / method, model, card)
    return root


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """CUB layout with five test pictures of three classes, of different sizes."""
    root = tmp_path_factory.mktemp("five") / "CUB"
    lists = {"images": "", "image_class_labels": "", "train_test_split": "", "bounding_boxes": ""}
    for n in range(5):
        rgb = np.random.default_rng(n).integers(0, 255, (30 + n, 40, 3), dtype=np.uint8)
        name = f"{n % 3}.x/{n}.png"
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).resize((48, 36 + n)).save(root / "images" / name)
        lists["images"] += f"{n + 1} {name}\n"
        lists["image_class_labels"] += f"{n + 1} {n % 3 + 1}\n"
        lists["train_test_split"] += f"{n + 1} 0\n"
        lists["bounding_boxes"] += f"{n + 1} {4 + n}.0 3.0 20.0 17.0\n"
    for file, text in lists.items():
        (root / f"{file}.txt").write_text(text)
    (root / "classes.txt").write_text(
        "".join(f"{i} 00{i}.{name.replace(' ', '_')}\n" for i, name in enumerate(NAMES, start=1))
    )
    return root


class TestModes:
    @pytest.mark.parametrize("mode", MODES)
    def test_the_numbers_of_one_mode_at_a_time(self, family, mode):
        model, _ = load_checkpoint(family / "dfm")
        x = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        labels = torch.tensor([2, 0, 1])
        logits, own, known = answer(model, x, labels, MODES)[mode]
        expected, its_map = forward_mode(model, x, mode)
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(own, its_map, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            known, forward_mode(model, x, mode, labels)[1], rtol=1e-5, atol=1e-5
        )

    def test_all_modes_share_one_prefix(self, family):
        class Counted(nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner, self.calls = inner, 0

            def forward(self, x):
                self.calls += 1
                return self.inner(x)

        model, card = load_checkpoint(family / "dfm")
        stages = model.features
        counted = {}
        for name in stages.names:
            counted[name] = Counted(getattr(stages, name))
            setattr(stages, name, counted[name])
        answer(model, torch.randn(2, 3, 64, 64), torch.tensor([0, 1]), MODES)
        calls = {name: stage.calls for name, stage in counted.items()}
        first, second = card.points
        names = list(stages.names)
        for i, name in enumerate(names):
            before = i <= names.index(first)
            middle = not before and i <= names.index(second)
            assert calls[name] == (1 if before else 3 if middle else 5), name

    def test_off_is_always_told_and_others_only_for_dfm(self, family, five):
        data = open_dataset("cub", five)
        for method, modes, expected in (
            ("dfm", (Mode.EXPECTED,), {"expected"}),
            ("dfm", MODES, {"position", "channel", "expected"}),
            ("cam", MODES, set()),
        ):
            model, card = load_checkpoint(family / method)
            scores = evaluate(model, card, data, "test", modes=modes)
            assert set(scores["modes"]) == expected
            for fields in scores["modes"].values():
                assert set(fields) < set(scores)
                assert {"n", "chance", "intervals", "errors", "oracle"} <= set(fields)


class TestResult:
    def test_right_is_top1_loc_and_kinds_sum_to_n(self, family, five):
        for scores in evaluate_path(str(family), five, "test")["methods"].values():
            for fields in (scores, *scores["modes"].values()):
                assert sum(fields["errors"].values()) == fields["n"] == 5
                assert 100 * fields["errors"]["right"] / 5 == fields["fixed"]["top1_loc"]
                assert fields["oracle"]["maxboxacc"] == fields["oracle"]["gt_known_loc"]
                assert fields["errors"]["cls"] == 5 - round(fields["top1_clas"] / 20)

    def test_neither_batch_nor_workers_change_the_result(self, family, five, tmp_path):
        model, card = load_checkpoint(family / "dfm")
        data = open_dataset("cub", five)
        ways = ({"workers": 0}, {"workers": 2}, {"batch": 2})
        results = [evaluate(model, card, data, "test", **way) for way in ways]
        assert results[0] == results[1]
        assert results[2]["fixed"] == results[0]["fixed"]
        assert results[2]["errors"] == results[0]["errors"]

    def test_a_family_has_pairs(self, family, five):
        result = evaluate_path(str(family), five, "test")
        assert set(result) == {"methods", "paired"}
        assert "cam vs dfm (expected)" in result["paired"]
        pair = result["paired"]["cam vs dfm"]
        wins = pair["top1_clas"]["wins"]
        counts = [round(result["methods"][m]["top1_clas"] / 20) for m in METHODS]
        assert len(wins["cam"]) - len(wins["dfm"]) == counts[0] - counts[1]
        text = tables(result, "tiny")
        for word in ("expected", "best centred square", "McNemar", "cam vs dfm", "threshold"):
            assert word in text

    def test_maps_are_those_of_the_network(self, family, five, tmp_path):
        model, card = load_checkpoint(family / "cam")
        data = open_dataset("cub", five)
        evaluate(model, card, data, "test", records=tmp_path, maps=True)
        frame = pandas.read_parquet(tmp_path / "cam.parquet")
        assert frame.attrs["checkpoint"] == card.sha256
        assert frame.picture.tolist() == [f"images/{n % 3}.x/{n}.png" for n in range(5)]
        for row in frame.itertuples():
            assert np.stack(row.own_map).shape == (4, 4)
            assert (row.known_map is None) == row.correct


class TestInterrupted:
    def test_goes_on_with_the_same_bytes(self, family, five, tmp_path, monkeypatch):
        for module in ("recorder", "run"):
            monkeypatch.setattr(f"training.evaluation.{module}.BLOCK", 2)
        model, card = load_checkpoint(family / "dfm")
        data = open_dataset("cub", five)
        whole = evaluate(model, card, data, "test", records=tmp_path / "a", batch=2)
        asked = []
        plain = recorder.answer

        def stops_at(limit):
            def asks(model, x, labels, modes):
                asked.append(len(x))
                if len(asked) == limit:
                    raise KeyboardInterrupt
                return plain(model, x, labels, modes)

            return asks

        monkeypatch.setattr(recorder, "answer", stops_at(3))
        with pytest.raises(KeyboardInterrupt):
            evaluate(model, card, data, "test", records=tmp_path / "b", batch=2)
        assert len(list((tmp_path / "b" / "dfm.parts").iterdir())) == 2
        asked.clear()
        monkeypatch.setattr(recorder, "answer", stops_at(99))
        assert evaluate(model, card, data, "test", records=tmp_path / "b", batch=2) == whole
        assert len(asked) == 1  # only the missing block
        files = [tmp_path / name / "dfm.parquet" for name in "ab"]
        assert files[0].read_bytes() == files[1].read_bytes()
        assert evaluate(model, card, data, "test", records=tmp_path / "b", batch=2) == whole
        assert len(asked) == 1  # nothing at all

    def test_a_picture_that_cannot_be_read_is_named(self, family, five, tmp_path):
        root = tmp_path / "CUB"
        shutil.copytree(five, root)
        (root / "images" / "1.x" / "4.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
        model, card = load_checkpoint(family / "cam")
        for workers in (0, 2):
            with pytest.raises(UserError, match=r"4\.png"):
                evaluate(model, card, open_dataset("cub", root), "test", workers=workers)


def command(family, five, *extra):
    return ["evaluate", str(family), "--data-root", str(five), *extra]


class TestProcesses:
    def test_two_give_what_one_gives(self, family, five, tmp_path):
        """Five pictures among two processes: nobody counts twice."""
        one, two = tmp_path / "one", tmp_path / "two"
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        for out, launch in ((one, []), (two, torchrun)):
            words = command(family, five, "--json", str(out / "r.json"), "--records", str(out))
            done = subprocess.run(
                [sys.executable, *launch, "-m", "training", *words, "--threads", "1"],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stderr.count("best centred square") == 1  # one table, not two
        assert json.loads((one / "r.json").read_text()) == json.loads((two / "r.json").read_text())
        frames = [pandas.read_parquet(out / "dfm.parquet") for out in (one, two)]
        assert frames[1].number.tolist() == [n for n in range(5) for _ in MODES]
        assert frames[1]["mode"].tolist() == [str(mode) for mode in MODES] * 5
        assert (one / "dfm.parquet").read_bytes() == (two / "dfm.parquet").read_bytes()


class TestCommand:
    def test_errors_are_one_sentence(self, family, five, tmp_path, capsys, cub_root):
        (tmp_path / "file").write_text("")
        (tmp_path / "rec").mkdir()
        (tmp_path / "rec" / "cam.parquet").write_bytes(b"PAR1 broken")
        for extra, told in (
            (["--json", str(tmp_path)], "is a folder"),
            (["--json", str(tmp_path / "file" / "x.json")], "Nothing can be written"),
            (["--records", str(tmp_path / "file")], "is no folder"),
            (["--records", str(tmp_path / "rec")], "damaged or no Parquet file"),
            (["--modes", "off,both"], "got 'both'"),
            (["--maps"], "give --records"),
            (["--batch", "0"], "--batch must be from 1 to 65536"),
            (["--workers", "-1"], "--workers must be from 0 to"),
            (["--split", "train"], "no pictures in its train split"),
        ):
            assert main(command(family, five, *extra)) == 2, extra
            error = capsys.readouterr().err
            assert told in error
            assert error.count("\n") == 1
        assert (tmp_path / "rec" / "cam.parquet").read_bytes() == b"PAR1 broken"

    def test_records_of_other_data_are_kept(self, family, five, cub_root, tmp_path, capsys):
        records = tmp_path / "records"
        assert main(command(family / "cam", five, "--records", str(records))) == 0
        before = (records / "cam.parquet").read_bytes()
        assert read_about(records / "cam.parquet").pictures == 5
        capsys.readouterr()
        assert main(command(family / "cam", cub_root, "--records", str(records))) == 2
        assert "holds records of other data" in capsys.readouterr().err
        assert (records / "cam.parquet").read_bytes() == before

    def test_the_table_goes_to_the_terminal_and_json_to_a_file(
        self, family, five, tmp_path, capsys
    ):
        out = tmp_path / "deep" / "r.json"
        assert main(command(family / "dfm", five, "--modes", "expected", "--json", str(out))) == 0
        said = capsys.readouterr()
        assert said.out == ""
        assert "at the fixed .2" in said.err
        scores = json.loads(out.read_text())
        assert set(scores["modes"]) == {"expected"}
        assert list(out.parent.iterdir()) == [out]
