"""What the cards tell of failures is what the checkpoints do on pictures that may be shown."""

import dataclasses
import json
import shutil

import pytest

from dfm_viz import known_failures, toy
from dfm_viz.__main__ import main
from dfm_viz.checkpoint.card import CARD, KnownFailure, parse_card, read_card
from dfm_viz.examples import Example, find_example, toy_example
from dfm_viz.inspection import Settings, load_family
from dfm_viz.known_failures import find_failures, pictures_for, write_failures
from dfm_viz.types import UserError


@pytest.fixture
def root(families_root, tmp_path):
    """A copy of the tiny family, to be written to."""
    shutil.copytree(families_root / "tiny", tmp_path / "root" / "tiny")
    return tmp_path / "root"


@pytest.fixture
def few(monkeypatch):
    """Two generated scenes instead of all photographs."""
    pictures = (toy_example(3), toy_example(4))
    monkeypatch.setattr(known_failures, "pictures_for", lambda classes: pictures)
    return pictures


def made(kind, picture, iou, known=True):
    failure = KnownFailure("It fails.", picture, "cam", {}, "crow", 0.5, (0.0, 0.0, 1.0, 1.0), iou)
    return known_failures._Found(kind, known, failure)


def chosen(*found, count=3):
    return [(f.picture, f.iou) for f in known_failures._choose(found, count)]


def test_new_kinds_first_then_known_pictures_then_low_overlaps_and_no_picture_twice():
    found = (
        made("more", "a", 0.3),
        made("more", "b", 0.1, known=False),
        made("peak", "c", 0.4),
        made("more", "c", 0.0, known=False),
        made("class", "d", 0.9),
    )
    # Known pictures lead: a (.3) before c (.4) and d (.9). Then the kinds that are new.
    assert chosen(*found) == [("a", 0.3), ("c", 0.4), ("d", 0.9)]
    assert chosen(*found, count=9)[3:] == [("b", 0.1)]
    assert chosen(made("more", "a", 0.3), made("part", "a", 0.1)) == [("a", 0.1)]
    assert chosen() == []


def test_what_is_told_is_what_the_page_shows(tiny_family, few):
    told = find_failures(tiny_family)
    assert set(told) == {"cam", "adl", "dfm"}
    pictures = {example.id: example for example in few}
    for name, failures in told.items():
        assert 1 <= len(failures) <= 2
        for failure in failures:
            example = pictures[failure.picture]
            opened = tiny_family.open(example.read())
            result = tiny_family.inspect(opened, Settings(**failure.settings), example.truths)
            seen = result.methods[name]
            assert failure.method == name
            assert failure.label == seen.label
            assert failure.score == pytest.approx(seen.score, abs=1e-4)
            assert failure.box == pytest.approx(seen.box, abs=0.01)
            assert failure.iou == pytest.approx(seen.iou, abs=1e-4)
            title = example.title.removesuffix(" (exact truth)")
            assert failure.sentence.startswith(f"{title}: it says {seen.label} (score ")
            # The family knows a heron, a finch and a crow, none of which a toy scene shows.
            assert "shows none of its 3 classes" in failure.sentence
            assert f"(IoU {seen.iou:.2f})." in failure.sentence


def test_a_right_answer_is_no_failure(tiny_family, picture, monkeypatch):
    seen = tiny_family.inspect(tiny_family.open(picture), {"mode": "off"}).methods["cam"]
    example = Example("mine", "Mine", (seen.box,), "", "", path="mine.png")
    monkeypatch.setattr(Example, "read", lambda self: tiny_family.open(picture).picture)
    monkeypatch.setattr(known_failures, "SHOWN", {"mine": (seen.label,)})
    assert find_failures(tiny_family, [example])["cam"] == ()
    monkeypatch.setattr(known_failures, "SHOWN", {"mine": ("heron", "finch", "crow")})
    right = find_failures(tiny_family, [dataclasses.replace(example, truths=(seen.box,))])
    assert right["cam"] == ()
    others = [name for name in ("heron", "finch", "crow") if name != seen.label]
    monkeypatch.setattr(known_failures, "SHOWN", {"mine": tuple(others)})
    (wrong,) = find_failures(tiny_family, [example])["cam"]
    assert wrong.sentence == (
        f"Mine: it says {seen.label} (score {seen.score:.2f}), though it knows "
        f"{others[0]} and {others[1]}; the box is right (IoU {wrong.iou:.2f})."
    )


def test_pictures_fit_the_family_and_may_all_be_shown():
    scenes = pictures_for(("other", *toy.CLASSES))
    assert [e.id for e in scenes] == [f"toy-{n}" for n in range(known_failures.SCENES)]
    scenes = pictures_for(toy.PART_CLASSES)
    assert [e.id for e in scenes] == [f"part-{n}" for n in range(known_failures.SCENES)]
    assert known_failures._shown(scenes[3]) == (toy.PART_CLASSES[toy.scene(3, world="part").label],)
    photographs = pictures_for(("lion",))
    assert set(known_failures.SHOWN) <= {e.id for e in photographs}
    for example in photographs:
        assert find_example(example.id).path == example.path  # no data set of this machine


def test_the_command_writes_cards_and_leaves_weights_alone(root, few, capsys):
    before = (root / "tiny" / "cam" / "model.safetensors").read_bytes()
    assert main(["known-failures", str(root), "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    for method in ("cam", "adl", "dfm"):
        card = read_card(root / "tiny" / method)  # the new field is read back as it was written
        assert card.known_failures
        for failure in card.known_failures:
            assert failure.sentence in out
            readme = (root / "tiny" / method / "README.md").read_text(encoding="utf-8")
            assert f"{failure.sentence} (example {failure.picture}; mode " in readme
    assert (root / "tiny" / "cam" / "model.safetensors").read_bytes() == before
    assert load_family(root / "tiny").info.methods == ("cam", "adl", "dfm")


def test_a_checkpoint_replaced_meanwhile_keeps_its_card(root, few, checkpoint_maker, monkeypatch):
    original = known_failures.find_failures

    def slow(family):
        checkpoint_maker(root / "tiny" / "cam", "cam", seed=99)
        return original(family)

    monkeypatch.setattr(known_failures, "find_failures", slow)
    with pytest.raises(UserError):
        write_failures(root / "tiny", "cpu")
    assert read_card(root / "tiny" / "cam").known_failures == ()


def test_no_family_is_one_sentence(tmp_path, capsys):
    assert main(["known-failures", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"dfm_viz: There is no family in {tmp_path}; give the folder of one, or of several.\n"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Takes the branch for the bird.", "sentence, picture, method"),
        ({"sentence": "x"}, "known-failures FAMILY"),
        ({"box": [1.0, 2.0]}, "a box of 2 numbers"),
        ({"iou": "high"}, "iou has the wrong type (str)"),
    ],
)
def test_a_card_with_a_half_written_failure_is_refused(root, value, words):
    values = json.loads((root / "tiny" / "cam" / CARD).read_text())
    whole = dataclasses.asdict(made("more", "a", 0.5).failure)
    if isinstance(value, dict) and "sentence" not in value:
        value = {**whole, "box": list(whole["box"]), **value}
    with pytest.raises(UserError) as error:
        parse_card({**values, "known_failures": [value]}, "tiny/cam/card.json")
    assert words in str(error.value)
    assert "tiny/cam/card.json: known_failures" in str(error.value)
