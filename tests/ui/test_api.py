"""The named endpoints through `gradio_client`, as somebody elsewhere would call them."""

import json

import gradio_client
import numpy as np
import pytest
from pictures_made import encode, noise

from dfm_viz.inspection import load_family
from dfm_viz.methods import METHODS


@pytest.fixture(scope="module")
def client(server):
    """A client of the served page."""
    return gradio_client.Client(server.url, verbose=False)


def same_answer(given, expected):
    """Equal but for the last digits: the server is another process, maybe with other threads."""
    assert given.pop("notes") == []
    assert given.keys() == expected.keys()
    assert given["kind"] == expected["kind"]
    for mine, theirs in zip(given["rows"], expected["rows"], strict=True):
        assert mine.keys() == theirs.keys()
        for key, value in theirs.items():
            if key in ("score", "map", "box", "iou") and value is not None:
                np.testing.assert_allclose(mine[key], value, rtol=1e-4, atol=1e-4, err_msg=key)
            else:
                assert mine[key] == value, key


def test_families(client):
    found = {f["name"]: f for f in client.predict(api_name="/families")}
    assert set(found) == {"tiny", "camonly", "all"}
    keys = {"name", "backbone", "dataset", "classes", "methods", "points", "image_size"}
    assert keys <= set(found["tiny"])
    assert found["tiny"]["methods"] == ["cam", "adl", "dfm"]
    assert found["all"]["methods"] == [*[*METHODS][:5], "dfm_add", *[*METHODS][5:]]


def test_inspect_gives_the_numbers_of_the_engine(client, photo, families_root):
    settings, truths = {"beta": 0.5, "mode": "position"}, [[10, 10, 100, 80]]
    answer = client.predict(
        gradio_client.handle_file(photo),
        "tiny",
        json.dumps(settings),
        json.dumps(truths),
        api_name="/inspect",
    )
    family = load_family("tiny", families_root, "cpu")
    expected = family.inspect(family.open(photo), settings, truths).to_json()
    assert answer["methods"]["dfm"]["iou"] == expected["methods"]["dfm"]["iou"]
    assert np.array_equal(answer["methods"]["cam"]["map"], expected["methods"]["cam"]["map"])
    assert answer["settings"]["beta"] == 0.5
    for name, point in expected["points"].items():
        for symbol in ("C_A", "P_A", "P_M", "C_ME_mean"):
            assert np.array_equal(answer["points"][name][symbol], point[symbol])
    assert len(answer["dfm_paths"]) == 2 ** len(expected["points"])


def test_ablate_gives_the_rows_of_the_engine(client, photo, families_root):
    settings, truths = {"beta": 0.98, "mode": "off"}, [[10, 10, 100, 80]]
    answer = client.predict(
        gradio_client.handle_file(photo),
        "tiny",
        json.dumps(settings),
        json.dumps(truths),
        api_name="/ablate",
    )
    family = load_family("tiny", families_root, "cpu")
    same_answer(answer, family.ablate(family.open(photo), settings, truths).to_json())
    assert [row["row"] for row in answer["rows"]] == list(range(7))
    assert answer["kind"] == "inference-time"
    short = client.predict(gradio_client.handle_file(photo), "tiny", api_name="/ablate")
    assert [row["iou"] for row in short["rows"]] == [None] * 7


@pytest.mark.parametrize(
    ("parameter", "values"),
    [("omega", [0, 0.5, 1]), ("apply", ["add", "mul"]), ("points", ["block4_1", "all"])],
)
def test_sweep_gives_the_rows_of_the_engine(client, photo, families_root, parameter, values):
    settings = {"beta": 0.98}
    answer = client.predict(
        gradio_client.handle_file(photo),
        "tiny",
        json.dumps(settings),
        parameter,
        json.dumps(values),
        "[[10, 10, 100, 80]]",
        api_name="/sweep",
    )
    family = load_family("tiny", families_root, "cpu")
    rows = family.sweep(family.open(photo), settings, parameter, values, [[10, 10, 100, 80]])
    same_answer(answer, rows.to_json())
    assert [row["value"] for row in answer["rows"]] == values


