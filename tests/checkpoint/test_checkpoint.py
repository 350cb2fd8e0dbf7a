import dataclasses
import json
import pickle
import shutil
import tempfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from dfm_viz.backbones import create_model
from dfm_viz.checkpoint import Card, load_checkpoint, read_card, save_checkpoint
from dfm_viz.checkpoint.model_card import render
from dfm_viz.inspection import list_families, load_family
from dfm_viz.types import UserError

VALID = Card(
    name="vgg16_made/dfm",
    method="dfm",
    backbone="vgg16",
    dataset="made",
    knows="two things",
    classes=("one", "two"),
    points=("conv5_3",),
    params={"alpha": 0.5},
    image_size=224,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


@pytest.fixture
def folder(families_root, tmp_path):
    shutil.copytree(families_root / "tiny" / "dfm", tmp_path / "fam" / "dfm")
    return tmp_path / "fam" / "dfm"


def edit_card(folder, **changes):
    values = json.loads((folder / "card.json").read_text())
    values.update(changes)
    (folder / "card.json").write_text(json.dumps(values))


def refused(folder, *words):
    with pytest.raises(UserError) as error:
        load_checkpoint(folder)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def test_a_saved_model_comes_back_with_the_same_half_precision_weights(tmp_path, families_root):
    card = read_card(families_root / "tiny" / "dfm")
    model = create_model("mobilenetv1", 3, method="dfm").eval()
    save_checkpoint(tmp_path / "x" / "dfm", model, card)
    again, read = load_checkpoint(tmp_path / "x" / "dfm")
    assert read.classes == card.classes
    assert not again.training
    for name, tensor in model.state_dict().items():
        kept = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(kept, again.state_dict()[name])
    assert list(again.insertions) == list(card.points)


def test_changed_weights(folder):
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-5] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    refused(folder, "SHA-256", "good copy")


def test_truncated_and_missing_weights(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:100])
    refused(folder, "SHA-256")
    (folder / "model.safetensors").unlink()
    refused(folder, "cannot be read")


def rehash(folder, data):
    import hashlib

    (folder / "model.safetensors").write_bytes(data)
    edit_card(folder, sha256=hashlib.sha256(data).hexdigest())


def test_a_pickle_is_never_opened(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    rehash(folder, pickle.dumps(Bomb()))
    refused(folder, "safetensors")
    assert not (tmp_path / "exploded").exists()


def test_wrong_shapes_and_names(folder):
    state = safetensors.torch.load((folder / "model.safetensors").read_bytes())
    other = {**state, "fc.weight": torch.zeros(4, 1024, dtype=torch.float16)}
    rehash(folder, safetensors.torch.save(other))
    refused(folder, "fc.weight", "(4, 1024)", "(3, 1024)")
    del state["fc.bias"]
    rehash(folder, safetensors.torch.save(state))
    refused(folder, "fc.bias", "missing")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 99}, ["schema version 2", "newer dfm_viz"]),
        ({"classes": []}, ["empty class list"]),
        ({"classes": "abc"}, ["classes", "wrong type"]),
        ({"image_size": 10**9}, ["image_size"]),
        ({"std": [0, 1, 1]}, ["std"]),
        ({"surprise": 1}, ["surprise"]),
        ({"backbone": "alexnet"}, ["alexnet", "mobilenetv1"]),
        ({"method": "magic"}, ["magic", "cam"]),
        ({"params": {"alpha": 7}}, ["alpha", "7"]),
        ({"points": ["nowhere"]}, ["nowhere"]),
        ({"image_size": True}, ["image_size", "wrong type"]),
        ({"mean": [0.5]}, ["mean"]),
        ({"mean": [0.5, 0.5, float("nan")]}, ["mean"]),
        ({"mean": [0.5, 0.5, 10**400]}, ["mean"]),
        ({"run": []}, ["run", "wrong type"]),
        ({"licence": "do what you like"}, ["licence", "apache-2.0"]),
        ({"schema_version": None}, ["schema version 2", "anew"]),
    ],
)
def test_a_wrong_card_is_named(folder, changes, words):
    edit_card(folder, **changes)
    refused(folder, *words)


def test_text_that_is_no_card(folder):
    (folder / "card.json").write_text("{")
    refused(folder, "card.json", "cannot be read")
    (folder / "card.json").unlink()
    refused(folder, "no checkpoint")


