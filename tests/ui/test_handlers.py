"""The page's questions, asked without a browser and without Gradio."""

import base64
import math
import shutil

import numpy as np
import pytest
from PIL import Image

from dfm_viz.inspection import Family, load_family
from dfm_viz.methods import METHODS, DFMParams
from dfm_viz.ui.handlers import Explore
from dfm_viz.ui.pictures import ExpiredError, Pictures, take_upload


@pytest.fixture
def facts(explore):
    """The first answer of the server."""
    return explore.start({})


@pytest.fixture
def query(explore, facts):
    """A first question about the first example."""
    opened = explore.open({"example": facts["view"]["example"]})
    return {
        "family": "tiny",
        "picture": opened["picture"],
        "truths": opened["boxes"],
        "settings": facts["settings"],
    }


def values(part):
    """The array of one part."""
    dtype = {"f32": "<f4", "u8": "u1"}[part["dtype"]]
    return np.frombuffer(base64.b64decode(part["data"]), dtype).reshape(part["shape"])


def changed(explore, query, first, **settings):
    """Names of the parts that are sent after `first` when settings move."""
    have = {name: part["key"] for name, part in first["parts"].items()}
    info = first["info"]
    moved = {**query, "settings": {**query["settings"], **settings}, "have": have}
    answer = explore.inspect({**moved, "point": info["point"], "channel": info["channel"]})
    assert "error" not in answer, answer
    return set(answer["parts"])


def test_start_reads_every_slider_from_the_parameters_fields(facts):
    rows = {row["name"]: row for group in facts["groups"] for row in group["parameters"]}
    for name, kind in DFMParams.kinds().items():
        if hasattr(kind, "low"):
            row = rows[name]
            assert (row["low"], row["high"], row["step"]) == (kind.low, kind.high, kind.step)
            assert (row["symbol"], row["label"]) == (kind.symbol, kind.label)
            assert row["paper"] == getattr(DFMParams(), name)
            assert facts["settings"][name] == row["paper"]


def test_start_offers_families_examples_and_colours(facts):
    assert {f["name"] for f in facts["families"]} == {"tiny", "camonly", "all"}
    assert len(facts["examples"]) >= 2
    assert all(e["thumb"].startswith("data:image/jpeg;base64,") for e in facts["examples"])
    for colours in facts["colormaps"]:
        assert len(base64.b64decode(colours["lut"])) == 256 * 3


def test_choices_have_a_word_for_every_value(facts):
    for name, choice in facts["choices"].items():
        kind = DFMParams.kinds().get(name)
        if kind is not None:
            assert {o["value"] for o in choice["options"]} == set(kind.options)


def test_inspect_sends_the_numbers_of_the_engine(explore, query, families_root):
    answer = explore.inspect(query)
    family = load_family("tiny", families_root, "cpu")
    picture = explore.picture(query["picture"])
    expected = family.inspect(family.open(picture), query["settings"], query["truths"])
    for name, method in expected.methods.items():
        assert np.array_equal(values(answer["parts"][f"map/{name}"]), method.grid)
        sent = answer["info"]["methods"][name]
        assert sent["score"] == method.score
        assert sent["iou"] == method.iou
        assert sent["box"] == list(method.box)
    info = answer["info"]
    point, channel = expected.points[info["point"]], info["channel"]
    for name in ("C_A", "C_E", "C_M", "P_A", "P_E", "P_M_prime", "Delta_M", "P_M"):
        assert np.array_equal(values(answer["parts"][f"point/{name}"]), getattr(point, name))
    for name in ("F_in", "C_ME", "P_ME", "F_out"):
        shown = values(answer["parts"][f"point/{name}"])
        assert np.array_equal(shown, getattr(point, name)[channel])


def test_only_what_changed_is_sent(explore, query):
    query["settings"] = {**query["settings"], "target": 1}
    first = explore.inspect(query)
    assert changed(explore, query, first) == set()
    assert changed(explore, query, first, threshold=0.4) == set()
    assert changed(explore, query, first, tau=0.3) <= {"map/dfm"}
    moved = changed(explore, query, first, delta=0.1)
    assert "map/cam" not in moved
    assert "point/C_ME" in moved
    assert "point/C_A" not in moved


