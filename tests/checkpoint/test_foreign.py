"""Nothing but a checkpoint gives way to a checkpoint."""

import json
import shutil

import pytest

from dfm_viz.checkpoint import load_checkpoint, save_checkpoint
from dfm_viz.checkpoint.store import foreign
from dfm_viz.types import UserError


@pytest.fixture
def folder(families_root, tmp_path):
    return shutil.copytree(families_root / "tiny" / "cam", tmp_path / "cam")


def content(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_checkpoint_gives_way_and_so_does_a_half_written_one(folder):
    model, card = load_checkpoint(folder)
    assert foreign(folder) is None
    save_checkpoint(folder, model, card)
    (folder / "model.safetensors").unlink()
    assert foreign(folder) is None
    save_checkpoint(folder, model, card)
    assert load_checkpoint(folder)[1] == card


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.txt", "a week's work"),
        ("sub/model.safetensors", "mine"),
        (".git/HEAD", "ref"),
        ("card.json", '{"business": "card"}'),
        ("card.json", "no JSON"),
        ("card.json", None),  # README and weights alone may be anybody's
    ],
)
def test_notes_beside_a_checkpoint_and_other_cards_are_kept(folder, name, text):
    model, card = load_checkpoint(folder)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    before = content(folder)
    with pytest.raises(UserError, match="is not empty: it holds"):
        save_checkpoint(folder, model, card)
    assert content(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["cam"]


def test_a_link_to_a_card_is_not_a_card_of_ours(folder, tmp_path):
    (tmp_path / "kept.json").write_text(json.dumps({"kept": True}))
    (folder / "card.json").unlink()
    (folder / "card.json").symlink_to(tmp_path / "kept.json")
    assert foreign(folder) == "card.json"
