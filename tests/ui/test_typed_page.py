"""Numbers typed as people write them, and things dropped that are no picture."""

import pytest

SETTLED = '.explore[data-settled="1"]'
SETTINGS = "window.paints.at(-1).settings"
NOTICE = ".notice:not([hidden])"


def settle(page):
    page.wait_for_selector(SETTLED)


def typed(page, selector, text):
    """Key by key, as a person does; what stands in the field afterwards."""
    field = page.locator(selector)
    field.click()
    field.press("Control+a")
    field.press_sequentially(text)
    field.blur()
    settle(page)
    return field.input_value()


BETA = '.sl[data-k="beta"] .num'


def test_numbers_are_read_as_meant(visit):
    page = visit()
    for text, value in (
        ("0,9", 0.9),
        (",5", 0.5),
        (".25", 0.25),
        ("90 %", 0.9),
        ("35%", 0.35),
        ("12,5 %", 0.125),
        ("1", 1.0),
        ("0.333", 0.333),
    ):
        shown = typed(page, BETA, text)
        assert page.evaluate(SETTINGS)["beta"] == pytest.approx(value), text
        assert float(shown) == pytest.approx(value)
        assert page.locator(".notice").is_hidden()


def test_what_cannot_be_meant_is_refused_with_a_sentence(visit):
    page = visit()
    typed(page, BETA, "0.4")
    for text in ("9", "-3", "1,5", "0,9,1", "1e9", "a half", "0.5.5", "120 %", "12"):
        assert typed(page, BETA, text) == "0.40"
        said = page.locator(NOTICE).inner_text()
        assert f"\u201c{text}\u201d" in said
        assert "from 0 to 1" in said
        assert page.evaluate(SETTINGS)["beta"] == pytest.approx(0.4)
    assert typed(page, BETA, "0.6") == "0.60"
    assert page.locator(".notice").is_hidden()
    field = page.locator(BETA)
    field.press("ArrowUp")
    settle(page)
    assert page.evaluate(SETTINGS)["beta"] == pytest.approx(0.61)


def test_whole_numbers_have_no_marks(visit):
    page = visit()
    page.locator(".foot [data-act=more]").click()
    assert typed(page, "#dx-seed", "17") == "17"
    for text in ("1,000", "1.5", "50 %", "1000000", "-1"):
        assert typed(page, "#dx-seed", text) == "17"
        assert "The seed cannot be" in page.locator(NOTICE).inner_text()
        assert page.evaluate(SETTINGS)["seed"] == 17
    assert typed(page, "#dx-channel", "2") == "2"
    assert typed(page, "#dx-channel", "99999") == "2"
    assert "The channel cannot be" in page.locator(NOTICE).inner_text()


def test_boxes_with_decimal_commas(visit, photo):
    page = visit()
    page.set_input_files("#dx-file", photo)
    page.wait_for_function("document.querySelector('.thumbs-note').textContent.includes('photo')")
    settle(page)
    page.locator("[data-act=truth]").click()
    drawn = page.locator('.panel[data-method="cam"] rect.truth')
    for text, box in (
        ("10,5 20,5 30,5 40,5", (10.5, 20.5, 20, 20)),
        ("10,20,31,42", (10, 20, 21, 22)),
        ("11 ,20 ,30 ,40", (11, 20, 19, 20)),
        ("1.5, 2, 30 40", (1.5, 2, 28.5, 38)),
    ):
        typed(page, "#dx-truth", text)
        found = [float(drawn.get_attribute(k)) for k in ("x", "y", "width", "height")]
        assert found == pytest.approx(box)
        assert page.locator(".notice").is_hidden()
    for text in ("10%, 10%, 50%, 50%", "0x1 2 30 40", "1e0 2 30 40"):
        typed(page, "#dx-truth", text)
        assert "no box in this picture" in page.locator(NOTICE).inner_text()


def test_a_link_with_decimal_commas(visit):
    page = visit(query="?beta=0,5&alpha=30%25&gamma=x")
    assert page.evaluate(SETTINGS)["beta"] == pytest.approx(0.5)
    assert page.evaluate(SETTINGS)["alpha"] == pytest.approx(0.3)
    assert "gamma=x" in page.locator(NOTICE).inner_text()


DROP = """(files) => {
  const transfer = new DataTransfer();
  if (!files.length) {
    transfer.setData('text/uri-list', 'https://example.org/cat.png');
    transfer.setData('text/html', '<img src="https://example.org/cat.png">');
  }
  for (const [name, data] of files)
    transfer.items.add(new File([new Uint8Array(data)], name, { type: 'image/png' }));
  return ['dragover', 'drop'].map(kind => {
    const event = new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
  });
}"""


def test_of_several_files_the_first_is_taken_and_said(visit, photo):
    page = visit()
    data = list(photo.read_bytes())
    assert page.evaluate(DROP, [["one.png", data], ["two.png", data], ["three.png", data]])
    page.wait_for_selector(NOTICE)
    settle(page)
    said = page.locator(NOTICE).inner_text()
    assert "3 files" in said
    assert "one.png was taken" in said
    assert "one.png" in page.locator(".thumbs-note").inner_text()


def test_a_dropped_link_does_not_leave_the_page(visit):
    page = visit()
    assert page.evaluate(DROP, []) == [True, True]
    assert "a link, not a picture" in page.locator(NOTICE).inner_text()
