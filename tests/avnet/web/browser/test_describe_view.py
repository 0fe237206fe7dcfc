import numpy as np
from web.waiting import until

# Seconds of it that were heard while it was being made.
HEARD = "import('/static/js/views/describe.js').then(({ state }) => state.stream.time)"


def attention(page):
    """How opaque each column of the canvas over the image is on average."""
    return np.asarray(
        page.evaluate("""() => {
          const canvas = document.getElementById("attention");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const columns = new Array(canvas.width).fill(0);
          for (let i = 3; i < data.length; i += 4) columns[((i - 3) / 4) % canvas.width] += data[i];
          return columns; }""")
    )


def test_an_image_is_described_aloud_and_in_words(open_page, server, files, drop):
    page = open_page("#describe")
    drop(page, files.image, event="paste")
    page.wait_for_selector("#description")
    assert page.locator("#words").inner_text() == "a brown dog runs over the grass near a house"
    assert "Confidence 0.83. It is sure." in page.locator("#confidence").inner_text()
    until(page, f"{HEARD}.then((time) => time > 0.1)")
    assert "dog_12.jpg" in page.locator("#neighbours").inner_text()
    assert page.locator("#alternatives li").all_inner_texts() == ["a dog runs probability 0.25"]
    assert page.locator("#tags").inner_text().split() == ["dog", "0.90", "rain", "0.60", "speech", "0.30"]
    page.click("#stop")
    assert page.evaluate(HEARD) == 0
    page.click("#replay")
    until(page, "!document.getElementById('speech').paused")
    assert "a brown dog" in page.locator("#said").inner_text()


def test_it_speaks_while_the_description_is_still_being_made(open_page, server, files, drop):
    server.held = True
    page = open_page("#describe")
    drop(page, files.image)
    until(page, f"{HEARD}.then((time) => time > 0.1)")
    assert page.locator("#description").is_hidden() and page.locator("#describe-progress").is_visible()
    server.held = False
    page.wait_for_selector("#description")
    page.click("#replay")
    until(page, "document.getElementById('speech').src.endsWith('/files/speech.wav')")
    until(page, "document.getElementById('speech').currentTime > 0.1")


def test_attention_goes_with_the_unit(open_page, files, drop):
    page = open_page("#describe")
    drop(page, files.image)
    page.wait_for_selector("#description")
    page.focus("#unit")
    page.keyboard.press("Home")
    left = attention(page)
    page.keyboard.press("End")
    right = attention(page)
    assert left.argmax() < len(left) / 4 and right.argmax() > len(right) * 3 / 4
    assert page.locator("#unit-out").inner_text() == "“house”"
    # It lies over the central square of the image.
    stage, canvas = (page.locator(name).bounding_box() for name in ("#describe-stage", "#attention"))
    assert abs(canvas["width"] - canvas["height"]) < 2 and abs(canvas["height"] - stage["height"]) < 2
    assert abs(canvas["x"] + canvas["width"] / 2 - stage["x"] - stage["width"] / 2) < 2


def test_another_description_is_drawn_and_another_voice_is_asked_for(open_page, server, files, drop):
    page = open_page("#describe")
    drop(page, files.image)
    page.wait_for_selector("#description")
    with page.expect_response("**/api/descriptions"):
        page.click("#another")
    page.wait_for_selector("#description")
    assert (server.bodies[-1]["method"], server.bodies[-1]["seed"]) == ("sample", 1)
    with page.expect_response("**/api/descriptions"):
        page.select_option("#voice", "another")
    assert server.bodies[-1]["voice"] == "another"


def test_a_reload_shows_the_description_again(open_page, server, files, drop):
    page = open_page("#describe")
    drop(page, files.image)
    page.wait_for_selector("#description")
    asked = len(server.bodies)
    page.reload()
    page.wait_for_selector("#description")
    assert page.locator("#words").inner_text().startswith("a brown dog")
    assert [path for _, path in server.requests].count("/api/descriptions") == 1 and len(server.bodies) == asked


def test_a_sound_cannot_be_described(open_page, files, drop):
    page = open_page("#describe")
    drop(page, files.sound)
    page.wait_for_selector("#problem:has-text('tone.wav: is a sound')")


def test_without_a_describer_images_get_their_tags(open_page, server, files, drop):
    server.can["describe"] = False
    page = open_page("#describe")
    page.wait_for_selector("#describe-off:has-text('--describer')")
    drop(page, files.image)
    page.wait_for_selector("#tags li")
    assert not [path for _, path in server.requests if path == "/api/descriptions"]
