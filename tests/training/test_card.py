"""What a card says about the run that made it, and the table made of many cards."""

import shutil
import subprocess

import pytest
import torch

from dfm_viz import provenance
from training import card
from training.data import DataSet
from training.loop import Trained
from training.recipe import Recipe, load_recipe
from training.state import Progress
from training.tables.checkpoints import BEGIN, END, checkpoints_table, write_table

HEAD = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def git(monkeypatch, tmp_path):
    """Git's answers, to be changed by a test."""
    answers = {"rev-parse": f"{tmp_path.resolve()}\n{HEAD}", "status": ""}
    asked = []

    def fake(root, *words):
        asked.append((root, words))
        if isinstance(answers[words[0]], Exception):
            raise answers[words[0]]
        return answers[words[0]]

    monkeypatch.setattr(provenance, "_git", fake)
    answers["asked"] = asked
    return answers


def test_the_commit_is_that_of_the_code(git, tmp_path):
    assert provenance.commit(tmp_path) == HEAD
    git["status"] = " M training/loop.py"
    assert provenance.commit(tmp_path) == f"{HEAD}-dirty"
    # Only the packages count: a run that rewrites checkpoints does not make the next one dirty.
    assert git["asked"][-1][1][-2:] == ("dfm_viz", "training")


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("git"),
        subprocess.CalledProcessError(128, "git"),
        subprocess.TimeoutExpired("git", 60),
    ],
)
def test_without_git_the_commit_is_unknown(git, tmp_path, error):
    git["rev-parse"] = error
    assert provenance.commit(tmp_path) == ""


def test_the_commit_of_somebody_elses_repository_is_not_ours(git, tmp_path):
    assert provenance.commit(tmp_path / "site-packages") == ""


def test_the_machine_is_named_by_kind(monkeypatch):
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert card.machine("cpu", 1) == "cpu (x86_64), 2 threads"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "Some GPU")
    assert card.machine("cuda", 8) == "cuda (Some GPU), 2 threads, 8 processes"
    assert card.machine("cpu", 1).startswith("cpu (x86_64)")


def described(recipe, root, classes):
    data = DataSet(root, classes, (), (), "Our own pictures.")
    trained = Trained(torch.nn.Identity(), Progress(history=[{"loss": 1.0}]), "hash", 2)
    return card.describe(recipe, data, trained)


def test_a_card_says_of_the_data_what_they_are_and_not_what_the_recipe_was_about(tmp_path):
    toys = ("a", "b", "c", "d")
    own = described(load_recipe("toynet_toy_dfm"), tmp_path / "toy", toys)
    assert (own.dataset, own.knows) == ("toy", "4 generated creatures only")
    assert own.notes[0].startswith("Generated scenes")
    made = [
        described(load_recipe("toynet_toy_dfm", ["name=folder"]), tmp_path / root, classes)
        for root, classes in (("My leaves", toys), ("coins", tuple("uvwxyz")), ("x", ("p", "q")))
    ]
    assert [(c.dataset, c.knows) for c in made] == [
        ("My-leaves", "4 classes: a, b, c, d"),
        ("coins", "6 classes: u, v, w, x, y and 1 more"),
        ("x", "2 classes: p, q"),
    ]
    assert [c.name for c in made][:2] == ["toynet_My-leaves/dfm", "toynet_coins/dfm"]
    for one in made:
        assert "enerated" not in one.to_json()  # nor in the recipe on the card
        assert one.recipe["title"] == "toynet dfm on folder"
        assert one.recipe["optim"] == own.recipe["optim"]


def test_new_words_for_new_data_are_taken(tmp_path):
    words = ["name=folder", "family=leaves", "knows=4 leaves only", "title=Leaves"]
    made = described(load_recipe("toynet_toy_dfm", words), tmp_path / "x", ("a", "b", "c", "d"))
    assert (made.dataset, made.knows, made.recipe["title"]) == ("leaves", "4 leaves only", "Leaves")
    path = tmp_path / "mine.toml"
    path.write_text('extends = "toynet_toy_cam"\n[data]\nname = "folder"\n')
    assert described(load_recipe(path), tmp_path / "x", ("p", "q")).knows == "2 classes: p, q"


def test_a_recipe_for_a_part_says_nothing_of_the_whole(tmp_path):
    classes = tuple(f"bird {n}" for n in range(200))
    made = described(load_recipe("mobilenetv1_cub50_cam", ["init=none"]), tmp_path / "CUB", classes)
    assert made.knows == "200 classes: bird 0, bird 1, bird 2, bird 3, bird 4 and 195 more"
    assert (made.dataset, made.name) == ("CUB", "mobilenetv1_CUB/cam")
    assert not any("50" in note for note in made.notes)


def test_a_second_checkpoint_of_a_method_has_its_own_row(families_root, tmp_path):
    root = tmp_path / "families"
    for name in ("camonly", "tiny"):
        shutil.copytree(families_root / name, root / name)
    shutil.copytree(root / "tiny" / "dfm", root / "tiny" / "dfm_add")
    shutil.copytree(root / "tiny" / "dfm", root / "tiny" / ".dfm.new-12")  # half-written
    rows = [line.split("|")[2].strip() for line in checkpoints_table(root).splitlines()[2:]]
    assert rows == ["CAM", "CAM", "ADL", "DFM", "DFM (dfm_add)"]
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}old\n{END}after\n")
    write_table(readme, root)
    assert readme.read_text() == f"before\n{BEGIN}{checkpoints_table(root)}{END}after\n"


@pytest.mark.parametrize(
    ("backbone", "init", "origin", "terms"),
    [
        ("resnet50", "imagenet", "torchvision's ResNet50_Weights.IMAGENET1K_V1", "BSD-3-Clause"),
        ("mobilenetv1", "imagenet", "timm's mobilenetv1_100", "Apache-2.0"),
        ("toynet", "none", "random", ""),
    ],
)
def test_a_card_names_what_training_started_from(tmp_path, backbone, init, origin, terms):
    model = {"backbone": backbone, "init": init}
    data = DataSet(tmp_path, ("a", "b"), (), (), "Our own pictures.")
    trained = Trained(torch.nn.Identity(), Progress(history=[{"loss": 1.0}]), "hash", 2)
    made = card.describe(Recipe.from_dict({"model": model}), data, trained)
    assert made.init_weights.startswith(origin)
    assert made.licences[0] == "Our own pictures."
    assert terms in " ".join(made.licences[1:])
    assert len(made.licences) == 1 + bool(terms)
