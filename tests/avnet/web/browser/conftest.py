"""One real Chromium and one stand-in server for all tests of the page; every page is watched."""

import base64
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from extras import need
from media.media_files import make_video, tone
from PIL import Image

from avnet.media.write import write_wav

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
# What the page's own elements ask for.
LOCAL = ("data", "blob")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser."""
    need("playwright")
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("needs the program chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def _stand_in(tmp_path_factory) -> Iterator[Any]:
    need("fastapi")
    need("uvicorn")
    from web.stand_in_server import StandInServer

    with StandInServer(tmp_path_factory.mktemp("uploads")) as server:
        yield server


@pytest.fixture
def server(_stand_in) -> Any:
    """The stand-in, as it is at first."""
    _stand_in.restore()
    return _stand_in


@dataclass
class Watch:
    """What pages did that none may do; tests may name parts of console errors that they provoke."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    provoked: list[str] = field(default_factory=list)

    def follow(self, page: Any, host: str) -> None:
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.context.route(lambda url: not self._ours(url, host), self._refuse)

    def _ours(self, url: str, host: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in LOCAL or parts.netloc == host

    def _refuse(self, route: Any) -> None:
        self.elsewhere.append(route.request.url)
        route.abort()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test where a page wrote an error to the console or asked another host for something."""
    watch = Watch()
    yield watch
    assert not watch.elsewhere
    assert not [error for error in watch.errors if not any(part in error for part in watch.provoked)]


@pytest.fixture
def open_page(chromium, server, watch) -> Iterator[Any]:
    """Opens a page of the stand-in in a window of its own: `open_page("#search", color_scheme="dark")`."""
    contexts = []

    def open_one(address: str = "", context: Any = None, **options: Any) -> Any:
        if context is None:
            size = options.pop("viewport", {"width": 1280, "height": 860})
            context = chromium.new_context(viewport=size, permissions=["camera", "microphone"], **options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        # From the start, or the first chooser may open before Playwright has told the browser to hand it over.
        page.on("filechooser", lambda _: None)
        watch.follow(page, urlsplit(server.url).netloc)
        page.goto(server.url + address)
        page.wait_for_selector("#readiness[data-state=ready]")
        return page

    yield open_one
    for context in contexts:
        context.close()


@dataclass(frozen=True)
class Files:
    """A video of 4 s with a tone, one of a format that browsers do not play, an image, a sound, and a text."""

    video: Path
    image: Path
    sound: Path
    text: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Files:
    """Small media."""
    folder = tmp_path_factory.mktemp("given")
    video, image, sound, text = (folder / name for name in ("clip.mp4", "still.png", "tone.wav", "note.mp4"))
    make_video(video, 4.0, sound=tone())
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)).save(image)
    write_wav(sound, 0.3 * np.sin(np.arange(16_000) / 5).astype(np.float32), 16_000)
    text.write_text("no medium")
    return Files(video, image, sound, text)


@pytest.fixture
def drop() -> Any:
    """Drops files onto a page, or pastes them: `drop(page, path, event="paste")`."""

    def drop_files(page: Any, *paths: Path, name: str | None = None, event: str = "drop") -> None:
        contents = [[base64.b64encode(path.read_bytes()).decode(), name or path.name] for path in paths]
        page.evaluate(
            """([contents, event]) => {
              const data = new DataTransfer();
              for (const [content, name] of contents)
                data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
              const options = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
              document.body.dispatchEvent(event === "drop" ? new DragEvent(event, options)
                : new ClipboardEvent(event, options));
            }""",
            [contents, event],
        )

    return drop_files
