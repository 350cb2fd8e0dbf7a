"""What is said of the examples follows its rule, and is what the shipped networks do."""

import dataclasses
import json

import pytest

from dfm_viz.checkpoint.card import checkpoint_folders, read_card
from dfm_viz.examples import find_example
from dfm_viz.examples.lessons import LESSONS, first, lessons
from dfm_viz.inspection import load_family
from dfm_viz.inspection.lookup import default_root
from dfm_viz.lessons import SHOWS, Seen, caption, choose, look, strength

FAMILIES = json.loads(LESSONS.read_text(encoding="utf-8"))["families"]
CAM = Seen("CAM", right=True, iou=0.4, on=0.9, covers=0.42, best=0.45, at=0.1, whole=0.3)


def seen(cam=CAM, **others):
    given = {k: dataclasses.replace(CAM, title=k.upper(), **v) for k, v in others.items()}
    return {"cam": cam, **given}


def holding(answers):
    return {kind for kind in SHOWS if strength(kind, answers) is not None}


def test_every_kind_holds_where_its_condition_does():
    wide = {"on": 0.3, "covers": 0.9}
    good = dataclasses.replace(CAM, iou=0.8, covers=0.9, best=0.9)
    assert holding(seen()) == {"part_only", "all_fail"}
    assert holding(seen(dfm={"iou": 0.6})) == {"part_only", "dfm_best"}
    assert holding(seen(dfm={"iou": 0.6}, adl={"iou": 0.7})) == {"part_only", "method_best"}
    assert holding(seen(dfm_add={"iou": 0.6})) == {"part_only", "dfm_best"}
    assert holding(seen(adl={"iou": 0.3, **wide})) == {"part_only", "all_fail", "spills"}
    assert holding(seen(adl={"iou": 0.45, **wide})) == {"part_only", "all_fail"}  # CAM is worse
    assert holding(seen(dataclasses.replace(CAM, best=0.7))) == {"part_only", "threshold_decides"}
    assert holding(seen(dataclasses.replace(CAM, best=0.7, whole=0.7))) == {"part_only"}
    assert holding(seen(good)) == {"cam_right"}
    assert holding(seen(good, adl={"iou": 0.86})) == set()
    assert holding(seen(dataclasses.replace(good, right=False))) == set()


def test_strength_is_the_gain_or_the_loss():
    assert strength("dfm_best", seen(dfm={"iou": 0.6})) == pytest.approx(0.2)
    spilt = seen(adl={"iou": 0.3, "covers": 0.9})
    assert strength("spills", spilt) == pytest.approx(0.1)


def test_kinds_take_turns_and_no_picture_is_chosen_twice():
    pictures = {
        "a": seen(dfm={"iou": 0.6}),
        "b": seen(dfm={"iou": 0.9}),
        "c": seen(dataclasses.replace(CAM, iou=0.8)),
        "d": seen(dataclasses.replace(CAM, iou=0.3)),
    }
    # d is the worse part, and the turn after the first goes to DFM again.
    assert choose(pictures, 3) == [("b", "dfm_best"), ("d", "part_only"), ("c", "cam_right")]
    assert choose(pictures, 4)[3] == ("a", "dfm_best")
    nothing = {"e": seen(dataclasses.replace(CAM, right=False, best=0.9))}
    assert choose(nothing, 3) == [("e", "")]
    assert choose({**nothing, **pictures}, 4) == choose(pictures, 4)


def test_captions_have_the_numbers():
    assert caption("dfm_best", seen(dfm={"iou": 0.6})) == (
        "DFM finds the object: IoU .60, against CAM .40."
    )
    assert caption("part_only", seen(adl={"iou": 0.3})) == (
        "Only a part: CAM's box covers 42% of the object, IoU .40 (ADL .30)."
    )
    spilt = seen(adl={"iou": 0.3, "covers": 0.9, "on": 0.3})
    assert caption("spills", spilt) == (
        "ADL spills: 70% of its box lies beside the object, IoU .30; CAM .40."
    )
    assert caption("", seen()) == "IoU with the true box at threshold .2: CAM .40."


@pytest.mark.parametrize("name", FAMILIES)
def test_shipped_words_are_what_the_shipped_networks_do(name):
    told = FAMILIES[name]
    family = load_family(default_root() / name, device="cpu")
    found = {n: card.sha256[:16] for n, card in family.checkpoints.cards.items()}
    assert found == told["weights"], f"run: python -m dfm_viz lessons checkpoints/{name}"
    assert len(told["pictures"]) >= 8
    for row in told["pictures"][:4]:
        example = find_example(row["example"])
        assert example.families([family.info]) == (name,)
        answers = look(family, example)
        assert {n: s.iou for n, s in answers.items()} == pytest.approx(row["iou"], abs=0.02)
        assert not row["shows"] or strength(row["shows"], answers) is not None


def test_the_page_begins_with_a_trained_family_and_one_object():
    name, example = first()
    assert example in {lesson.example for lesson in lessons()[name]}
    assert len(find_example(example).truths) == 1
    assert all(read_card(f).trained for f in checkpoint_folders(default_root() / name))
    shows = {lesson.example: lesson.shows for lesson in lessons()[name]}
    assert shows[example] in ("dfm_best", "part_only", "spills")
