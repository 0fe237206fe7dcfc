import numpy as np
import pytest
from web.waiting import until

MAP = "import('/static/js/views/browse.js').then(({ state: { map } }) => %s)"


@pytest.fixture
def browse(open_page):
    page = open_page("#browse")
    page.wait_for_selector("#near .match")
    return page


def points_of(page):
    return np.asarray(page.evaluate(MAP % "[[...map.points.x], [...map.points.y]]")).T


def test_the_list_names_what_is_nearest_to_the_centre(browse):
    points = points_of(browse)
    assert len(points) == 300
    expected = np.argsort(np.linalg.norm(points, axis=1))[:12]
    listed = browse.eval_on_selector_all("#near .match", "rows => rows.map((row) => row.dataset.entry)")
    assert listed == [f"0-{row}" for row in expected]
    assert "300 entries, 300 in sight." in browse.locator("#map-count").inner_text()


def test_pointing_shows_a_point_and_a_click_plays_it(browse):
    entry = 8
    x, y = browse.evaluate(MAP % f"map.pixelOf({entry})")
    box = browse.locator("#map").bounding_box()
    browse.mouse.move(box["x"] + x, box["y"] + y)
    browse.wait_for_selector("#map-hover img")
    hovered = browse.evaluate(MAP % "map.hovered")
    nearest = np.linalg.norm(points_of(browse) - points_of(browse)[entry], axis=1).argsort()[:3]
    assert hovered in nearest
    assert f"clip {hovered % 20:02}.mp4" in browse.locator("#map-hover").inner_text()
    browse.mouse.down()
    browse.mouse.up()
    until(browse, f"import('/static/js/map/clips.js').then(({{ clips }}) => clips.played === '0-{hovered}')")


def test_the_map_obeys_the_keyboard(browse):
    browse.focus("#map")
    browse.keyboard.press("ArrowRight")
    browse.keyboard.press("+")
    x, y, zoom = browse.evaluate(MAP % "[map.x, map.y, map.zoom]")
    assert x > 0 and y == pytest.approx(0) and zoom == pytest.approx(1.4)
    browse.keyboard.press("Enter")
    nearest = np.linalg.norm(points_of(browse) - [x, y], axis=1).argmin()
    until(browse, f"import('/static/js/map/clips.js').then(({{ clips }}) => clips.played === '0-{nearest}')")
    assert "Playing clip" in browse.locator("#said").inner_text()
    browse.keyboard.press("0")
    assert browse.evaluate(MAP % "[map.x, map.y, map.zoom]") == [0, 0, 1]


def test_the_place_under_the_pointer_stays_while_the_wheel_zooms(browse):
    box = browse.locator("#map").bounding_box()
    browse.mouse.move(box["x"] + 300, box["y"] + 200)
    before = browse.evaluate(MAP % "map.placeOf(300, 200)")
    browse.mouse.wheel(0, -300)
    until(browse, MAP % "map.zoom > 1.2")
    assert browse.evaluate(MAP % "map.placeOf(300, 200)") == pytest.approx(before, abs=2e-3)


def test_a_kind_can_be_left_out(browse):
    sounds = browse.evaluate(MAP % "map.points.kind.reduce((sum, kind) => sum + kind, 0)")
    browse.uncheck("#map-images")
    until(browse, f"document.getElementById('map-count').textContent.includes('{sounds} in sight')")
    kinds = browse.eval_on_selector_all("#near .tile", "tiles => tiles.map((tile) => tile.dataset.kind)")
    assert set(kinds) == {"sound"}


def test_an_arrangement_that_is_not_installed_is_refused_and_the_map_stays(browse, watch):
    watch.provoked.append("422")
    browse.select_option("#map-method", "umap")
    browse.wait_for_selector("#problem:has-text('UMAP is not installed')")
    assert browse.input_value("#map-method") == "pca" and len(points_of(browse)) == 300


def test_a_hundred_thousand_points_are_drawn(open_page, server, record_property):
    server.points = 100_000
    page = open_page("#browse")
    page.wait_for_selector("#near .match")
    page.evaluate(MAP % "(map.frames.length = 0)")
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 400, box["y"] + 200)
    page.mouse.down()
    for i in range(30):
        page.mouse.move(box["x"] + 400 + 3 * i, box["y"] + 200 + i)
    page.mouse.up()
    frames = page.evaluate(MAP % "map.frames")
    assert len(frames) > 5 and page.evaluate(MAP % "map.inSight") > 50_000
    # How long a drawing takes is told, not judged: other programs run on the machine too.
    record_property("median_ms", float(np.median(frames)))
    print(f"100,000 points: median {np.median(frames):.1f} ms, longest {max(frames):.1f} ms")
