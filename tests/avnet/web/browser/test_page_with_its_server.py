"""The page and `avnet serve` itself, with the shipped model: nothing stands in for anything."""

import io
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from extras import need
from media.media_files import make_video, tone
from web.waiting import until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[4]
# The modules of the page lie below a name that changes with their content.
STATE = "import(document.querySelector('script[type=module]').src.replace('main.js', 'views/where.js'))"


@pytest.fixture(scope="module")
def address():
    need("fastapi")
    need("uvicorn")
    command = [sys.executable, "-m", "avnet", "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout
    found = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+/", line) for line in server.stdout)))
    yield found[0]
    server.terminate()
    server.wait(20)
    server.stdout.close()


def moving(time_s):
    """A bright square that goes over noise."""
    image = np.random.default_rng(0).integers(0, 90, (128, 160, 3), np.uint8)
    x = round(10 + 50 * time_s)
    image[40:90, x : x + 45] = (230, 120, 40)
    return image


def test_the_heatmap_agrees_with_the_file_that_can_be_taken_along(chromium, watch, address, tmp_path):
    clip = tmp_path / "clip.mp4"
    make_video(clip, 2.0, moving, lambda t: tone(300, 0.3)(t) * (np.sin(9 * t) > 0))
    page = chromium.new_page(viewport={"width": 1280, "height": 860})
    watch.follow(page, urlsplit(address).netloc)
    page.goto(address)
    page.wait_for_selector("#readiness[data-state=ready]", timeout=180_000)
    page.set_input_files("#where-intake input", clip)
    page.wait_for_selector("#files a", timeout=180_000)
    assert page.locator("#stretches li").count() > 0

    href = page.locator("#files a", has_text="Heatmaps as arrays").get_attribute("href")
    with np.load(io.BytesIO(page.request.get(address + href.lstrip("/")).body())) as arrays:
        heatmaps, times = arrays["heatmaps"], arrays["time_s"]
    assert len(times) > 2 and np.ptp(heatmaps, axis=0).max() > 0.05  # or it would not show that it moves
    page.focus("#strip")
    page.keyboard.press("Home")
    for _ in times:
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(150)
        time, grid = page.evaluate(f"{STATE}.then(({{ state }}) => [state.time, Object.values(state.grid)])")
        place = float(np.interp(time, times, np.arange(len(times))))
        low = int(place)
        expected = heatmaps[low] + (place - low) * (heatmaps[min(low + 1, len(times) - 1)] - heatmaps[low])
        # It is sent in 256 steps.
        np.testing.assert_allclose(np.reshape(grid, expected.shape), expected, atol=0.5 / 255 + 1e-5)
    until(page, "document.getElementById('now-verdict').textContent.includes('probability')")
    page.context.close()
