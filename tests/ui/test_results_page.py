"""The Results tab: what the files and the cards say, and nothing else, on every width."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import axe_playwright_python
import pytest

from dfm_viz.checkpoint import store
from dfm_viz.checkpoint.card import CARD, KnownFailure, read_card
from dfm_viz.examples import toy_example
from dfm_viz.ui.handlers import Explore
from dfm_viz.ui.results import RESULTS, Results

TABLES = json.loads(RESULTS.read_text(encoding="utf-8"))["tables"]
HEADINGS = (("Retrained tables", "retrained"), ("Inference-time tables", "inference"))
RETRAINED = next(t for t in TABLES if t["kind"] == "retrained")
MODE = {
    "n": 80,
    "top1_clas": 76.25,
    "fixed": {"threshold": 0.2, "top1_loc": 30.0, "gt_known_loc": 41.25},
    "oracle": {"threshold": 0.371, "top1_loc": 50.0, "gt_known_loc": 62.5},
    "intervals": {
        "top1_clas": [66.0, 85.5],
        "fixed": {"top1_loc": [20.0, 40.5], "gt_known_loc": [30.5, 52.0]},
        "oracle": {"top1_loc": [40.0, 60.0], "gt_known_loc": [51.0, 73.0]},
    },
}
EXPECTED = {**MODE, "top1_clas": 70.0, "intervals": {}}
SCORES = {
    **MODE,
    "modes": {"expected": EXPECTED},
    "errors": {"right": 24, "cls": 19, "more": 37, "oth": 0},
    "chance": {"whole_image": {"gt_known_loc": 20.0},
               "centred_square": {"side": 130, "gt_known_loc": 57.5}},
    "protocol": "as <usual>",
    "seeds": 3,
    "command": "python -m training evaluate birds/dfm",
}  # fmt: skip
FAILURES = tuple(
    KnownFailure(
        sentence=f"It fails on {picture}.",
        picture=picture,
        method="dfm",
        settings={"mode": "off", "threshold": 0.4},
        label="crow",
        score=0.5,
        box=(10.0, 20.0, 110.0, 120.0),
        iou=0.25,
    )
    for picture in ("toy-7", "no-such-picture")
)


@pytest.fixture(scope="module")
def birds(families_root, tmp_path_factory) -> Path:
    """A folder with the tiny family, whose DFM card tells everything a card can tell."""
    root = tmp_path_factory.mktemp("birds")
    shutil.copytree(families_root / "tiny", root / "birds")
    folder = root / "birds" / "dfm"
    card = dataclasses.replace(
        read_card(folder),
        init_weights="weights of <somebody>",
        licences=("Data: for research.", "Weights: Apache-2.0."),
        recipe={"title": "Birds", "seed": 4, "optim": {"epochs": 9, "batch": 32}},
        run={"wall_seconds": 660, "machine": "cpu (x86_64), 2 threads", "train_pictures": 810},
        metrics={"test": SCORES},
        known_failures=FAILURES,
        notes=("Twelve pictures only.",),
    )
    (folder / CARD).write_text(card.to_json(), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def server(serve, birds, tmp_path_factory):
    """The page with that family."""
    served = serve(birds, tmp_path_factory.mktemp("gradio"))
    yield served
    served.stop()


@pytest.fixture
def results(birds):
    """The server side of the tab, without a server."""
    return Results(Explore(families=birds, device="cpu"))


AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")


def opened(page):
    """Go to the tab and wait for its contents."""
    page.locator("#dx-tab-results").click()
    page.locator(".rs-body h2").wait_for()
    return page


def shown(page, name):
    """Open a table or a card from the list."""
    page.locator(f'.rs-nav [data-rs="{name}"]').click()
    page.locator(f'.rs-nav [data-rs="{name}"][aria-current="page"]').wait_for()
    page.locator(".rs-body h2").wait_for()


# --- without a browser --------------------------------------------------------------------------


def test_cards_are_read_but_never_weights(results, monkeypatch):
    def refuse(*_):
        raise AssertionError("weights were read")

    monkeypatch.setattr(store, "read_weights", refuse)
    start = results.results_start({})
    assert [f["name"] for f in start["families"]] == ["birds"]
    assert [c["name"] for c in start["families"][0]["cards"]] == ["cam", "adl", "dfm"]
    for name in ("cam", "adl", "dfm"):
        assert "error" not in results.results_card({"family": "birds", "card": name})
        assert "error" not in results.results_failures({"family": "birds", "card": name})


def test_numbers_keep_their_intervals_in_every_mode(results):
    (scores,) = results.results_card({"family": "birds", "card": "dfm"})["scores"]
    off, expected = scores["modes"]
    assert (off["mode"], off["clas"]) == ("off", [76.25, 66.0, 85.5])
    assert off["oracle"] == {"threshold": 0.371, "loc": [50.0, 40.0, 60.0],
                             "known": [62.5, 51.0, 73.0]}  # fmt: skip
    assert (expected["mode"], expected["clas"]) == ("expected", [70.0, None, None])
    assert scores["without"] == [
        ["the whole picture", 20.0], ["the best centred square (130 of 224 px)", 57.5],
    ]  # fmt: skip
    assert scores["outcomes"] == [["right", 24], ["wrong class", 19], ["box too large", 37]]
    assert results.results_card({"family": "birds", "card": "cam"})["scores"] == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (None, "no family ''"),
        ({"family": "../birds", "card": "dfm"}, "no family '../birds'"),
        ({"family": ["birds"], "card": "dfm"}, "there are: birds"),
        ({"family": "birds", "card": "../../x"}, "it has cam, adl, dfm"),
        ({"family": "birds", "card": {"a": 1}}, "no checkpoint"),
    ],
)
def test_nonsense_gets_a_sentence(results, query, words):
    for function in (results.results_card, results.results_failures):
        assert words in function(query)["error"]


@pytest.mark.parametrize("text", [None, "", "[]", '{"tables": 5, "reading": null}', "{"])
def test_without_tables_there_are_still_cards(birds, tmp_path, text):
    file = tmp_path / "results.json"
    if text is not None:
        file.write_text(text)
    start = Results(Explore(families=birds, device="cpu"), file).results_start({})
    assert start["tables"] == []
    assert "python -m training table" in start["missing"]
    assert start["families"][0]["name"] == "birds"


def test_failures_come_with_the_picture_they_were_found_on(results):
    first, second = results.results_failures({"family": "birds", "card": "dfm"})["failures"]
    example = toy_example(7)
    assert (first["title"], first["truths"]) == (example.title, [list(example.truths[0])])
    assert first["image"].startswith("data:image/jpeg;base64,")
    assert (first["width"], first["height"]) == (224, 224)
    assert second["image"] is None


def test_any_scene_can_be_opened_by_its_seed_and_nothing_else(birds):
    explore = Explore(families=birds, device="cpu")
    reply = explore.open({"example": "toy-7"})
    assert reply["boxes"] == [list(toy_example(7).truths[0])]
    assert explore.picture("example/toy-7").digest == find_digest(7)
    for name in ("toy--1", "toy-", "toy-1e9", "toy-99999999999", "../toy-7", "toy-7/.."):
        assert "error" in explore.open({"example": name})


def find_digest(seed):
    return toy_example(seed).read().digest


# --- in a browser -------------------------------------------------------------------------------


def test_conclusions_stand_first_and_open_further(visit):
    page = opened(visit())
    reading = json.loads(RESULTS.read_text(encoding="utf-8"))["reading"]
    assert page.locator(".rs-body h2").inner_text() == reading["title"]
    heads = page.locator(".rs-points h3").all_inner_texts()
    assert heads == [p["claim"].replace("`", "") for p in reading["points"]]
    more = page.locator(".rs-points details").first
    assert not more.locator("p").is_visible()
    more.locator("summary").click()
    assert more.locator("p").is_visible()
    assert "`" not in page.locator(".rs-body").inner_text()
    assert "**" not in page.locator(".rs-body").inner_text()


def test_a_table_shows_every_cell_of_its_file_and_says_its_kind(visit):
    page = opened(visit())
    for table in TABLES:
        shown(page, table["name"])
        kind = {"retrained": "retrained", "inference": "inference-time"}[table["kind"]]
        assert page.locator(".rs-lead .rs-kind").inner_text() == kind
        said = page.locator(".rs-table tbody").inner_text()
        words = [cell for row in table["rows"] for cell in row if cell and cell != "chance"]
        for cell in words:
            assert cell.replace("(-", "(−") in said, cell
        for note in (*table["notes"], table["command"]):
            assert note.replace("`", "") in page.locator(".rs-body").inner_text()
    heads = page.locator(".rs-nav h3").all_inner_texts()
    kinds = [title for title, kind in HEADINGS if any(t["kind"] == kind for t in TABLES)]
    assert heads[: len(kinds)] == kinds
    # Each list holds its own kind only.
    for heading, kind in HEADINGS:
        listed = page.locator(f".rs-nav h3:has-text('{heading}') + ul [data-rs]")
        names = listed.evaluate_all("all => all.map(b => b.dataset.rs)")
        assert names == [t["name"] for t in TABLES if t["kind"] == kind]


def test_bars_are_as_long_as_the_numbers(visit):
    page = opened(visit())
    shown(page, RETRAINED["name"])
    page.locator("#dx-rs-metric").select_option("Top-1 Clas")
    bar = next(b for b in RETRAINED["bars"] if b["row"].endswith("CAM"))
    value = bar["values"]["Top-1 Clas"]
    number = RETRAINED["bars"].index(bar)  # the rows before it have one mode each
    label = page.locator(".rs-track").nth(number).get_attribute("aria-label")
    assert label.startswith(f"{bar['row']}, module off: {value['mean']:.1f} percent, interval ")
    boxes = page.evaluate(
        """number => {
            const track = document.querySelectorAll('.rs-track')[number];
            const rect = q => (q ? track.querySelector(q) : track).getBoundingClientRect();
            const ticks = [...document.querySelectorAll('.rs-axis i')];
            return { all: rect().width, most: Math.max(...ticks.map(i => Number(i.innerText))),
              bar: rect('.rs-bar').width, from: rect('.rs-span').left - rect().left,
              span: rect('.rs-span').width };
        }""",
        number,
    )
    assert boxes["most"] >= value["high"]
    share = boxes["all"] / boxes["most"]
    assert boxes["bar"] == pytest.approx(value["mean"] * share, abs=1)
    assert boxes["from"] == pytest.approx(value["low"] * share, abs=1)
    assert boxes["span"] == pytest.approx((value["high"] - value["low"]) * share, abs=1)
    # Another mode: methods without a module stay as they are, and say so.
    page.locator("#dx-rs-mode").select_option("expected")
    names = page.locator(".rs-name").all_inner_texts()
    assert any("module off" in name for name in names)
    assert not all("module off" in name for name in names)


def test_a_card_tells_everything_it_knows(visit):
    page = opened(visit())
    shown(page, "birds/dfm")
    page.locator(".rs-failures figure").first.wait_for()
    said = page.locator(".rs-body").inner_text()
    for words in (
        "weights of <somebody>", "Data: for research. Weights: Apache-2.0.", "random (3 random",
        "810 pictures", "11 minutes", "cpu (x86_64), 2 threads", "Birds; 9 epochs at batch 32",
        "Teaching, and looking at how", "Twelve pictures only.", "80 pictures of the test split",
        "3 seeds", "right 24, wrong class 19, box too large 37",
    ):  # fmt: skip
        assert words in said, words
    cells = page.locator(".rs-table tbody tr").first.locator("td").all_inner_texts()
    assert [re.sub(r"\s+", " ", cell) for cell in cells] == [
        "76.2 66.0 to 85.5", "0.2", "30.0 20.0 to 40.5", "41.2 30.5 to 52.0",
        "0.371", "50.0 40.0 to 60.0", "62.5 51.0 to 73.0",
    ]  # fmt: skip
    page.locator(".rs-how summary").click()
    assert "as <usual>." in page.locator(".rs-how").inner_text()
    shown(page, "birds/cam")
    assert "Not measured here." in page.locator(".rs-body").inner_text()
    assert (
        "No picture that may be shown to anybody has one of"
        in page.locator(".rs-body").inner_text()
    )


def test_a_failure_shows_its_boxes_and_opens_in_explore_as_it_was_found(visit):
    page = opened(visit())
    shown(page, "birds/dfm")
    figures = page.locator(".rs-failures figure")
    figures.first.wait_for()
    assert figures.count() == 2
    drawn = figures.first.locator("rect.predicted")
    assert [float(drawn.get_attribute(name)) for name in ("x", "y", "width", "height")] == [
        10, 20, 100, 100,
    ]  # fmt: skip
    assert figures.first.locator("rect.truth").count() == 1
    assert "not installed here" in figures.nth(1).inner_text()
    assert figures.nth(1).locator("button").count() == 0
    figures.first.get_by_text("Open in Explore").click()
    page.wait_for_selector('.explore[data-tab="explore"][data-settled="1"]')
    page.wait_for_function("window.paints.at(-1).settings.threshold === 0.4")
    assert page.evaluate("window.paints.at(-1).settings.mode") == "off"
    assert "Toy scene" in page.locator(".thumbs-note").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(visit, theme):
    page = opened(visit(390, 844, color_scheme=theme))
    assert page.locator(".rs-nav").is_hidden()
    picker = page.locator("#dx-rs-pick")
    for name in ("reading", RETRAINED["name"], "birds/dfm", "birds/cam"):
        picker.select_option(name)
        page.wait_for_function("!document.querySelector('.rs-wait')")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    picker.select_option(RETRAINED["name"])
    # The table is wider than its box, which scrolls by itself.
    wide = page.locator(".rs-scroll").evaluate("e => e.scrollWidth - e.clientWidth")
    assert wide > 100
    assert page.locator(".rs-table tbody th").first.evaluate(
        "e => getComputedStyle(e).position"
    ) == ("sticky")


def test_links_open_the_same_table_or_card(visit):
    page = opened(visit())
    shown(page, "birds/dfm")
    page.wait_for_function("location.search.includes('birds')")
    query = page.evaluate("location.search")
    again = visit(query=query)
    again.locator('.rs-nav [data-rs="birds/dfm"][aria-current="page"]').wait_for()
    assert again.locator(".rs-body h2").inner_text().startswith("DFM")
    assert again.locator(".notice").is_hidden()


def test_a_link_to_what_is_not_here_shows_the_overview_and_says_so(visit):
    page = visit(query='?tab=results&results={"open":"gone/<b>","mode":"sideways"}')
    page.locator(".rs-body .rs-note").wait_for()
    said = page.locator(".rs-body").inner_text()
    assert "There is no table or card “gone/<b>” here" in said
    shown(page, RETRAINED["name"])
    assert page.locator(".rs-bar").count() > 0


def test_everything_is_reached_by_keyboard(visit):
    page = opened(visit())
    first = page.locator(f'.rs-nav [data-rs="{RETRAINED["name"]}"]')
    first.focus()
    page.keyboard.press("Enter")
    page.locator(".rs-table").wait_for()
    assert first.evaluate("e => e === document.activeElement")
    assert page.locator(".rs-scroll").get_attribute("tabindex") == "0"
    assert page.locator(".rs-scroll").get_attribute("aria-label") == RETRAINED["title"]
    for control in page.locator(".rs-figure select").all():
        assert page.locator(f"label[for={control.get_attribute('id')}]").count() == 1


@pytest.mark.parametrize(("width", "theme"), [(1400, "light"), (390, "dark")])
def test_tables_and_cards_have_no_barriers(visit, width, theme):
    page = opened(visit(width, 900, color_scheme=theme))
    page.evaluate(AXE)
    for name in ("reading", RETRAINED["name"], "birds/dfm", "birds/cam"):
        # The list on the left and the picker of a phone lead to the same.
        page.evaluate(
            """name => {
                const picker = document.querySelector('#dx-rs-pick');
                picker.value = name;
                picker.dispatchEvent(new Event('change', { bubbles: true }));
            }""",
            name,
        )
        page.wait_for_function("!document.querySelector('.rs-body[aria-busy]')")
        found = page.evaluate(
            """async () => (await axe.run(document.querySelector('.explore'), {
                resultTypes: ['violations'],
                runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
            })).violations.map(v => [v.id, v.help, v.nodes[0].html.slice(0, 160)])"""
        )
        assert not found, name
