"""Draws the pictures of the page of `avnet serve` from what `make demo` made: docs/page-*.jpg.

Run from the checkout's root with the extras web and browser and a Chromium: python docs/draw_page.py
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo"
DESKTOP, PHONE = (1280, 900), (375, 780)
# Bytes of a picture, at most.
LARGEST = 150_000


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """A server; gives its address."""
    command = [sys.executable, "-m", "avnet", "serve", "--port", "0", *options]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        yield next(found[0] for line in server.stdout if (found := re.search(r"http://\S+/", line)))
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def take(browser: Any, address: str, name: str, act: Callable[[Any], None], size: tuple[int, int], scheme: str) -> None:
    """Opens the page, does something there and keeps what is seen."""
    window = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=window, color_scheme=scheme, device_scale_factor=1.5)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("#readiness[data-state=ready]")
    act(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    for quality in (88, 80, 72, 64, 56):
        image.save(ROOT / "docs" / f"page-{name}.jpg", "JPEG", quality=quality, optimize=True, progressive=True)
        if (ROOT / "docs" / f"page-{name}.jpg").stat().st_size < LARGEST:
            break
    context.close()


def main() -> None:
    """Starts the server twice: with the model that the demo adapted, and with the one of its index."""
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    clip = sorted((DEMO / "clips" / "test").glob("*.mp4"))[int(sys.argv[1]) if len(sys.argv) > 1 else 0]

    def localize(page: Any) -> None:
        page.set_input_files("#where-intake input", clip)
        page.wait_for_selector("#files a")
        page.focus("#strip")
        for _ in range(2):
            page.keyboard.press("ArrowRight")
        page.evaluate("document.activeElement.blur()")
        page.evaluate("scrollTo(0, 0)")

    def search(page: Any) -> None:
        page.goto(page.url.split("#")[0] + "#search")
        page.set_input_files("#search-intake input", clip)
        page.wait_for_selector(".match")
        page.evaluate("scrollTo(0, 0)")

    def browse(page: Any) -> None:
        page.goto(page.url.split("#")[0] + "#browse")
        page.wait_for_selector("#near .match")
        page.evaluate("scrollTo(0, 0)")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with serving("--model", str(DEMO / "adapted" / "model")) as address:
            take(browser, address, "where", localize, DESKTOP, "light")
            take(browser, address, "phone", localize, PHONE, "light")
        with serving("--index", str(DEMO / "index")) as address:
            take(browser, address, "search", search, DESKTOP, "light")
            take(browser, address, "browse", browse, DESKTOP, "dark")
        browser.close()


if __name__ == "__main__":
    main()
