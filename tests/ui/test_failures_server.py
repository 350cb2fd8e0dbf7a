"""The server side of the Failures tab, without a browser."""

import json

import pytest
from PIL import Image
from records_made import record, write_records

from dfm_viz import toy
from dfm_viz.records.sets import ERRORS
from dfm_viz.render.failure_charts import BARS, MOST_POINTS, POINTS
from dfm_viz.ui.failures import Failures
from dfm_viz.ui.handlers import Explore
from training.evaluation.stripped import strip_records

SECRET = ("../../etc/passwd", "/etc/passwd", "images/0000.png", "", None, 3, {}, "x/0", "x" * 999)


@pytest.fixture
def place(tmp_path):
    """A folder with records of CAM and DFM about 30 pictures, and the pictures."""
    for method in ("cam", "dfm"):
        rows = [record(n, iou=n / 30, error="right" if n >= 15 else "oth") for n in range(30)]
        write_records(tmp_path / "mine" / f"{method}.parquet", rows)
    (tmp_path / "data" / "images").mkdir(parents=True)
    for n in range(30):
        Image.new("RGB", (100, 50), (n, 0, 0)).save(tmp_path / "data" / "images" / f"{n:04d}.png")
    return tmp_path


def tab(families_root, place, data=True):
    root = place / "data" if data else None
    return Failures(Explore(families_root, root, "cpu", records=place / "mine"))


@pytest.fixture
def failures(families_root, place):
    return tab(families_root, place)


def first(failures):
    return failures.failures_start({})["sets"][0]["id"]


def test_a_page_holds_24_rows_and_shows_the_one_asked_for(failures):
    which = first(failures)
    answer = failures.failures_find({"set": which, "order": "records", "page": 1})
    assert [r["number"] for r in answer["rows"]] == list(range(24, 30))
    assert (answer["count"], answer["pages"], answer["page"]) == (30, 2, 1)
    for page, kept in ((99, 1), (-4, 0), ("1", 0), (True, 0)):
        assert failures.failures_find({"set": which, "page": page})["page"] == kept
    found = failures.failures_find({"set": which, "order": "records", "show": 27})
    assert found["page"] == 1
    json.dumps(found)


def test_every_argument_may_be_nonsense(failures):
    for name in failures.SERVER:
        for query in (None, [], "x", {"set": []}, {"set": {"a": 1}}, {"set": "none"}):
            answer = getattr(failures, name)(query)
            assert name == "failures_start" or "no longer here" in answer["error"]
    which = first(failures)
    answer = failures.failures_charts({"set": which, "x": {}, "y": "abn/off"})
    assert (answer["x"], answer["y"]) == ("cam/off", "dfm/off")
    asked = [0, -1, 30, "1", None, True, 1e9, [2]]
    found = failures.failures_pictures({"set": which, "numbers": asked})["pictures"]
    assert sorted(found) == ["0", "30"]
    assert found["0"]["url"].startswith("data:image/jpeg;base64,")
    assert "no such picture" in found["30"]["error"]
    assert failures.failures_pictures({"set": which, "numbers": "all"}) == {"pictures": {}}
    many = failures.failures_pictures({"set": which, "numbers": list(range(30))})
    assert len(many["pictures"]) == 24


@pytest.mark.parametrize("token", SECRET)
def test_only_rows_of_records_open_in_explore(failures, token):
    answer = failures.explore.open({"record": token})
    assert set(answer) <= {"error", "code"}
    assert "root:" not in answer["error"]


def test_a_row_opens_with_its_true_box_and_is_read_again_when_it_was_dropped(failures):
    row = failures.failures_find({"set": first(failures), "show": 7, "order": "records"})["rows"][7]
    answer = failures.explore.open({"record": row["record"]})
    assert answer["boxes"] == [[0.0, 0.0, 50.0, 25.0]]
    assert (answer["width"], answer["height"]) == (100, 50)
    assert answer["title"] == "heron, 0007.png"
    failures.explore.pictures._cache.clear()
    assert failures.explore.picture(answer["picture"]).rgb[0, 0].tolist() == [7, 0, 0]


def test_records_of_unknown_weights_are_shown_but_do_not_open(failures, place, tiny_family):
    which = first(failures)
    assert "made_birds/dfm" in failures.failures_find({"set": which})["opens"]["error"]
    known = tiny_family.checkpoints.cards["dfm"].sha256
    rows = [record(n) for n in range(30)]
    write_records(place / "mine" / "dfm.parquet", rows, checkpoint=known)
    failures.shelf.look()
    opens = failures.failures_find({"set": which})["opens"]
    assert (opens["family"], opens["method"]) == ("tiny", "dfm")
    trained = tiny_family.checkpoints.trained_params()
    assert opens["settings"]["alpha"] == trained.alpha
    assert opens["settings"]["threshold"] == 0.2


def test_without_pictures_rows_come_and_it_says_how_to_see_them(families_root, place):
    failures = tab(families_root, place, data=False)
    answer = failures.failures_find({"set": first(failures)})
    assert answer["pictures"] is False
    assert len(answer["rows"]) == 24
    assert any("--data-root" in note for note in answer["notes"])
    assert "--data-root" in failures.explore.open({"record": answer["rows"][0]["record"]})["error"]