@pytest.mark.parametrize(
    ("parameter", "values", "sentence"),
    [
        ("", "[0.1]", "There is no parameter ''"),
        ("betta", "[0.1]", "There is no parameter 'betta'"),
        ("beta", "", "must be JSON like"),
        ("beta", "[0.1", "must be JSON like"),
        ("beta", "0.1", "must be a list"),
        ("beta", "[]", "at least one value"),
        ("beta", "[NaN]", "beta must be from 0 to 1"),
        ("beta", "[0.1, 7]", "beta must be from 0 to 1"),
        ("mode", '["off"]', "There is no parameter 'mode'"),
        ("points", '["block9"]', "no insertion point 'block9'"),
        ("tau", str([0.5] * 202), "at most 201 values"),
    ],
)
def test_a_sweep_that_cannot_be_is_one_sentence(client, photo, parameter, values, sentence):
    with pytest.raises(Exception, match=sentence) as raised:
        client.predict(
            gradio_client.handle_file(photo),
            "tiny",
            parameter=parameter,
            values=values,
            api_name="/sweep",
        )
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize("endpoint", ["/inspect", "/ablate", "/sweep"])
@pytest.mark.parametrize(
    ("family", "settings", "truths", "sentence"),
    [
        ("nobody", "{}", "", "There is no family 'nobody'"),
        ("tiny", '{"beta": 9}', "", "beta must be from 0 to 1"),
        ("tiny", '{"beta": NaN}', "", "beta must be from 0 to 1"),
        ("tiny", '{"betta": 0.5}', "", "There is no setting 'betta'"),
        ("tiny", "{", "", "not valid JSON"),
        ("tiny", "{}", "[[1, 2", "must be JSON like"),
        ("tiny", "{}", "[[1, 2, 3]]", "four numbers"),
    ],
)
def test_errors_are_one_sentence(client, photo, endpoint, family, settings, truths, sentence):
    swept = {"parameter": "tau", "values": "[0.5]"} if endpoint == "/sweep" else {}
    with pytest.raises(Exception, match=sentence) as raised:
        client.predict(
            image=gradio_client.handle_file(photo),
            family=family,
            settings=settings,
            truths=truths,
            api_name=endpoint,
            **swept,
        )
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize("endpoint", ["/inspect", "/ablate"])
def test_a_file_that_is_no_picture(client, tmp_path, endpoint):
    file = tmp_path / "notes.png"
    file.write_text("hello")
    with pytest.raises(Exception, match=r"notes\.png"):
        client.predict(gradio_client.handle_file(file), "tiny", "{}", "", api_name=endpoint)


@pytest.mark.parametrize("endpoint", ["/inspect", "/ablate", "/sweep", "/export"])
@pytest.mark.parametrize("image", ["lion.jpg", {"path": "lion.jpg"}, ["lion.jpg"], 3])
def test_a_path_as_text_says_how_to_send_a_file(client, endpoint, image):
    swept = {"parameter": "tau", "values": "[0.5]"} if endpoint == "/sweep" else {}
    with pytest.raises(Exception, match=r"image must be a file that was sent.*handle_file"):
        client.predict(image=image, family="tiny", api_name=endpoint, **swept)


def test_what_the_reader_says_is_in_the_answer(client, tmp_path):
    file = tmp_path / "cut.jpg"
    file.write_bytes(encode(noise(64, 64), "JPEG")[:-2])
    answer = client.predict(gradio_client.handle_file(file), "tiny", api_name="/inspect")
    assert answer["notes"] == ["The end of this file is missing."]


@pytest.mark.parametrize("endpoint", ["/inspect", "/ablate"])
def test_a_missing_file(client, endpoint):
    with pytest.raises(Exception, match="image is missing"):
        client.predict(None, "tiny", "{}", "", api_name=endpoint)
