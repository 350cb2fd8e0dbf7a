"""The newest choice wins, nothing drawn is lost on the way, and no bad reply stops the page."""

import json
import re

import pytest

SETTLED = '.explore[data-settled="1"]'
NOTE = ".thumbs-note"
SETTINGS = "window.paints.at(-1).settings"
SERVER = "**/component_server/**"


def settle(page):
    page.wait_for_selector(SETTLED)


def says(page, text, where=".notice:not([hidden])"):
    page.wait_for_function(
        "([w, t]) => document.querySelector(w)?.textContent.includes(t)", arg=[where, text]
    )


def asks(route):
    """Which function of the server a request calls, and with what."""
    body = json.loads(route.request.post_data)
    return body["fn_name"], body["data"]


def answer(route, reply):
    route.fulfill(body=json.dumps(reply), content_type="application/json")


def own_with_box(page, photo):
    """Open the visitor's picture and type a true box."""
    page.set_input_files("#dx-file", photo)
    says(page, "photo.png", NOTE)
    settle(page)
    page.locator("[data-act=truth]").click()
    page.fill("#dx-truth", "10, 10, 60, 60")
    page.locator("#dx-truth").blur()
    settle(page)
    assert "IoU" in page.locator(".panel .iou").first.inner_text()


@pytest.mark.parametrize("newer", ["example", "file"])
def test_an_upload_that_arrives_late_does_not_replace_a_newer_choice(
    visit, server, photo, tmp_path, newer
):
    page = visit()
    before = server.files()
    held = []
    page.route("**/upload**", lambda route: held.append(route), times=1)
    page.set_input_files("#dx-file", photo)
    says(page, "Sending photo.png", NOTE)
    assert "the picture before is shown" in page.locator(NOTE).inner_text()
    other = page.locator("[data-example]").nth(1)
    if newer == "example":
        other.click()
        title = other.get_attribute("title")
    else:
        (tmp_path / "newer.png").write_bytes(photo.read_bytes() + b"\0")
        page.set_input_files("#dx-file", tmp_path / "newer.png")
        title = "newer.png"
    settle(page)
    assert title in page.locator(NOTE).inner_text()
    with page.expect_response(lambda r: "component_server" in r.url) as dropped:
        held[0].continue_()
    assert json.loads(dropped.value.request.post_data)["fn_name"] == "discard"
    assert title in page.locator(NOTE).inner_text()
    assert "photo.png" not in page.locator(NOTE).inner_text()
    assert set(server.files()) <= set(before)


@pytest.mark.parametrize("road", ["slider", "download", "ablate"])
def test_boxes_and_guess_survive_a_picture_that_is_sent_again(visit, photo, road):
    page = visit()
    own_with_box(page, photo)
    questions = []

    def forgetful(route):
        name, query = asks(route)
        first = {"slider": "inspect", "download": "explore_bundle", "ablate": "ablate_start"}[road]
        if name == first and not questions:
            questions.append(None)
            answer(route, {"error": "The server no longer has this.", "code": "expired"})
        else:
            if name == "inspect":
                questions.append(query["truths"])
            route.continue_()

    page.route(SERVER, forgetful)
    if road == "slider":
        page.locator('.sl[data-k="alpha"] input[type=range]').press("ArrowLeft")
    elif road == "download":
        page.locator("[data-act=download]").click()
    else:
        page.locator("#dx-tab-ablate").click()
    page.wait_for_function("n => window.paints.length > n", arg=page.evaluate("paints.length"))
    settle(page)
    asked = [q for q in questions if q is not None]
    assert asked
    assert all(boxes == [[10, 10, 60, 60]] for boxes in asked)
    page.unroute(SERVER)
    page.locator("#dx-tab-explore").click()
    assert "IoU" in page.locator(".panel .iou").first.inner_text()


def test_boxes_of_the_own_picture_are_there_after_an_example(visit, photo):
    page = visit()
    own_with_box(page, photo)
    page.locator("[data-example]").first.click()
    settle(page)
    page.locator(".mine").click()
    says(page, "photo.png", NOTE)
    settle(page)
    assert page.locator("#dx-truth").input_value() == "10, 10, 60, 60"


BAD = {
    "empty": lambda reply: "",
    "cut": lambda reply: json.dumps(reply)[:-40],
    "null": lambda reply: "null",
    "list": lambda reply: "[]",
    "nothing": lambda reply: "{}",
    "no facts": lambda reply: json.dumps({**reply, "info": {}}),
    "no methods": lambda reply: json.dumps({**reply, "info": {**reply["info"], "methods": {}}}),
    "short part": lambda reply: json.dumps(
        {
            **reply,
            "parts": {n: {**p, "data": p["data"][:8]} for n, p in reply["parts"].items()},
        }
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_replies_end_in_a_sentence_and_the_sliders_live(visit, kind):
    page = visit(strict=False)
    alpha = page.locator('.sl[data-k="alpha"] input[type=range]')
    bad = []

    def spoil(route):
        reply = route.fetch()
        bad.append(reply)
        route.fulfill(response=reply, body=BAD[kind](reply.json()))

    page.route(SERVER, spoil)
    alpha.press("ArrowLeft")
    page.wait_for_function(
        "() => /cannot be read|does not answer/.test("
        "document.querySelector('.notice:not([hidden])')?.textContent)"
    )
    assert len(bad) <= 3
    page.unroute(SERVER)
    alpha.press("ArrowLeft")
    page.wait_for_function("() => window.paints.at(-1).settings.alpha === 0.83")
    settle(page)
    assert page.locator(".notice").is_hidden()
    assert re.search(r"score \d", page.locator(".panel .cls").first.inner_text())


def test_one_bad_reply_is_asked_again_without_a_word(visit):
    page = visit(strict=False)
    page.route(SERVER, lambda route: route.fulfill(body="{}", content_type="text/json"), times=1)
    page.locator('.sl[data-k="alpha"] input[type=range]').press("ArrowLeft")
    settle(page)
    assert page.evaluate(SETTINGS)["alpha"] == pytest.approx(0.84)
    assert page.locator(".notice").is_hidden()


@pytest.mark.parametrize("body", ["{}", '{"job": 5}', "[]"])
def test_a_download_that_is_answered_badly_can_be_started_again(visit, body):
    page = visit(strict=False)
    page.route(SERVER, lambda route: route.fulfill(body=body, content_type="application/json"))
    button = page.locator("[data-act=download]")
    button.click()
    page.wait_for_selector(".notice:not([hidden])")
    page.wait_for_function(
        "() => document.querySelector('[data-act=download]').textContent === 'Download'"
    )


def test_tabs_that_are_answered_badly_say_so_and_go_on(visit):
    page = visit(strict=False)
    page.route(SERVER, lambda route: route.fulfill(body="{}", content_type="application/json"))
    for tab, place in (("results", ".rs-body"), ("failures", ".fx-plain"), ("ablate", ".notice")):
        page.locator(f"#dx-tab-{tab}").click()
        says(page, "cannot be read", place)
    page.unroute(SERVER)
    page.locator("#dx-tab-explore").click()
    page.locator("#dx-tab-ablate").click()
    page.wait_for_selector(".ab-card")
