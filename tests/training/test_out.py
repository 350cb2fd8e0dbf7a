"""No command of the trainer takes a folder that is not its own, and all say so before any work."""

import json
import shutil

import pytest

from training.__main__ import main
from training.state import STATE, check_out, run_folder


@pytest.fixture
def checkpoint(families_root, tmp_path):
    return shutil.copytree(families_root / "tiny" / "cam", tmp_path / "family" / "cam")


@pytest.fixture
def no_work(monkeypatch):
    """Whatever a command would begin with is an error here."""

    def work(*args, **kwargs):
        raise AssertionError("work began")

    for name in (
        "training.commands.fit.open_dataset",
        "training.imagenet.create_model",
        "training.commands.evaluate.evaluate_path",
        "training.sweep.retrained.estimate",
        "training.sweep.processes.trained",
    ):
        monkeypatch.setattr(name, work)


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def commands(out, data):
    fit = ["fit", "toynet_toy_cam", "--data-root", str(data), "--out", str(out)]
    weights = data.parent / "w.safetensors"
    weights.touch()
    return [fit, ["imagenet", "--init-weights", str(weights), "--out", str(out)]]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", ["thesis", "data", "", "family/cam", "family", "note.txt"])
def test_folders_of_others_are_refused_before_any_work(
    number, name, checkpoint, no_work, tmp_path, capsys
):
    for path in ("thesis/chapter1.tex", "data/train/cat/1.jpg", "note.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("mine")
    (checkpoint / "notes.md").write_text("beside a checkpoint")
    command = commands(tmp_path / name, tmp_path / "data")[number]
    before = content(tmp_path)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "name a new or an empty folder" in said
    assert said.count("\n") == 1
    assert content(tmp_path) == before


@pytest.mark.parametrize("number", [0, 1])
def test_the_working_directory_is_refused(number, no_work, tmp_path, monkeypatch, capsys):
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")
    for out in (".", "..", "../below"):
        assert main(commands(out, tmp_path / "data")[number]) == 2
        assert "is or holds the working directory" in capsys.readouterr().err


def test_initial_weights_inside_the_checkpoint_to_be_are_kept(checkpoint, no_work, capsys):
    weights = checkpoint / "model.safetensors"
    words = ["--init-weights", str(weights), "--out", str(checkpoint)]
    assert main(["imagenet", *words]) == 2
    assert "model.safetensors, which is read" in capsys.readouterr().err


def test_an_earlier_checkpoint_may_give_way(checkpoint, tmp_path):
    check_out(checkpoint, tmp_path / "data")
    check_out(tmp_path / "new" / "x", tmp_path / "data")


@pytest.mark.parametrize("name", ["epochs.csv", "notes.txt", "timeline.safetensors", "sub/x"])
def test_a_folder_beside_that_is_no_runs_is_refused(name, no_work, tmp_path, capsys):
    path = tmp_path / "x.run" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert main(commands(tmp_path / "x", tmp_path / "data")[0]) == 2
    said = capsys.readouterr().err
    assert "x.run" in said
    assert name.split("/")[0] in said
    assert path.read_text() == "mine"


def test_a_run_may_be_taken_up_beside_notes_and_its_logs_are_its_own(tmp_path):
    run = run_folder(tmp_path / "x")
    run.mkdir()
    (run / "events.out.tfevents.1").touch()
    check_out(tmp_path / "x")  # killed in the first epoch
    (run / STATE).touch()
    (run / "epochs.csv").touch()
    (run / "notes.txt").touch()
    check_out(tmp_path / "x")


def test_a_run_clears_away_only_its_own_half_written_files(tmp_path):
    from training.state import prepare

    for name in (".state.safetensors.new-1", ".draft.new-1", ".writable"):
        (tmp_path / name).write_text("x")
    prepare(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".draft.new-1", ".writable"]


@pytest.mark.parametrize("name", ["mine.csv", "other.parquet", "cam.parts/notes"])
def test_records_go_only_where_records_are(name, checkpoint, no_work, tmp_path, capsys):
    path = tmp_path / "records" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    command = ["evaluate", str(checkpoint), "--data-root", str(tmp_path / "data")]
    assert main([*command, "--records", str(tmp_path / "records")]) == 2
    assert name in capsys.readouterr().err
    assert main([*command, "--records", str(checkpoint.parent)]) == 2
    assert "which is read" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_records_may_lie_beside_the_result_of_the_same_command(tmp_path):
    from training.evaluation.storage import check_records

    records = tmp_path / "records"
    (records / "cam.parts").mkdir(parents=True)
    (records / "cam.parts" / "000000.parquet").touch()
    (records / "scores.json").write_text(json.dumps({}))
    check_records(records, also=records / "scores.json")


def test_a_sweep_looks_at_every_folder_before_the_first_run(no_work, tmp_path, capsys):
    from training.sweep.cells import Job, cells
    from training.sweep.plans import Kind, make_plan

    plan = make_plan("table1", "toynet", Kind.RETRAINED, ()).only(("cam", "focused"))
    job = Job("toynet_toy_cam", (), tmp_path / "data", tmp_path / "runs")
    last = cells(plan, job, (0, 1))[-1].out
    last.mkdir(parents=True)
    (last / "notes").write_text("mine")
    command = ["sweep", "table1", "--recipe", "toynet_toy_cam", "--rows", "cam,focused"]
    command += ["--seeds", "0,1", "--data-root", str(tmp_path / "data")]
    command += ["--results", str(tmp_path / "results")]
    assert main([*command, "--runs", str(tmp_path / "runs")]) == 2
    assert "it holds notes" in capsys.readouterr().err
    assert main([*command, "--runs", str(tmp_path)]) == 2
    assert "which is read" in capsys.readouterr().err
