"""Families cost nothing until they are used, and the memory of all of them is bounded."""

import gc
from pathlib import Path

import pytest

from dfm_viz.backbones import Localizer
from dfm_viz.checkpoint import store
from dfm_viz.inspection import family as families
from dfm_viz.inspection import network
from dfm_viz.inspection.cache import Cache
from dfm_viz.inspection.family import model_bytes
from dfm_viz.ui.handlers import Explore

MANY = 8


@pytest.fixture
def root(tmp_path, checkpoint_maker):
    """Families of a CAM and a DFM checkpoint each, no two of them alike."""
    for number in range(MANY):
        for method in ("cam", "dfm"):
            checkpoint_maker(
                tmp_path / f"family{number}" / method, method, backbone="toynet", seed=number
            )
    return tmp_path


@pytest.fixture
def reads(monkeypatch):
    """Every reading of a checkpoint's weights, as family/method."""
    seen = []
    original = store.read_weights

    def counted(folder, card):
        seen.append("/".join(Path(folder).parts[-2:]))
        return original(folder, card)

    monkeypatch.setattr(store, "read_weights", counted)
    return seen


@pytest.fixture
def small(monkeypatch, root):
    """Caches of their own; that of the networks has room for two families, not for three."""
    card_bytes = model_bytes(store.load_checkpoint(root / "family0" / "cam")[0])
    bound = int(4.5 * card_bytes)
    monkeypatch.setattr(families, "MODELS", Cache(bound))
    for name in ("FEATURES", "TRACES", "ANSWERS"):
        monkeypatch.setattr(network, name, Cache(0))
    return bound


def living():
    """Bytes of all networks that are still in memory."""
    gc.collect()
    # By type(): isinstance() would wake up other people's lazy objects.
    return sum(model_bytes(o) for o in gc.get_objects() if issubclass(type(o), Localizer))


def ask(explore, name):
    """The first look at an example with a family, as the page asks for it."""
    example = explore.start({})["view"]["example"]
    token = explore.open({"example": example})["picture"]
    reply = explore.inspect(
        {"family": name, "picture": token, "settings": {}, "channel": None, "truths": []}
    )
    assert "error" not in reply
    return reply


def test_starting_reads_no_weights_however_many_families_there_are(root, reads):
    explore = Explore(families=root, device="cpu")
    explore.check()
    facts = explore.start({})
    assert [f["name"] for f in facts["families"]] == [f"family{n}" for n in range(MANY)]
    assert reads == []
    ask(explore, "family3")
    assert sorted(reads) == ["family3/cam", "family3/dfm"]
    ask(explore, "family3")
    assert len(reads) == 2  # and they are read once


def test_damaged_weights_of_one_family_do_not_keep_the_others_from_starting(root, reads):
    (root / "family1" / "cam" / "model.safetensors").write_bytes(b"nothing")
    explore = Explore(families=root, device="cpu")
    explore.check()
    ask(explore, "family0")
    token = explore.open({"example": explore.start({})["view"]["example"]})["picture"]
    reply = explore.inspect({"family": "family1", "picture": token, "settings": {}})
    assert "family1/cam/model.safetensors is damaged" in reply["error"]


def test_memory_is_bounded_by_bytes_not_by_the_number_of_families(root, small, reads):
    before = living()
    explore = Explore(families=root, device="cpu")
    most = 0
    for number in range(MANY):
        ask(explore, f"family{number}")
        most = max(most, living() - before)
    # Opened pictures are kept for all of them, their networks are not.
    assert len(explore._opened) == MANY
    assert most <= small
    assert families.MODELS.used_bytes <= small


def test_a_family_that_was_dropped_answers_as_before(root, small, reads):
    explore = Explore(families=root, device="cpu")
    first = ask(explore, "family0")
    for number in range(1, MANY):
        ask(explore, f"family{number}")
    assert reads.count("family0/cam") == 1
    again = ask(explore, "family0")
    assert reads.count("family0/cam") == 2
    assert again["info"] == first["info"]
    assert {n: p["key"] for n, p in again["parts"].items()} == {
        n: p["key"] for n, p in first["parts"].items()
    }
