"""Distillation: the term itself, what it changes, and what it refuses."""

import dataclasses
import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from dfm_viz.backbones import create_model
from dfm_viz.checkpoint import read_card
from dfm_viz.checkpoint.card import CARD
from dfm_viz.types import UserError
from training.build import build
from training.card import describe
from training.data import open_dataset
from training.distil import Teacher, divergence, find_teacher
from training.epoch import Trainer
from training.loop import fit
from training.order import generator

CPU = torch.device("cpu")
CLASSES = ("Red Bird", "Blue throated Bird", "Green Bird")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(cub_root):
    return open_dataset("cub", cub_root)


@pytest.fixture
def folder(tmp_path, checkpoint_maker):
    """A teacher with random weights that knows the classes of the tiny CUB folder, 64 px."""
    place = tmp_path / "birds" / "cam"
    checkpoint_maker(place, "cam", backbone="mobilenetv1", classes=CLASSES)
    return place


@pytest.fixture
def taught(quick, folder):
    """`quick`, with the teacher."""

    def make(method="cam", teacher=None, model=None, **optim):
        recipe = quick(method, **optim)
        values = recipe.to_dict() | {"teacher": {"distil": str(folder), **(teacher or {})}}
        values["model"] |= model or {}
        values["data"] |= {"image_size": 64, "decode_side": 64}
        return type(recipe).from_dict(values)

    return make


def test_the_term_is_the_divergence_worked_by_hand():
    # T = 2: the teacher says 3/4, 1/4 and the student 1/2, 1/2.
    teacher = torch.tensor([[2.0, 0.0]]) * torch.tensor(3.0).log()
    student = torch.tensor([[5.0, 5.0]])
    by_hand = 4 * (0.75 * torch.tensor(1.5).log() + 0.25 * torch.tensor(0.5).log())
    assert divergence(student, teacher, 2.0).item() == pytest.approx(by_hand.item(), rel=1e-6)
    twice = divergence(student.repeat(3, 1), teacher.repeat(3, 1), 2.0)  # a mean over pictures
    assert twice.item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert divergence(teacher, teacher, 2.0).item() == pytest.approx(0, abs=1e-7)


def test_the_weight_blends_both_terms_over_every_head(taught, folder):
    teacher = find_teacher(taught(teacher={"weight": 0.25, "temperature": 3.0}), CLASSES, CPU)
    x, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 0])
    heads = torch.randn(4, 3), torch.randn(4, 3)
    labelled = sum(cross_entropy(s, labels) for s in heads)
    said = teacher.model(x)
    expected = 0.75 * labelled + 0.25 * sum(divergence(s, said, 3.0) for s in heads)
    assert torch.allclose(teacher.blend(labelled, heads, x), expected)


def test_the_gradient_reaches_the_student_only(taught):
    recipe = taught()
    teacher = find_teacher(recipe, CLASSES, CPU)
    student = build(recipe, 3, None)
    x = torch.randn(4, 3, 64, 64)
    teacher.blend(torch.zeros(()), student.training_logits(x, torch.zeros(4).long()), x).backward()
    assert float(student.fc.weight.grad.abs().max()) > 0
    assert not teacher.model.training
    assert all(p.grad is None and not p.requires_grad for p in teacher.model.parameters())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_student_that_is_its_teacher_has_nothing_to_learn(
    taught, folder, tmp_path, data, precision
):
    """Same weights, fixed statistics: the term is zero and so no weight moves."""
    recipe = taught(
        model={"init": "file", "keep_head": True, "freeze_bn": True, "freeze_through": ""},
        weight_decay=0.0, epochs=1, precision=precision, lr=0.01,
    )  # fmt: skip
    before = find_teacher(recipe, CLASSES, CPU).model.state_dict()
    after = fit(recipe, data, tmp_path / "x", init_weights=folder / "model.safetensors")
    assert after.progress.history[0]["loss"] == pytest.approx(0, abs=1e-6)
    for name, tensor in after.model.state_dict().items():
        assert torch.allclose(tensor, before[name], atol=1e-4), name


def test_the_teacher_sees_the_students_pictures(taught, data, tmp_path, monkeypatch):
    """The same crops, mixup's blends included, and its own weights stay as they were."""
    seen, shown, teachers = [], [], []
    logits, student = Teacher.logits, create_model

    def look(self, x):
        seen.append(x.clone())
        teachers.append((self, {k: v.clone() for k, v in self.model.state_dict().items()}))
        return logits(self, x)

    def watched(*args, **kwargs):
        model = student(*args, **kwargs)
        stem = model.features.stem.forward

        def seen_by_stem(x):
            if model.training:
                shown.append(x.clone())
            return stem(x)

        model.features.stem.forward = seen_by_stem
        return model

    monkeypatch.setattr(Teacher, "logits", look)
    monkeypatch.setattr("training.build.create_model", watched)
    fit(taught(epochs=1), data, tmp_path / "x")
    assert len(seen) == len(shown) == 3
    assert all(torch.equal(a, b) for a, b in zip(seen, shown, strict=True))
    teacher, first = teachers[0]
    assert not teacher.model.training
    assert all(torch.equal(v, first[k]) for k, v in teacher.model.state_dict().items())


