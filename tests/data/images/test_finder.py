from spoken.corpora import make_image

from data.images.finder import ImageFinder


def test_images_are_found_in_the_usual_places_about_a_list(tmp_path):
    here = make_image(tmp_path / "lists" / "a.png")
    beside = make_image(tmp_path / "images" / "b.png")
    usual = make_image(tmp_path / "Flicker8k_Dataset" / "val2014" / "c.png")
    finder = ImageFinder(tmp_path / "lists")
    assert finder.find("a.png") == (here, "") and finder.find("b.png") == (beside, "")
    assert finder.find("c.png", "val2014/c.png") == (usual, "")
    path, reason = finder.find("d.png")
    assert not path.exists() and path.name == "d.png" and not reason


def test_a_folder_that_is_named_is_the_only_one(tmp_path):
    make_image(tmp_path / "lists" / "a.png")
    other = make_image(tmp_path / "other" / "A.PNG", 1)
    make_image(tmp_path / "other" / "sub" / "b.png")
    finder = ImageFinder(tmp_path / "lists", tmp_path / "other")
    # By another spelling, where nothing has that very name.
    assert finder.find("a.png") == (other, "")
    assert finder.find("sub\\b.png") == (tmp_path / "other" / "sub" / "b.png", "")
    assert not finder.find("b.png")[0].exists()


def test_names_that_leave_the_folder_are_refused_though_the_file_is_there(tmp_path):
    outside = make_image(tmp_path / "outside.png")
    make_image(tmp_path / "in" / "a.png")
    finder = ImageFinder(tmp_path, tmp_path / "in")
    for name in ("../outside.png", str(outside), "x/../../outside.png", "a.png\0", "..\\outside.png"):
        path, reason = finder.find(name)
        assert "leaves the folder" in reason or not path.exists()
    assert finder.find("x/../a.png") == (tmp_path / "in" / "a.png", "")
    assert finder.find("")[1] == "names no image"
