"""A served page with the tiny family, a browser, and pages that fail on any error."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from PIL import Image
from playwright import sync_api

from dfm_viz.ui.handlers import Explore

ROOT = Path(__file__).parents[2]
BROWSER = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
"""An installed Chromium; None leaves it to the one Playwright may have brought."""
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
SETTLED = '.explore[data-settled="1"]'


@pytest.fixture
def explore(families_root, tmp_path):
    """The server side of the page, without a server."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    return Explore(families=families_root, device="cpu", uploads=uploads)


@pytest.fixture
def photo(tmp_path, picture) -> Path:
    """The test picture as a PNG file."""
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    return path


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    """A port nobody listens on."""
    return _free_port()


class Server:
    """app.py in a process of its own."""

    def __init__(self, families: Path, temp: Path, *more: str) -> None:
        """Start it, with `more` arguments, and wait until it answers."""
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.temp = temp
        self.log = temp.with_suffix(".log")
        command = [sys.executable, "app.py", "--port", str(self.port), "--device", "cpu"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--families", str(families), *more],
                cwd=ROOT,
                env={**os.environ, "GRADIO_TEMP_DIR": str(temp)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 120
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the page did not start: {self.log.read_text()}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            with urlopen(self.url, timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False

    def files(self) -> list[Path]:
        """Everything in Gradio's folder of temporary files."""
        return [p for p in self.temp.rglob("*") if p.is_file()]

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="session")
def serve():
    """`Server`, for tests that need a server of their own."""
    return Server


@pytest.fixture(scope="session")
def server(families_root, tmp_path_factory):
    """The page, served with the tiny family."""
    served = Server(families_root, tmp_path_factory.mktemp("gradio"))
    yield served
    served.stop()


@pytest.fixture(scope="session")
def chromium():
    """A headless browser. Without one the tests fail: the page is not tested then."""
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        except sync_api.Error as error:
            pytest.fail(
                "The page needs a Chromium to be tested: install one, or run "
                f"`python -m playwright install chromium` ({str(error).splitlines()[0]}).",
                pytrace=False,
            )
        yield browser
        browser.close()


HOOK = """
window.paints = [];
window.dfmPainted = paint => window.paints.push(paint);
"""


@pytest.fixture
def visit(chromium, server):
    """Open the page; afterwards fail on script errors, console errors and requests elsewhere."""
    contexts, problems = [], []

    def open_page(width=1400, height=900, *, query="", strict=True, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.add_init_script(HOOK)
        page.on("pageerror", lambda error: problems.append(f"script: {error}"))
        if strict:
            page.on(
                "console", lambda m: m.type == "error" and problems.append(f"console: {m.text}")
            )
        page.on(
            "request",
            lambda r: (
                r.url.startswith("http")
                and not r.url.startswith(server.url)
                and problems.append(f"elsewhere: {r.url}")
            ),
        )
        page.goto(server.url + query)
        page.wait_for_selector(SETTLED)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems
