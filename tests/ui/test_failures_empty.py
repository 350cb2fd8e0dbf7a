"""The Failures tab of an app that has no records."""

from playwright.sync_api import expect


def test_without_records_the_tab_says_how_to_make_them(visit):
    page = visit(width=390, height=844)
    page.click("#dx-tab-failures")
    said = page.locator(".fx-plain")
    expect(said).to_contain_text("No records yet")
    assert said.locator("li").count() == 3
    lines = said.locator("pre").all_inner_texts()
    assert lines[0].startswith("python -m training evaluate ")
    assert lines[1].startswith("python app.py --records ")
    assert page.locator(".fx-body").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("window.Plotly === undefined")
