import base64
import io
import wave

import numpy as np
import pytest
from PIL import Image
from web.waiting import until

from avnet.pages.heatmap import overlay, upsample


def pixels_of(page):
    """Of the canvas over the picture: red, green, blue and opacity, uint8 [height, width, 4]."""
    address = page.evaluate("document.getElementById('overlay').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))


def shown(page, name):
    """A field of what the view shows."""
    return page.evaluate(f"import('/static/js/views/where.js').then(({{ state }}) => state.{name})")


def grid_of(page):
    grid = page.evaluate(
        "import('/static/js/views/where.js').then(({ state }) => state.grid && Object.values(state.grid))"
    )
    assert grid is not None, "there is no heatmap at this time"
    return np.asarray(grid)


def moments_of(page):
    return page.evaluate(
        "import('/static/js/views/where.js').then(({ state }) => state.heatmaps.get('').moments.length)"
    )


def slide(page, selector, value):
    page.eval_on_selector(
        selector, "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
    )


@pytest.fixture
def video_page(open_page, files, drop):
    """A page with the result of the video."""
    page = open_page()
    drop(page, files.video)
    page.wait_for_selector("#files a")
    return page


def test_the_heatmap_of_a_dropped_video_moves_with_the_time_as_the_overlay_does(video_page):
    from web.canned_answers import COLUMNS, ROWS, blob
    from web.stand_in_server import FPS

    page = video_page
    duration = shown(page, "media.duration_s")
    times = (np.arange(round(duration * FPS)) + 0.5) / FPS
    slide(page, "#threshold", 0)
    slide(page, "#opacity", 100)
    tops = []
    page.focus("#strip")
    page.keyboard.press("Home")
    for presses in (1, 4, 4):
        for _ in range(presses):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(120)
        time = shown(page, "time")
        place = np.interp(time, times, np.arange(len(times)))
        low = int(place)
        grids = np.rint(255 * np.stack([blob(at, duration) for at in times])) / 255
        expected = grids[low] + (place - low) * (grids[min(low + 1, len(grids) - 1)] - grids[low])
        np.testing.assert_allclose(grid_of(page).reshape(ROWS, COLUMNS), expected, atol=1e-5)
        pixels = pixels_of(page)
        height, width = pixels.shape[:2]
        black = np.zeros((height, width, 3), np.uint8)
        of_python = overlay(black, upsample(expected.astype(np.float32), height, width), alpha=1.0)
        # One step of the 256 colours: single and double precision round apart.
        assert np.abs(pixels[..., :3].astype(int) - of_python).max() <= 6
        # The likelier, the stronger: from 45 % at the threshold, which is 0, to all of the chosen opacity at 1.
        strength = 255 * (0.45 + 0.55 * upsample(expected.astype(np.float32), height, width))
        assert np.abs(pixels[..., 3] - strength).max() < 2
        tops.append(int(expected.argmax()) % COLUMNS)
    assert tops[0] < tops[1] < tops[2]


def test_the_heatmap_follows_a_video_that_plays(video_page):
    page = video_page
    page.click("#play")
    until(page, "document.getElementById('video').currentTime > 0.3")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.click("#play")
    page.wait_for_timeout(100)
    assert abs(shown(page, "time") - page.evaluate("document.getElementById('video').currentTime")) < 0.05


def test_below_the_threshold_the_picture_is_free_and_the_words_change(video_page):
    page = video_page
    sentences = page.locator("#stretches").inner_text()
    assert "From 0:00 to 0:02 the sound, probably “dog”, comes from the left." in sentences
    assert "From 0:02 to 0:03 nothing in the picture makes the sound, probably “dog”." in sentences
    assert "there is silence" in sentences
    slide(page, "#threshold", 20)
    assert "nothing in the picture" not in page.locator("#stretches").inner_text()
    slide(page, "#threshold", 100)
    assert "comes from" not in page.locator("#stretches").inner_text()
    page.wait_for_timeout(50)
    opacities = pixels_of(page)[..., 3]
    assert opacities.max() < 255 * 0.75 and (opacities == 0).mean() > 0.5


def test_the_strip_is_a_slider_that_speaks(video_page):
    page = video_page
    strip = page.locator("#strip")
    strip.focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    page.wait_for_timeout(60)
    # The blob is weak from 0.6 of the duration.
    assert 2.2 < float(strip.get_attribute("aria-valuenow")) < 2.6
    page.keyboard.press("End")
    page.wait_for_timeout(60)
    assert "Silence." in strip.get_attribute("aria-valuetext")
    assert float(strip.get_attribute("aria-valuenow")) == float(strip.get_attribute("aria-valuemax"))
    box = strip.bounding_box()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 10)
    page.wait_for_timeout(60)
    assert "Nothing in the picture makes this sound" in strip.get_attribute("aria-valuetext")
    assert "Heard: dog (0.90)" in strip.get_attribute("aria-valuetext")


def test_keys_step_by_one_frame(video_page):
    page = video_page
    page.focus("#strip")
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    frames = []
    for key in ("Period", "Period", "Comma"):
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        frames.append(int(page.evaluate("document.getElementById('video').currentTime") * 25))
    assert frames == [1, 2, 1]


def test_results_can_be_taken_along(video_page):
    page = video_page
    with page.expect_download() as download:
        page.click("text=Heatmaps as arrays")
    assert download.value.suggested_filename == "heatmaps.npz"


