import io
import wave

from web.waiting import until


def test_a_file_finds_matches_that_show_and_play(open_page, server, files, drop):
    page = open_page("#search")
    drop(page, files.video)
    page.wait_for_selector(".match")
    assert server.bodies[-1]["queries"] == [{"media": list(server.media)[-1], "at": None, "part": "both", "weight": 1}]
    assert page.locator(".match").count() == 8
    first = page.locator(".match").first
    assert "clip 00.mp4" in first.inner_text() and "probability 0.95" in first.inner_text()
    until(page, "document.querySelector('.match img').naturalWidth > 0")
    first.locator(".play").click()
    until(page, "import('/static/js/map/clips.js').then(({ clips }) => clips.played === '0-0')")
    until(page, "import('/static/js/map/clips.js').then(({ clips }) => clips.audio.currentTime > 0.1)")
    assert "8 matches. The best is clip 00.mp4 at 0:00." in page.locator("#said").inner_text()


def test_kind_name_and_time_narrow_the_answers(open_page, server, files, drop):
    page = open_page("#search")
    drop(page, files.image)
    page.wait_for_selector(".match")
    page.select_option("#search-kind", "sound")
    page.fill("#search-source", "clip 03")
    page.fill("#search-after", "1.5")
    page.fill("#search-before", "60")
    page.fill("#search-k", "7")
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.match').length === 1")
    body = server.bodies[-1]
    wanted = {"kind": "sound", "source": "clip 03", "after_s": 1.5, "before_s": 60, "k": 7, "per_file": 1}
    assert {name: body[name] for name in wanted} == wanted
    assert page.get_attribute(".match .tile", "data-kind") == "sound"


def test_queries_are_combined_and_one_can_count_against(open_page, server, files, drop):
    page = open_page("#search")
    drop(page, files.image, files.sound)
    until(page, "document.querySelectorAll('.chip').length === 2")
    page.click("button[aria-label='More like tone.wav; make it less']")
    page.wait_for_selector(".chip.minus")
    page.wait_for_selector("#answers:not([aria-busy])")
    weights = [(query["part"], query["weight"]) for query in server.bodies[-1]["queries"]]
    assert weights == [("image", 1), ("sound", -1)]
    # A reload keeps them.
    page.reload()
    page.wait_for_selector(".match")
    assert server.bodies[-1]["queries"] == server.bodies[-2]["queries"]
    page.click("button[aria-label='Remove still.png']")
    until(page, "document.querySelectorAll('.chip').length === 1")


def test_more_like_this_searches_with_an_entry_and_less_adds_it(open_page, server, files, drop):
    page = open_page("#search")
    drop(page, files.sound)
    page.click("button[aria-label='More like clip 02.mp4 at 0:03.0']")
    until(page, "document.querySelector('.chip-name').textContent === 'clip 02.mp4'")
    page.wait_for_selector("#answers:not([aria-busy])")
    assert server.bodies[-1]["queries"] == [{"entry": "0-2", "weight": 1}]
    page.click("button[aria-label='Less like clip 04.mp4 at 0:06.0']")
    page.wait_for_selector(".chip.minus")
    page.wait_for_selector("#answers:not([aria-busy])")
    assert server.bodies[-1]["queries"][1] == {"entry": "0-4", "weight": -1}


def test_the_microphone_asks(open_page, server):
    page = open_page("#search")
    page.click("#search-intake button:has-text('Microphone')")
    until(page, "document.getElementById('microphone-clock').textContent > '0:00.3'")
    page.click("#microphone-stop")
    page.wait_for_selector(".match")
    with wave.open(io.BytesIO(list(server.uploads.values())[-1])) as recording:
        assert recording.getnframes() > 0
    assert server.bodies[-1]["queries"][0]["part"] == "sound"


def test_a_moment_of_a_result_asks(open_page, server, files, drop):
    page = open_page()
    drop(page, files.video)
    page.wait_for_selector("#files a")
    page.focus("#strip")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    page.click("#search-moment")
    page.wait_for_selector(".match")
    (query,) = server.bodies[-1]["queries"]
    assert 3.5 < query["at"] < 4 and query["part"] == "both"


def test_without_an_index_the_page_says_how_to_get_one(open_page, server):
    server.can["search"] = server.can["browse"] = False
    page = open_page("#search")
    page.wait_for_selector("#search-off:has-text('--index')")
    assert page.locator("#search-intake").is_hidden()
    page.goto(server.url + "#browse")
    page.wait_for_selector("#browse-off:has-text('--index')")
