"""Files of regions: what other programs wrote is read, looked up by names, checked and padded."""

import sys

import numpy as np
import pytest
from extras import need
from region_files import COLUMNS, made_rows, write_tsv

from avnet.captioners.region_files.region_file import RegionFile, image_key
from avnet.errors import ConfigError, DataError

LXMERT = (
    *("img_id", "img_h", "img_w", "objects_id", "objects_conf", "attrs_id", "attrs_conf", "num_boxes"),
    *("boxes", "features"),
)
NAMES = ("42", "7", "garden")


def write_npz(path, rows):
    arrays = {}
    for name, _, boxes, features in rows:
        arrays |= {f"{name}_features": features, f"{name}_boxes": boxes}
    np.savez(path, **arrays)
    return path


def write_compressed(path, rows):
    np.savez_compressed(path, **stacked(rows))
    return path


def write_stacked(path, rows):
    np.savez(path, **stacked(rows))
    return path


def stacked(rows):
    most = max(len(boxes) for _, _, boxes, _ in rows)
    features = np.stack([np.pad(one[3], ((0, most - len(one[3])), (0, 0)), constant_values=np.nan) for one in rows])
    boxes = np.stack([np.pad(one[2], ((0, most - len(one[2])), (0, 0))) for one in rows])
    counts, sizes = np.array([len(one[2]) for one in rows]), np.array([one[1] for one in rows])
    names = np.array([one[0] for one in rows])
    return {
        **{"features": features, "boxes": boxes, "image_ids": names, "num_boxes": counts},
        **{"image_w": sizes[:, 0], "image_h": sizes[:, 1]},
    }


def write_folder(path, rows):
    """The names and the order of axes that VQA's programs have."""
    path.mkdir()
    for name, (width, height), boxes, features in rows:
        np.savez(path / f"{name}.npz", x=features.T, bbox=boxes, image_w=width, image_h=height)
    return path


def write_h5(path, rows):
    h5py = need("h5py")
    with h5py.File(path, "w") as file:
        for name, _, boxes, features in rows:
            file[f"{name}_features"], file[f"{name}_boxes"], file[f"{name}_cls_prob"] = features, boxes, [1.0]
    return path


def write_stacked_h5(path, rows):
    h5py = need("h5py")
    with h5py.File(path, "w") as file:
        for name, array in stacked(rows).items():
            file[name] = [text.encode() for text in array.tolist()] if array.dtype.kind == "U" else array
    return path


