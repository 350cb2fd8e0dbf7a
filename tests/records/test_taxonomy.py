"""The shipped records' error types are what their definition and the page's words say."""

from pathlib import Path

import pandas as pd
import pytest

from dfm_viz.boxes import error_type, iog, iop
from dfm_viz.ui.failure_words import ERROR_WORDS

FILES = sorted((Path(__file__).parents[2] / "checkpoints").glob("toynet_*/records/*.parquet"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_error_types_follow_from_the_overlaps(path):
    rows = pd.read_parquet(path, columns=["correct", "iou", "iop", "iog", "error"])
    assert len(rows) >= 320
    for row in rows.itertuples():
        if not row.correct:
            expected = "cls"
        elif row.iou >= 0.5:
            expected = "right"
        elif row.iop > 0.5:  # most of the box lies on the object: a part, however little it covers
            expected = "part"
        else:
            expected = "more" if row.iog >= 0.7 else "oth"
        assert row.error == expected
        assert row.iou == pytest.approx(1 / (1 / row.iop + 1 / row.iog - 1)) if row.iou else True


def test_a_box_around_the_head_is_a_part_until_half_of_it_lies_beside():
    creature = (20, 40, 119, 79)  # 100 x 40, its head the last 20 columns
    head = (100, 45, 119, 74)
    loose = (100, 35, 129, 84)  # a rim of ten columns and ten rows: 53 % on the creature
    looser = (100, 30, 139, 89)  # a wider one: 33 %
    assert [round(iop(box, creature), 2) for box in (head, loose, looser)] == [1.0, 0.53, 0.33]
    kinds = [str(error_type(True, box, [creature])) for box in (head, loose, looser)]
    assert kinds == ["part", "part", "oth"]
    assert iog(looser, creature) == 0.2


def test_no_word_says_that_a_box_which_covers_a_third_is_elsewhere():
    # All of the toy family's boxes of this kind cover at least a third of the creature.
    title, hint = ERROR_WORDS["oth"]
    assert "elsewhere" not in title.lower()
    assert "hardly" not in hint
    assert "At most half of the box" in hint
    assert "less than 70 % of the object is covered" in hint