def test_files_that_are_damaged_or_about_other_data_are_said(families_root, place):
    (place / "mine" / "has.parquet").write_text("no")
    write_records(place / "mine" / "adl.parquet", [record(0)], data="e" * 64)
    failures = tab(families_root, place)
    start = failures.failures_start({})
    assert len(start["sets"]) == 2
    assert len(start["problems"]) == 1
    assert "mine/has.parquet" in start["problems"][0]
    assert str(place) not in start["problems"][0]
    answer = failures.failures_find({"set": start["sets"][0]["id"]})
    assert [m["title"] for m in answer["methods"]] == ["CAM", "DFM"]
    assert any("not mixed" in note for note in answer["notes"])


def test_a_file_whose_rows_are_wrong_is_left_out_and_the_rest_works(families_root, place):
    write_records(place / "mine" / "cam.parquet", [record(n, error="none") for n in range(30)])
    failures = tab(families_root, place)
    answer = failures.failures_find({"set": first(failures)})
    assert [m["name"] for m in answer["methods"]] == ["dfm"]
    assert "mine/cam.parquet" in answer["problems"][0]
    (place / "mine" / "dfm.parquet").unlink()
    assert "cam.parquet" in failures.failures_find({"set": first(failures)})["error"]


def test_new_records_are_found_without_a_restart(families_root, place):
    failures = tab(families_root, place)
    which = first(failures)
    assert failures.failures_find({"set": which})["count"] == 30
    write_records(place / "mine" / "adl.parquet", [record(n) for n in range(30)])
    failures.failures_start({})
    assert len(failures.failures_find({"set": which})["methods"]) == 3


def test_a_family_s_own_records_lie_beside_its_checkpoints(families_root, tmp_path):
    root = tmp_path / "families"
    (root / "tiny" / "records").mkdir(parents=True)
    for method in ("cam", "adl", "dfm"):
        (root / "tiny" / method).symlink_to(families_root / "tiny" / method)
    scene = toy.split_scene("test", 1, 3, size=64)
    said = {
        "picture": toy.scene_file("test", 1, 3),
        "truths": [list(map(float, scene.box))],
        "width": 64,
        "height": 64,
    }
    write_records(root / "tiny" / "records" / "cam.parquet", [record(0, **said)])
    explore = Explore(root, None, "cpu")
    assert [f.name for f in explore.families] == ["tiny"]
    failures = Failures(explore)
    (one,) = failures.failures_start({})["sets"]
    assert one["id"].startswith("tiny-")
    answer = failures.failures_pictures({"set": one["id"], "numbers": [0]})
    assert answer["pictures"]["0"]["url"].startswith("data:image/jpeg;base64,")


def test_no_records_is_an_answer(families_root):
    failures = Failures(Explore(families_root, None, "cpu"))
    start = failures.failures_start({})
    assert start["sets"] == []
    assert len(start["commands"]) == 2


def test_thousands_of_points_are_thinned_and_counted_whole(families_root, tmp_path):
    count = 7000
    rows = [record(n, iou=n / count, error="oth") for n in range(count)]
    write_records(tmp_path / "mine" / "cam.parquet", rows)
    failures = Failures(Explore(families_root, None, "cpu", records=tmp_path / "mine"))
    answer = failures.failures_charts({"set": first(failures), "iou": [0.5, 1]})
    assert (answer["drawn"], answer["count"]) == (MOST_POINTS, count // 2)
    bars = json.loads(answer["bars"])["data"]
    assert [bar["name"] for bar in bars] == ["CAM"]
    assert bars[0]["text"] == ["0", "0", "0", "0", "0", str(count // 2)]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", sorted({c for c, _ in (*POINTS, *BARS)}))
@pytest.mark.parametrize("ground", ["#F6F6F3", "#101216", "#181B21"])
def test_colours_stand_out_on_both_grounds(colour, ground):
    light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_colours_are_not_the_only_difference():
    for styles in (POINTS, BARS):
        assert len({shape for _, shape in styles}) == len(styles)


def test_records_without_true_boxes_say_what_the_data_set_would_add(families_root, place, tmp_path):
    strip_records(place / "mine", tmp_path / "bare")
    failures = Failures(Explore(families_root, None, "cpu", records=tmp_path / "bare"))
    answer = failures.failures_find({"set": first(failures), "order": "records"})
    assert answer["count"] == 30
    assert answer["counts"]["errors"] == {**dict.fromkeys(ERRORS, 0), "right": 15, "oth": 15}
    assert {row["iou"] for row in answer["rows"]} == {n / 30 for n in range(24)}
    assert all(row["truths"] == [] and row["objects"] == 1 for row in answer["rows"])
    notes = " ".join(answer["notes"])
    assert "only the predicted boxes are drawn" in notes
    assert "see them and the true boxes, start the app with --data-root" in notes
    assert "do not let us hand on its true boxes" in notes
    assert "scatter" in failures.failures_charts({"set": first(failures)})