def test_maps_are_sent_for_the_methods_that_are_shown_and_only_once(explore, query):
    query = {**query, "family": "all", "truths": [], "shown": ["cam", "acol", "dfm"]}
    first = explore.inspect(query)
    assert {n for n in first["parts"] if n.startswith("map/")} == {"map/cam", "map/acol", "map/dfm"}
    assert len(first["info"]["methods"]) == 8
    assert changed(explore, query, first, delta=0.1) & {"map/cam", "map/acol"} == set()
    more = {**query, "shown": [*query["shown"], "dfm_add", "nonsense", 3]}
    assert changed(explore, more, first) == {"map/dfm_add"}
    everything = explore.inspect({**query, "shown": None})["parts"]
    assert len([n for n in everything if n.startswith("map/")]) == 8


def test_every_method_has_words(facts):
    shown = next(f for f in facts["families"] if f["name"] == "all")["methods"]
    about = {m["name"]: m["about"] for m in shown}
    assert all(about[name].endswith(".") for name in METHODS if name != "dfm")
    assert about["dfm_add"].endswith("No slider moves it.")
    assert len(set(about.values())) == len(about)
    assert all(METHODS[name].paper in m["hint"] for m in shown if (name := m["name"]) in METHODS)


def test_what_the_first_visitor_asks_was_answered_before(explore, monkeypatch):
    """The same picture, settings and true boxes as the page's own first question."""
    asked, inspect = [], Family.inspect
    monkeypatch.setattr(
        Family, "inspect", lambda *given: asked.append(given[1:]) or inspect(*given)
    )
    explore.warm_up()
    warmed = list(asked)
    assert len(warmed) == 1
    facts = explore.start({})
    opened = explore.open({"example": facts["view"]["example"]})
    question = {"family": facts["family"], "picture": opened["picture"]}
    answer = explore.inspect({**question, "settings": facts["settings"], "truths": opened["boxes"]})
    assert "error" not in answer
    assert asked == warmed * 2  # the same objects: what was opened was kept


def test_a_warm_up_that_fails_is_logged(explore, monkeypatch, caplog):
    monkeypatch.setattr(explore, "inspect", lambda query: {"error": "The checkpoint is damaged."})
    explore.warm_up()
    assert "The checkpoint is damaged." in caplog.text


def test_mean_of_all_channels(explore, query):
    answer = explore.inspect({**query, "channel": "mean"})
    assert answer["info"]["channel"] == "mean"
    assert answer["parts"]["point/F_in"]["shape"] == answer["parts"]["point/P_A"]["shape"]


def test_parts_that_no_longer_exist_are_named(explore, query):
    answer = explore.inspect({**query, "have": {"map/old": "1"}})
    assert answer["gone"] == ["map/old"]


def test_a_family_with_one_checkpoint_says_what_was_not_trained(explore, query):
    answer = explore.inspect({**query, "family": "camonly"})
    badges = {name: m["badge"] for name, m in answer["info"]["methods"].items()}
    assert badges == {"cam": "", "adl": "not trained with it", "dfm": "not trained with it"}


def test_another_reading_than_trained_is_said_with_the_way_back(explore, query):
    answer = explore.inspect({**query, "settings": {**query["settings"], "apply": "add"}})
    dfm = answer["info"]["methods"]["dfm"]
    assert dfm["badge"] == "not as trained: apply = add"
    assert dfm["changed"] == {"was": "apply = mul"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("settings", {"alpha": 2}),
        ("settings", {"alpha": math.nan}),
        ("settings", {"alpha": "x"}),
        ("settings", {"unknown": 1}),
        ("settings", None),
        ("settings", {"points": ["nowhere"]}),
        ("family", "nobody"),
        ("family", "../tiny"),
        ("family", {"a": 1}),
        ("picture", "guess"),
        ("picture", None),
        ("picture", ["x"]),
        ("truths", [[1, 2]]),
        ("truths", "all"),
        ("truths", 7),
    ],
)
def test_nonsense_gets_a_sentence(explore, query, key, value):
    answer = explore.inspect({**query, key: value})
    assert set(answer) <= {"error", "code"}
    assert answer["error"].endswith(".")
    assert "Something went wrong" not in answer["error"]