WRITERS = {
    "a.tsv": write_tsv,
    "lxmert.tsv": lambda path, rows: write_tsv(path, rows, LXMERT),
    "one.npz": write_npz,
    "stacked.npz": write_stacked,
    "compressed.npz": write_compressed,
    "folder": write_folder,
    "m2.hdf5": write_h5,
    "stacked.h5": write_stacked_h5,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_what_was_written(tmp_path, name):
    rows = made_rows(NAMES)
    file = RegionFile(WRITERS[name](tmp_path / name, rows))
    assert len(file) == 3 and file.features == 8 and file.most(NAMES) == max(len(row[2]) for row in rows)
    order = ("photos/garden.jpg", "COCO_val2014_000000000042.jpg", "000007.png")
    features = file.of(order, [(200, 100)] * 3)
    assert features.cells.shape == (3, 12, 8) and features.boxes.dtype == features.cells.dtype == np.float32
    for i, number in enumerate((2, 0, 1)):
        _, _, boxes, cells = rows[number]
        assert features.mask[i].sum() == len(boxes) and features.mask[i, : len(boxes)].all()
        np.testing.assert_array_equal(features.cells[i, : len(boxes)], cells)
        np.testing.assert_allclose(features.boxes[i, : len(boxes)], boxes / [200, 100, 200, 100], rtol=1e-6)
        assert not features.cells[i, len(boxes) :].any()


def test_names_are_those_of_files_and_numbers_those_of_coco():
    keys = ("a/b/COCO_train2014_000000000042.jpg", "000000000042.png", "42", "COCO_val2014_000000000042")
    assert {image_key(key) for key in keys} == {"42"}
    assert image_key("1000268201_693b08cb0e.jpg") == "1000268201_693b08cb0e" and image_key("0") == "0"
    assert image_key("v1.5 of me.JPG") == "v1.5 of me"


def test_boxes_that_are_shares_stay_and_pixels_need_a_size(tmp_path):
    """Without any size the farthest corner stands for it."""
    boxes = np.array([[0, 0, 20, 10], [10, 10, 40, 50]], np.float32)
    rows = [("pixels", (0, 0), boxes, np.ones((2, 3))), ("shares", (0, 0), boxes / 100, np.ones((2, 3)))]
    file = RegionFile(write_npz(tmp_path / "a.npz", rows))
    known = file.of(["pixels", "shares"], [(80, 100), (80, 100)]).boxes
    assert known[0, 1] == pytest.approx([0.125, 0.1, 0.5, 0.5]) and known[1, 1] == pytest.approx([0.1, 0.1, 0.4, 0.5])
    assert file.of(["pixels"]).boxes[0, 1] == pytest.approx([0.25, 0.2, 1, 1])


def test_boxes_outside_of_the_image_are_clipped(tmp_path):
    boxes = [[-20, -10, 100, 50], [150, 50, 400, 101]]
    file = RegionFile(write_tsv(tmp_path / "a.tsv", [("a", (200, 100), boxes, np.ones((2, 4)))]))
    assert file.of(["a"]).boxes[0, :2].tolist() == [[0, 0, 0.5, 0.5], [0.75, 0.5, 1, 1]]


def test_images_are_padded_to_a_common_number_of_places(tmp_path):
    rows = [(str(n), (9, 9), np.tile([0, 0, 9, 9], (n, 1)), np.ones((n, 2))) for n in (36, 13, 100)]
    file = RegionFile(write_tsv(tmp_path / "a.tsv", rows))
    places = [file.of([name]).cells.shape[1] for name in ("36", "13", "100")]
    assert places == [36, 24, 108] and file.of(["36", "13"], least=100).mask.sum(axis=1).tolist() == [36, 13]
    assert file.of(["13"], least=100).cells.shape[1] == 108


def test_lines_of_any_number_of_regions_are_found(tmp_path):
    """Lines are skipped by the length that lines of so many regions have; one that is longer is still found."""
    rows = made_rows([f"image{i}" for i in range(40)], regions=(1, 4))
    path = write_tsv(tmp_path / "a.tsv", rows)
    lines = path.read_bytes().split(b"\r\n")
    lines[20] = lines[20] + b"=" * 50  # damaged, and longer than others of as many regions
    path.write_bytes(b"\n".join(lines))
    file = RegionFile(path)
    for name, _, _, cells in rows[:20] + rows[21:]:
        np.testing.assert_array_equal(file.of([name]).cells[0, : len(cells)], cells)
    with pytest.raises(DataError, match=r"no usable regions of the image 'image20': its features are damaged"):
        file.of(["image20"])


@pytest.mark.parametrize("columns", [COLUMNS, ("num_boxes", "image_id", "features", "boxes", "image_h", "image_w")])
def test_a_header_names_the_columns_and_the_first_of_equal_images_counts(tmp_path, columns):
    rows = made_rows(("a", "a", "b"))
    path = write_tsv(tmp_path / "a.tsv", rows, columns)
    path.write_bytes("\t".join(columns).encode() + b"\r\n" + path.read_bytes())
    file = RegionFile(path)
    assert len(file) == 2
    for name, _, _, cells in (rows[0], rows[2]):
        np.testing.assert_array_equal(file.of([name]).cells[0, : len(cells)], cells)


def spoilt(change):
    """A row of one region, changed."""
    row = {"name": "a", "size": (200, 100), "boxes": np.array([[0, 0, 50, 50]]), "features": np.ones((1, 4))}
    row |= change
    return tuple(row[key] for key in ("name", "size", "boxes", "features"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"boxes": [[0, 0, np.nan, 5]]}, "its boxes are not finite"),
        ({"features": [[1, np.inf, 0, 0]]}, "its features are not finite"),
        ({"boxes": [[50, 0, 20, 5]]}, "the corners of a box are swapped"),
        ({"features": np.ones((1, 5))}, r"its features are \(1, 5\), not of the width 4"),
        ({"size": (0, 100)}, "its size is 0 x 100"),
    ],
)
def test_what_cannot_be_used_names_the_image_and_the_reason(tmp_path, change, reason):
    file = RegionFile(write_tsv(tmp_path / "a.tsv", [spoilt({"name": "good"}), spoilt(change)]))
    assert file.of(["good"]).mask.sum() == 1
    with pytest.raises(DataError, match=rf"a\.tsv: has no usable regions of the image 'a': {reason}") as refusal:
        file.of(["a"])
    assert "\n" not in str(refusal.value)


