def test_a_folder_is_indexed_and_what_is_left_out_is_listed_as_text(open_page, server, tmp_path):
    page = open_page("#archive")
    page.fill("#archive-path", str(tmp_path))
    page.click("#archive-form button")
    page.wait_for_selector("#archive-progress:has-text('Indexed 2 files: 20 images and 10 sounds')")
    left_out = page.locator("#archive-left-out")
    assert left_out.inner_text() == "<b>broken</b>.mp4 is damaged" and not left_out.locator("b").count()


def test_indexing_goes_on_after_a_reload_and_can_be_cancelled(open_page, server, tmp_path):
    server.held = True
    page = open_page("#archive")
    page.fill("#archive-path", str(tmp_path))
    page.click("#archive-form button")
    page.wait_for_selector("#archive-progress:has-text('indexing')")
    page.reload()
    page.click("#archive-progress button:has-text('Cancel')")
    page.wait_for_selector("#archive-progress", state="hidden")
    assert list(server.jobs.values())[-1].state == "cancelled"


def test_a_folder_that_is_not_there_is_refused(open_page, watch, tmp_path):
    watch.provoked.append("404")
    page = open_page("#archive")
    page.fill("#archive-path", str(tmp_path / "none"))
    page.click("#archive-form button")
    page.wait_for_selector("#problem:has-text('none: is no folder')")


def test_where_the_server_may_not_index_the_view_is_not_offered(open_page, server):
    server.can["index_folders"] = False
    page = open_page()
    assert page.locator("nav a[data-view=archive]").is_hidden()
    page.goto(server.url + "#archive")
    page.wait_for_selector("#archive-off:has-text('--allow-indexing')")
    assert page.locator("#archive-form").is_hidden()