@pytest.mark.parametrize(
    "query", [None, [], "x", {}, {"example": 3}, {"upload": 1}, {"upload": ""}]
)
def test_nothing_raises(explore, query):
    for answer in (explore.open(query), explore.inspect(query)):
        assert "error" in answer
    assert "families" in explore.start(query)


def test_an_unknown_channel_or_point_falls_back_to_one_that_is_there(explore, query):
    first = explore.inspect(query)["info"]
    for channel in (-1, 10**9, True, "x", 1.5, None):
        answer = explore.inspect({**query, "channel": channel, "point": "nowhere"})
        assert answer["info"]["channel"] == first["channel"]
        assert answer["info"]["point"] == first["point"]


def test_an_upload_is_read_and_deleted(explore, picture):
    folder = explore.uploads / "abc"
    folder.mkdir()
    file = folder / "mine.png"
    Image.fromarray(picture).save(file)
    answer = explore.open({"upload": str(file), "name": "mine.png"})
    assert (answer["width"], answer["height"], answer["title"]) == (120, 90, "mine.png")
    assert not file.exists()
    again = explore.open({"upload": str(file), "name": "mine.png"})
    assert "send the picture again" in again["error"]


def test_a_file_that_is_no_picture_is_named_and_deleted(explore):
    file = explore.uploads / "notes.png"
    file.write_text("hello")
    answer = explore.open({"upload": str(file), "name": "notes.png"})
    assert answer["error"].startswith("notes.png")
    assert not file.exists()


def test_only_files_in_the_upload_folder_are_touched(explore, tmp_path, picture):
    outside = tmp_path / "private.png"
    Image.fromarray(picture).save(outside)
    link = explore.uploads / "link.png"
    link.symlink_to(outside)
    for path in (outside, link, f"{explore.uploads}/../private.png", "\0", explore.uploads):
        assert "error" in explore.open({"upload": str(path), "name": "x.png"})
    assert outside.exists()


def test_pictures_are_bounded_and_their_names_cannot_be_guessed(explore, photo):
    (explore.uploads / "a.png").write_bytes(photo.read_bytes())
    picture = take_upload(explore.uploads / "a.png", "a.png", explore.uploads)
    store = Pictures(max_bytes=3 * (picture.rgb.nbytes + 1024))
    tokens = [store.add(picture) for _ in range(5)]
    assert len(set(tokens)) == 5
    assert all(len(token) >= 20 for token in tokens)
    assert store.get(tokens[-1]) is picture
    with pytest.raises(ExpiredError, match="open it again"):
        store.get(tokens[0])


def test_a_dropped_picture_is_told_apart(explore, query):
    answer = explore.inspect({**query, "picture": "dropped-long-ago"})
    assert answer["code"] == "expired"


def test_a_damaged_checkpoint_is_a_sentence_and_the_others_keep_working(families_root, tmp_path):
    root = tmp_path / "families"
    shutil.copytree(families_root, root)
    weights = root / "camonly" / "cam" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7] + b"tampere")
    served = Explore(root, device="cpu")
    question = {
        "picture": served.open({"example": served.start({})["view"]["example"]})["picture"],
        "settings": served.start({})["settings"],
    }
    refused = served.inspect({**question, "family": "camonly"})
    assert "Something went wrong" not in refused["error"]
    assert "error" not in served.inspect({**question, "family": "tiny"})


def test_pictures_of_the_data_root_become_examples(families_root, tmp_path):
    with_root = Explore(families_root, data_root=tmp_path / "missing", device="cpu")
    assert "data root" in with_root.start({})["error"]
