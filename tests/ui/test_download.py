"""The Download button: a real file in a real browser, progress, stopping, and what goes wrong."""

import base64
import io
import json
import threading
import zipfile

import pytest

from dfm_viz.__main__ import main
from dfm_viz.ui import download as downloads
from dfm_viz.ui.download import Download
from dfm_viz.ui.jobs import Jobs

BUTTON = "[data-act=download]"


# --- in a browser -------------------------------------------------------------------------------


def test_the_zip_is_of_what_the_page_shows_and_replays(visit, server, tmp_path, families_root):
    page = visit()
    page.select_option("#dx-family", "tiny")
    page.wait_for_selector('.explore[data-settled="1"]')
    page.fill('.sl[data-k="beta"] .num', "0.5")
    page.wait_for_function("() => window.paints.some(p => p.settings.beta === 0.5)")
    before = set(server.files())
    with page.expect_download() as info:
        page.click(BUTTON)
        page.wait_for_function(
            f"() => /^Stop [1-9]/.test(document.querySelector('{BUTTON}').textContent)"
        )
    title = page.locator(".thumbs-note").inner_text().splitlines()[0]
    name = info.value.suggested_filename
    assert name == f"{title.replace(' ', '-')}_tiny.zip"
    info.value.save_as(tmp_path / "got.zip")
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["settings"]["beta"] == 0.5
    assert manifest["picture"]["title"] == title
    assert manifest["truths"]  # the example's own
    page.wait_for_function(f"() => document.querySelector('{BUTTON}').textContent === 'Download'")
    assert page.locator(".dl-said").text_content() == f"{name} is downloaded."
    assert set(server.files()) == before  # nothing of it was ever a file of the server
    where = ("--families", str(families_root), "--device", "cpu")
    assert main(["replay", str(tmp_path / "got.zip"), *where]) == 0


def test_pressing_it_again_stops_it(visit):
    page = visit()
    got = []
    page.on("download", lambda download: got.append(download))
    page.click(BUTTON)
    page.wait_for_function(f"() => document.querySelector('{BUTTON}').ariaBusy === 'true'")
    width = page.locator(BUTTON).bounding_box()["width"]
    page.click(BUTTON)
    page.wait_for_function(f"() => document.querySelector('{BUTTON}').textContent === 'Download'")
    assert page.locator(".dl-said").text_content() == "Stopped."
    assert page.locator(BUTTON).bounding_box()["width"] == pytest.approx(width, abs=1)
    assert not got


def test_a_server_that_does_not_answer_is_said(visit):
    page = visit(strict=False)
    page.route("**/component_server**", lambda route: route.abort())
    page.click(BUTTON)
    page.wait_for_selector(".notice:not([hidden])")
    assert "does not answer" in page.locator(".notice").inner_text()
    page.wait_for_function(f"() => document.querySelector('{BUTTON}').textContent === 'Download'")


# --- without ------------------------------------------------------------------------------------


@pytest.fixture
def query(explore):
    facts = explore.start({})
    opened = explore.open({"example": facts["view"]["example"]})
    return {
        "family": "tiny",
        "picture": opened["picture"],
        "truths": opened["boxes"],
        "settings": facts["settings"],
        "title": opened["title"],
    }


@pytest.fixture
def download(explore, monkeypatch):
    """Without figures, which take long and have tests of their own."""
    monkeypatch.setattr("dfm_viz.render.print_style.encoded", lambda draw: {})
    return Download(explore)


def finished(download, token):
    """Poll to the end, as the page does: every item, once."""
    items = []
    waiting = threading.Event()
    for _ in range(2000):
        answer = download.explore_bundle_poll({"job": token, "after": len(items)})
        items += answer["items"]
        if answer["finished"]:
            return items, answer
        waiting.wait(0.02)
    raise AssertionError("no end")


def test_the_steps_come_first_and_the_zip_last(download, query):
    begun = download.explore_bundle(query)
    items, answer = finished(download, begun["job"])
    assert all(set(item) == {"what"} for item in items[:-1])
    assert len(items) == answer["total"]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(items[-1]["data"]))) as archive:
        assert archive.testzip() is None
        assert "manifest.json" in archive.namelist()
    assert items[-1]["name"].endswith("_tiny.zip")
    # Handed over once, then forgotten.
    assert download.explore_bundle_poll({"job": begun["job"]}) == {"gone": True}


def test_a_bundle_belongs_to_whoever_began_it(download, query):
    begun = download.explore_bundle(query)
    assert len(begun["job"]) >= 20
    for guess in ("", None, 0, "job", begun["job"][:-1], [begun["job"]]):
        assert download.explore_bundle_poll({"job": guess}) == {"gone": True}
    download.explore_bundle_cancel({"job": begun["job"]})


def test_a_stopped_bundle_ends_between_two_steps(explore, query, monkeypatch):
    """The first step waits until the job was stopped; no second one begins."""
    reached, go, steps = threading.Event(), threading.Event(), []

    def slow(*_, step, **__):
        for number in range(3):
            steps.append(number)
            reached.set()
            assert go.wait(20)
            step("anything", number, 3)
        return {}

    monkeypatch.setattr(downloads, "bundle_files", slow)
    download = Download(explore, Jobs(waiting=2))
    begun = download.explore_bundle(query)
    assert reached.wait(20)
    download.explore_bundle_cancel({"job": begun["job"]})
    go.set()
    following = download.explore_bundle(query)  # the one worker is free again
    items, _ = finished(download, following["job"])
    assert steps == [0, 0, 1, 2]
    assert items[-1]["name"]


def test_too_many_at_once_are_told_so(explore, query, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(downloads, "bundle_files", lambda *_, **__: go.wait(20) and {})
    download = Download(explore, Jobs(waiting=2, patience=60))
    begun = [download.explore_bundle(query) for _ in range(3)]
    assert "job" in begun[1]
    assert "try again" in begun[2]["error"]
    go.set()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"family": "walrus"}, "no family"),
        ({"family": None}, "no family"),
        ({"picture": "guessed"}, "open it again"),
        ({"picture": None}, "open it again"),
        ({"settings": None}, "no settings"),
        ({"settings": {"beta": 9}}, "beta must be"),
        ({"truths": [[0, 0, 1e9, 1]]}, "beyond the picture"),
        ({"truths": "all"}, "True boxes must be a list"),
        ({"truths": 7}, "True boxes must be a list"),
    ],
)
def test_nonsense_is_one_sentence_before_any_work(download, query, changed, words):
    answer = download.explore_bundle({**query, **changed})
    assert words in answer["error"]
    assert len(download.jobs) == 0
    assert (answer.get("code") == "expired") == ("picture" in changed)


@pytest.mark.parametrize("given", [None, [], "x", 5])
def test_no_mapping_at_all_never_raises(download, given):
    for name in Download.SERVER:
        assert isinstance(getattr(download, name)(given), dict)


def test_a_title_is_only_a_title(download, query):
    for title, name in (
        ("../../x.png", "x_tiny.zip"),
        (5, "5_tiny.zip"),
        (None, "picture_tiny.zip"),
    ):
        begun = download.explore_bundle({**query, "title": title})
        items, _ = finished(download, begun["job"])
        assert items[-1]["name"] == name
