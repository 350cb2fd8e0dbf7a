"""How the page feels, measured in a real Chromium against the real server.

    python benchmarks/page.py [--family mobilenetv1_imagenet1k] [--moves 1000]

1. `python app.py` to a usable page: the example is analysed and painted.
2. Slider event to the paint that shows it: every map, CAM and box (single moves of every slider).
3. A drag of 30 mouse moves in one second: consistent frames, order, and the final state.
4. Memory and disk over many slider moves.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]

WATCH = """() => {
  window.seen = [];
  window.dfmPainted = info => requestAnimationFrame(
    () => window.seen.push({...info, at: performance.now()}));
}"""

# Set a slider as a hand would, and resolve with the milliseconds until its value is on the screen.
MOVE = """([name, value]) => new Promise(resolve => {
  const slider = document.querySelector(`#dx-${name}`);
  const start = performance.now();
  window.dfmPainted = info => {
    if (Math.abs(info.settings[name] - value) < 1e-9)
      requestAnimationFrame(() => resolve(performance.now() - start));
  };
  slider.value = value;
  slider.dispatchEvent(new Event('input', {bubbles: true}));
})"""


@contextmanager
def server(temporary: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """The app in a process of its own: its address, the process, and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(temporary)}
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--device", "cpu"]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/config", timeout=5).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("app.py ended; run it by hand to see why") from None
                time.sleep(0.02)
        yield address, process, started
    finally:
        process.terminate()
        process.wait()


def settled(page: Page) -> None:
    """Wait until everything asked for is painted."""
    page.wait_for_selector("[data-settled='1'][data-frames]", timeout=60_000)


def megabytes(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of the server."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def files(folder: Path) -> int:
    """Number of files below a folder."""
    return sum(path.is_file() for path in folder.rglob("*"))


def single_moves(page: Page) -> None:
    """Each of the six sliders, many values."""
    times: dict[str, list[float]] = {}
    for number in range(26):
        for name in ("alpha", "beta", "omega", "delta", "gamma", "tau"):
            value = round((0.31 + number * 0.37 + 0.05 * len(times)) % 1, 2)
            taken = page.evaluate(MOVE, [name, value])
            if number:
                times.setdefault(name, []).append(taken)
    every = sorted(t for values in times.values() for t in values)
    for name, values in times.items():
        print(f"  {name:6} p50 {statistics.median(values):6.1f} ms")
    p95 = every[int(0.95 * len(every))]
    print(f"slider event to paint: p50 {statistics.median(every):.1f} ms, p95 {p95:.1f} ms")


def drag(page: Page) -> None:
    """A hand that drags beta over its whole range in one second."""
    slider = page.locator("#dx-beta")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.9, y)
    page.mouse.down()
    page.evaluate(WATCH)
    began = time.perf_counter()
    for step in range(30):
        page.mouse.move(box["x"] + box["width"] * (0.9 - step * 0.02), y)
        ahead = began + (step + 1) / 30 - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
    lasted = time.perf_counter() - began
    page.mouse.up()
    settled(page)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => done()))")
    seen = page.evaluate("window.seen")
    order = [frame["sequence"] for frame in seen]
    final = float(slider.input_value())
    true = abs(seen[-1]["settings"]["beta"] - final) < 1e-9
    print(
        f"drag of 30 events in {lasted:.2f} s: {len(seen)} consistent frames, "
        f"in order: {order == sorted(order)}, ends on the true state: {true}"
    )


def endurance(page: Page, process: subprocess.Popen[bytes], temporary: Path, moves: int) -> None:
    """Memory and files after the caches are full, and after many more moves."""

    def run(count: int, offset: float) -> None:
        for number in range(count):
            name = ("alpha", "beta", "omega", "delta", "gamma")[number % 5]
            page.evaluate(MOVE, [name, round((offset + number * 0.618) % 1, 2)])

    run(300, 0.1)
    memory, count = megabytes(process), files(temporary)
    run(moves, 0.4)
    print(
        f"{moves} slider moves: server memory {memory:.0f} -> {megabytes(process):.0f} MB, "
        f"files in the upload folder {count} -> {files(temporary)}"
    )


def main() -> None:
    """Run everything once and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        temporary = Path(folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        with server(temporary) as (address, process, started):
            page.goto(address)
            settled(page)
            print(f"python app.py to a usable page: {time.perf_counter() - started:.1f} s")
            single_moves(page)
            drag(page)
            endurance(page, process, temporary, options.moves)
        browser.close()


if __name__ == "__main__":
    main()
