"""Records that ship repeat no annotations whose terms forbid it."""

from pathlib import Path

import pytest

from dfm_viz.checkpoint.card import checkpoint_folders, read_card
from dfm_viz.examples.recorded import RecordedPictures
from dfm_viz.records import read_about
from dfm_viz.records.sets import find_sets, read_rows

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
FILES = sorted(CHECKPOINTS.rglob("*.parquet"))
MAY_BE_HANDED_ON = "oxford_pets"
"""The data set whose true boxes ship (CC BY-SA 4.0); those of generated scenes (MIT) do too."""
SMALL = 2_000_000
"""Bytes of a file of records, at most."""


def test_there_are_records_in_the_box():
    assert {path.parent.parent.name for path in FILES} >= {"mobilenetv1_pets3", "toynet_toy"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.parent.name}/{p.stem}")
def test_no_annotation_ships_that_must_not(path):
    about = read_about(path)
    family = path.parent.parent
    assert about.name.split("/")[0] == family.name
    if about.truths:
        made_from = {read_card(f).recipe["data"]["name"] for f in checkpoint_folders(family)}
        free = made_from == {MAY_BE_HANDED_ON} or all(n.startswith("toy") for n in made_from)
        assert free, (
            f"{path} holds the true boxes of {about.dataset}: take it out and write it again with "
            "`python -m training strip-records`"
        )
    assert not about.maps
    assert path.stat().st_size < SMALL


@pytest.mark.parametrize("family", sorted({path.parent.parent for path in FILES}))
def test_records_are_of_the_very_checkpoints_beside_them(family):
    known = {read_card(folder).sha256 for folder in checkpoint_folders(family)}
    assert {read_about(path).checkpoint for path in family.glob("records/*.parquet")} <= known


@pytest.mark.parametrize("family", ["mobilenetv1_pets3", "toynet_toy"])
def test_failures_shows_pictures_of_these_everywhere(family):
    (one,), problems = find_sets(CHECKPOINTS / family / "records", family)
    assert not problems
    rows = read_rows(next(iter(one.files.values())))
    source = RecordedPictures(rows, None)
    assert source.there
    for number in range(0, len(rows.pictures), 8):
        picture = source.read(rows, number)
        for x0, y0, x1, y1 in source.true_boxes(rows, number):
            assert 0 <= x0 < x1 <= picture.width
            assert 0 <= y0 < y1 <= picture.height
