import pytest
from extras import need

VIEWS = ("where", "search", "browse", "describe", "archive", "about")
TITLES = ("Where is the sound?", "Search", "Browse", "Describe", "Archive", "About")


def fill_views(page, server, files, drop, folder):
    """Goes through the views with something to see in each; gives the name of each."""
    for view in VIEWS:
        page.goto(f"{server.url}#{view}")
        page.wait_for_selector(f"#view-{view}")
        if view == "where":
            drop(page, files.video)
            page.wait_for_selector("#files a")
        elif view == "search":
            drop(page, files.video, files.sound)
            page.wait_for_selector(".chip >> nth=1")
            page.wait_for_selector(".match")
        elif view == "browse":
            page.wait_for_selector("#near .match")
        elif view == "describe":
            drop(page, files.image)
            page.wait_for_selector("#description")
        elif view == "archive":
            page.fill("#archive-path", str(folder))
            page.click("#archive-form button")
            page.wait_for_selector("#archive-left-out li")
        yield view


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_view(open_page, server, files, drop, tmp_path, scheme):
    axe = need("axe_playwright_python.sync_playwright").Axe()
    page = open_page(color_scheme=scheme)
    for view in VIEWS[:5]:  # empty
        page.goto(f"{server.url}#{view}")
        page.wait_for_selector(f"#view-{view}")
    assert violations(axe, page) == []
    for view in fill_views(page, server, files, drop, tmp_path):
        assert (view, violations(axe, page)) == (view, [])


def violations(axe, page):
    found = axe.run(page).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


# A phone, and a window of 1280 by 860 pixels at 200 %.
@pytest.mark.parametrize("size", [(360, 740), (640, 430)])
def test_no_view_is_wider_than_the_window(open_page, server, files, drop, tmp_path, size):
    page = open_page(viewport={"width": size[0], "height": size[1]})
    for view in fill_views(page, server, files, drop, tmp_path):
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert (view, wide) == (view, size[0])


def test_views_have_titles_landmarks_and_the_focus(open_page):
    page = open_page()
    assert page.locator("header").count() == page.locator("main").count() == page.locator("footer").count() == 1
    for view, title in zip(VIEWS[1:], TITLES[1:], strict=True):
        page.click(f"nav a[data-view={view}]")
        page.wait_for_selector(f"#view-{view}")
        assert page.title() == f"{title} · avnet"
        assert page.evaluate("document.activeElement.textContent") == title
        assert page.locator("nav a[aria-current=page]").inner_text() == title
        assert page.locator("h1:visible").count() == 1


def test_nothing_moves_where_less_motion_is_wanted(open_page):
    page = open_page(reduced_motion="reduce")
    page.eval_on_selector("#readiness", "(readiness) => (readiness.dataset.state = 'loading')")
    assert page.eval_on_selector(".dot", "(dot) => getComputedStyle(dot).animationDuration") == "0s"


def test_about_names_the_model_and_its_limits(open_page):
    page = open_page("#about")
    text = page.locator("#view-about").inner_text()
    for part in ("AVOL-Net, base", "5e" * 32, "500 MB", "not for steering", "one frame back or on"):
        assert part in text