def test_saving_replaces_as_a_whole_or_not_at_all(folder, monkeypatch):
    model, card = load_checkpoint(folder)
    before = (folder / "model.safetensors").read_bytes()

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    for step in ("Path.write_bytes", "Path.write_text", "Path.rename", "Path.mkdir"):
        with monkeypatch.context() as patch:
            patch.setattr(f"pathlib.{step}", full_disk)
            with pytest.raises(UserError, match=r"No space left.*free some space"):
                save_checkpoint(folder, model, dataclasses.replace(card, knows="something else"))
        assert (folder / "model.safetensors").read_bytes() == before
        assert read_card(folder) == card
        assert [p.name for p in folder.parent.iterdir()] == ["dfm"]


def test_a_replacement_that_was_cut_short_does_not_hide_the_checkpoint(folder):
    card = read_card(folder)
    folder.rename(folder.with_name(".dfm.old"))  # killed here: the earlier one is aside
    (folder.parent / ".dfm.new-1234").mkdir()  # and the new one not yet in place
    model, read = load_checkpoint(folder)
    assert read == card
    assert load_family(folder.parent, device="cpu").info.trained == ("dfm",)
    save_checkpoint(folder, model, card)
    assert [p.name for p in folder.parent.iterdir()] == ["dfm"]


def test_listing_families_reads_cards_and_no_weights(families_root, tmp_path, monkeypatch):
    for i in range(50):
        for method in ("cam", "adl", "dfm"):
            shutil.copytree(families_root / "tiny" / method, tmp_path / f"f{i:02}" / method)
            (tmp_path / f"f{i:02}" / method / "model.safetensors").write_bytes(b"")
    opened = []
    read_text, read_bytes = Path.read_text, Path.read_bytes
    monkeypatch.setattr(
        Path, "read_text", lambda self, **kw: opened.append(self.name) or read_text(self, **kw)
    )
    monkeypatch.setattr(
        Path, "read_bytes", lambda self: opened.append(self.name) or read_bytes(self)
    )
    assert len(list_families(tmp_path)) == 50
    assert opened == ["card.json"] * 150  # each once


@given(data=st.data())
def test_any_value_in_a_card_is_accepted_or_named(data):
    """Nothing but a card or a UserError comes of a field that holds anything at all."""
    values = json.loads(VALID.to_json())
    for name in data.draw(st.sets(st.sampled_from(sorted(values)), min_size=1, max_size=3)):
        plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
        values[name] = data.draw(
            st.recursive(
                plain | st.sampled_from(["cam", "dfm", "vgg16"]),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["alpha", "apply", "test"]), inner, max_size=3
                    )
                ),
                max_leaves=6,
            )
        )
    text = json.dumps(values)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "card.json").write_text(text)
        try:
            card = read_card(folder)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both outcomes are fine
        else:
            again = json.loads(card.to_json())
            assert {k: again[k] for k in values} == json.loads(text)
            assert render(card).startswith("---\n")


@given(st.binary(max_size=200))
def test_any_bytes_as_a_card(data):
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "card.json").write_bytes(data)
        with pytest.raises(UserError):
            read_card(Path(name))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", "null", '{"name": "\\ud800"}', '{"a": ' + "9" * 5000 + "}"]
)
def test_strange_json_is_no_card(folder, text):
    (folder / "card.json").write_text(text)
    refused(folder, "card.json")


def test_values_beyond_half_precision_are_refused(folder):
    model, card = load_checkpoint(folder)
    with torch.no_grad():
        model.fc.weight[0, 0] = 1e6
    with pytest.raises(UserError, match=r"fc\.weight"):
        save_checkpoint(folder, model, card)


def test_one_broken_family_does_not_hide_the_others(families_root, tmp_path, caplog):
    for name in ("camonly", "tiny"):
        shutil.copytree(families_root / name, tmp_path / "root" / name)
    edit_card(tmp_path / "root" / "camonly" / "cam", schema_version=0)
    assert [info.name for info in list_families(str(tmp_path / "root"))] == ["tiny"]
    assert "camonly" in caplog.text


def test_unknown_family_names_the_known_ones(families_root):
    with pytest.raises(UserError, match=r"camonly, tiny"):
        load_family("unknown", root=families_root)


def test_checkpoints_of_other_classes_do_not_make_a_family(families_root, tmp_path):
    shutil.copytree(families_root / "tiny", tmp_path / "mixed")
    edit_card(tmp_path / "mixed" / "adl", classes=["a", "b", "c"])
    with pytest.raises(UserError, match="do not belong together"):
        load_family(tmp_path / "mixed")