def test_other_numbers_of_boxes_than_features_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a_features=np.ones((2, 4)), a_boxes=np.zeros((3, 4)), b_features=np.ones((2, 4)))
    with pytest.raises(DataError, match="it has 3 boxes for 2 features"):
        RegionFile(tmp_path / "a.npz").of(["a"])
    with pytest.raises(DataError, match=r"a\.npz: has no regions of the image 'b\.jpg'"):
        RegionFile(tmp_path / "a.npz").of(["x/b.jpg"])


def test_files_that_end_early_or_hold_something_else_are_refused(tmp_path):
    path = write_tsv(tmp_path / "a.tsv", made_rows(("a", "b")))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(DataError, match="no usable regions of the image 'b'"):
        RegionFile(path).of(["b"])
    for content, reason in (
        (b"", "it is empty"),
        (b"hello\nworld\n", "it has 1 columns"),
        (whole + b"c\t200\n", "line 3 does not begin as one of an image"),
        (whole.replace(b"b\t200\t100\t", b"b\t200\t100\tx"), "line 2 does not begin"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"has no regions of images that can be read .{reason}"):
            RegionFile(path)
    np.savez(tmp_path / "c.npz", other=np.ones(3))
    (tmp_path / "d.npz").write_bytes(b"PK nothing")
    np.savez(tmp_path / "e.npz", features=np.ones((2, 3, 4)), boxes=np.ones((2, 2, 4)), image_ids=np.arange(2))
    np.savez(tmp_path / "f.npz", a_features=np.array([{}]), a_boxes=np.zeros((1, 4)))
    (tmp_path / "empty").mkdir()
    for name, reason in (
        ("c.npz", "neither ID_features and ID_boxes nor"),
        ("d.npz", "it is no .npz file"),
        ("e.npz", "its arrays do not fit each other"),
        ("f.npz", "holds objects of Python"),
        ("empty", "it holds no .npz file"),
        ("g.tsv", "no such file"),
        ("g.pkl", "neither a folder of .npz files nor called"),
    ):
        with pytest.raises(DataError, match=reason) as refusal:
            RegionFile(tmp_path / name)
        assert "\n" not in str(refusal.value)


def test_one_image_under_two_names_is_refused(tmp_path):
    with pytest.raises(DataError, match="one image twice, as '007' and '7'"):
        RegionFile(write_tsv(tmp_path / "a.tsv", made_rows(("007", "7"))))


def test_links_and_damage_of_h5_files_are_refused(tmp_path):
    h5py = need("h5py")
    path = write_h5(tmp_path / "a.h5", made_rows(("a",)))
    with h5py.File(path, "a") as file:
        file["b_features"] = h5py.ExternalLink("/etc/hosts", "x")
        file["b_boxes"] = np.zeros((1, 4))
    with pytest.raises(DataError, match="'b_features' is a link"):
        RegionFile(path).of(["b"])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="has no regions of images that can be read"):
        RegionFile(path)


def test_h5_files_need_their_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match=r"a\.h5: needs h5py: pip install 'avnet\[keras\]'"):
        RegionFile(tmp_path / "a.h5")


def test_memory_is_bounded_by_what_is_asked_for(tmp_path, monkeypatch):
    """Arrays are mapped, not loaded; what is compressed and large is refused."""
    path = write_stacked(tmp_path / "a.npz", made_rows(NAMES))
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("an array is loaded as a whole"))
    assert RegionFile(path).of(["garden"]).mask.any()
    monkeypatch.setattr("avnet.captioners.region_files.npz.LARGEST", 100)
    write_compressed(tmp_path / "b.npz", made_rows(NAMES))
    with pytest.raises(DataError, match=r"is compressed and takes .* GiB: save it with numpy\.savez"):
        RegionFile(tmp_path / "b.npz")