def finished_job(page, after=""):
    """The id of the job whose files the page offers, once it is another than the one before."""
    link = page.wait_for_selector(f"#files a:not([href^='/api/jobs/{after}/'])")
    return link.get_attribute("href").split("/")[3]


def test_an_image_waits_for_a_sound_and_any_sound_can_be_laid_over_it(open_page, server, files, drop):
    page = open_page()
    drop(page, files.image)
    page.wait_for_selector("text=Now give the sound")
    assert not server.bodies
    drop(page, files.sound)
    job = finished_job(page)
    assert server.bodies[-1]["sound"] is not None
    assert page.locator("#still").is_visible() and len(grid_of(page)) > 1
    page.set_input_files("#other-sound-file", files.sound)
    finished_job(page, after=job)
    first, second = server.bodies[-2:]
    assert first["media"] == second["media"] and first["sound"] != second["sound"]


def test_a_sound_waits_for_a_picture_and_goes_back_to_the_videos_own(open_page, server, files, drop):
    page = open_page()
    drop(page, files.sound)
    page.wait_for_selector("text=Now give the video or image")
    drop(page, files.video)
    job = finished_job(page)
    assert server.bodies[-1]["sound"] is not None
    assert page.evaluate("document.getElementById('video').muted")
    page.click("#own-sound")
    finished_job(page, after=job)
    assert server.bodies[-1]["sound"] is None


def test_a_cancelled_job_stops_and_leaves_the_page_usable(open_page, server, files, drop):
    server.held = True
    page = open_page()
    drop(page, files.video)
    page.click("#where-progress button:has-text('Cancel')")
    page.wait_for_selector("#where-progress", state="hidden")
    assert list(server.jobs.values())[-1].state == "cancelled"
    assert "job" not in page.url
    server.held = False
    drop(page, files.video)
    page.wait_for_selector("#files a")


def test_a_reload_during_a_job_goes_on_where_it_was(open_page, server, files, drop):
    server.held = True
    page = open_page()
    drop(page, files.video)
    until(page, "document.getElementById('stretches').children.length > 0")
    some = moments_of(page)
    page.reload()
    until(page, "document.getElementById('stretches').children.length > 0")
    assert moments_of(page) == some
    server.held = False
    page.wait_for_selector("#files a")
    assert moments_of(page) > some and len(server.bodies) == 1
    # And when all is done.
    page.reload()
    page.wait_for_selector("#files a")
    assert page.locator("#video").is_visible()


def test_two_tabs_do_not_disturb_each_other(open_page, server, files, drop):
    one = open_page()
    two = open_page(context=one.context)
    server.held = True
    drop(one, files.video)
    drop(two, files.image, files.sound)
    one.wait_for_selector("#where-progress:not([hidden])")
    two.wait_for_selector("#where-progress:not([hidden])")
    server.held = False
    for page, kind in ((one, "video"), (two, "image")):
        page.wait_for_selector("#files a")
        assert shown(page, "media.kind") == kind


def test_an_expired_result_is_said_to_be_gone(open_page, watch):
    watch.provoked.append("404")
    page = open_page("#where?job=none&media=none")
    page.wait_for_selector("#problem:has-text('no longer there')")


def test_what_is_no_medium_is_refused_in_words_and_names_are_text(open_page, watch, files, drop):
    watch.provoked.append("415")
    page = open_page()
    drop(page, files.text, name="<img src=x onerror=alert(1)>.mp4")
    page.wait_for_selector("#problem")
    problem = page.locator("#problem")
    assert "<img src=x onerror=alert(1)>.mp4: " in problem.inner_text() and not problem.locator("img").count()
    page.click("#problem button")
    assert problem.is_hidden()


def test_a_recording_is_a_wav_file_of_16_bits_made_in_the_page(open_page, server, files, drop):
    page = open_page()
    drop(page, files.image)
    page.wait_for_selector("text=Now give the sound")
    page.click("#where-intake button:has-text('Microphone')")
    until(page, "document.getElementById('microphone-clock').textContent > '0:01.6'")
    page.click("#microphone-stop")
    page.wait_for_selector("#files a")
    with wave.open(io.BytesIO(list(server.uploads.values())[-1])) as recording:
        assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2)
        samples = np.frombuffer(recording.readframes(10**7), "<i2")
        assert 1.5 < len(samples) / recording.getframerate() < 5
    # Chromium's stand-in for a microphone beeps.
    assert np.abs(samples).max() > 100


def test_the_camera_takes_a_picture(open_page, server):
    page = open_page()
    page.click("#where-intake button:has-text('Camera')")
    page.click("#camera-take")
    page.wait_for_selector("text=Now give the sound")
    picture = Image.open(io.BytesIO(list(server.uploads.values())[-1]))
    assert picture.format == "JPEG" and picture.width > 300


def test_everything_is_done_by_keyboard_alone(open_page, files):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Choose a file"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(files.video)
    page.wait_for_selector("#files a")
    said = page.locator("#said")
    until(page, "document.getElementById('said').textContent.startsWith('Done.')")
    assert "comes from the left" in said.inner_text()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "strip":
            break
    assert page.evaluate("document.activeElement.id") == "strip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("k")
    until(page, "!document.getElementById('video').paused")
    page.keyboard.press("k")
    until(page, "document.getElementById('video').paused")