def test_a_teacher_of_another_normalisation_gets_its_own(taught, folder):
    card = dataclasses.replace(read_card(folder), mean=(0.1, 0.2, 0.3), std=(0.2, 0.3, 0.4))
    (folder / CARD).write_text(card.to_json())
    teacher = find_teacher(taught(), CLASSES, CPU)
    pictures = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(v)[:, None, None] for v in (card.mean, card.std))
    expected = teacher.model((pictures - mean) / std)
    assert torch.allclose(teacher.logits((pictures - 0.5) / 0.5), expected, atol=1e-5)


def test_a_stopped_run_goes_on_with_its_teacher_only(
    taught, data, folder, tmp_path, checkpoint_maker
):
    recipe = taught("dfm", teacher={"weight": 0.5}, active=0.5)
    straight = fit(recipe, data, tmp_path / "straight")

    def stop(epochs):
        if epochs == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(recipe, data, tmp_path / "x", after_epoch=stop)
    moved = folder.with_name("moved")  # where it lies does not matter
    shutil.copytree(folder, moved)
    values = recipe.to_dict()
    values["teacher"]["distil"] = str(moved)
    resumed = fit(type(recipe).from_dict(values), data, tmp_path / "x")
    assert resumed.progress.history == straight.progress.history
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    checkpoint_maker(folder, "cam", backbone="mobilenetv1", classes=CLASSES, seed=9)
    with pytest.raises(UserError, match=r"teacher\.sha256"):
        fit(recipe, data, tmp_path / "x")


def test_the_card_names_the_teacher(taught, data, folder, tmp_path):
    recipe = taught(epochs=1)
    card = describe(recipe, data, fit(recipe, data, tmp_path / "x"))
    there = read_card(folder)
    assert card.run["teacher"] == {"name": there.name, "sha256": there.sha256}


def test_a_card_names_the_checkpoint_it_started_from(taught, data, folder, tmp_path):
    known = dataclasses.replace(
        read_card(folder), init_weights="somewhere", licences=("Theirs.", "And names.")
    )
    (folder / CARD).write_text(known.to_json())
    recipe, start = taught(model={"init": "file"}, epochs=1), folder / "model.safetensors"
    trained = fit(recipe, data, tmp_path / "x", init_weights=start)
    card = describe(recipe, data, trained, start)
    assert card.init_weights == (
        f"the checkpoint birds/cam (SHA-256 {known.sha256}), which started from: somewhere"
    )
    assert card.licences[-1] == "Theirs. And names."
    start.write_bytes(start.read_bytes() + b" ")  # no longer what its card says
    assert "given by the user" in describe(recipe, data, trained, start).init_weights


def test_another_teacher_is_told(taught, quick, data, folder, tmp_path):
    with pytest.raises(UserError, match="the data's 2 classes in their order"):
        find_teacher(taught(), CLASSES[:2], CPU)
    with pytest.raises(UserError, match="in their order"):
        find_teacher(taught(), CLASSES[::-1], CPU)
    values = taught().to_dict()
    values["data"] |= {"image_size": 32}
    with pytest.raises(UserError, match="override it as image_size=64"):
        find_teacher(type(quick()).from_dict(values), CLASSES, CPU)
    with pytest.raises(UserError, match="is no checkpoint"):
        find_teacher(taught(teacher={"distil": str(tmp_path / "none")}), CLASSES, CPU)
    assert find_teacher(quick(), CLASSES, CPU) is None


def test_a_kept_head_is_that_of_the_start(taught, folder, checkpoint_maker):
    weights = folder / "model.safetensors"
    recipe = taught(model={"init": "file", "keep_head": True})
    kept, start = build(recipe, 3, weights), find_teacher(recipe, CLASSES, CPU).model
    assert all(torch.equal(v, kept.state_dict()[k]) for k, v in start.state_dict().items())
    fresh = build(taught(model={"init": "file"}), 3, weights)
    assert not torch.equal(fresh.fc.weight, start.fc.weight)
    stem = "features.stem.0.weight"
    assert torch.equal(fresh.state_dict()[stem], start.state_dict()[stem])
    with pytest.raises(UserError, match="a head for 5 classes, got 3"):
        build(recipe, 5, weights)


@pytest.mark.parametrize("method", ["cam", "dfm", "adl"])
def test_a_checkpoint_of_any_method_without_weights_of_its_own_is_a_start(
    method, taught, checkpoint_maker, tmp_path
):
    folder = tmp_path / "start"
    checkpoint_maker(folder, method, classes=CLASSES)
    recipe = taught(model={"init": "file", "keep_head": True})
    made = build(recipe, 3, folder / "model.safetensors").state_dict()
    start = load_file(folder / "model.safetensors")
    assert made.keys() <= start.keys()
    assert all(torch.equal(v, start[k].to(v.dtype)) for k, v in made.items())


def test_the_modules_act_in_their_share_of_the_steps(quick, data, tmp_path, monkeypatch):
    """Draws are made in active steps only, and the same steps are active in every process."""
    made = []
    monkeypatch.setattr(Trainer, "_draws", lambda *given: made.append(given[-1]) or {})
    for share in (0.0, 0.5, 1.0):
        made.clear()
        recipe = quick("adl", active=share, batch=2, epochs=2)
        fit(recipe, data, tmp_path / str(share))
        expected = [
            step
            for epoch in range(2)
            for step in range(6)
            if float(torch.rand((), generator=generator(3, epoch, step, "active"))) < share
        ]
        assert made == expected
