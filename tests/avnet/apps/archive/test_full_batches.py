"""Files embedded in batches that go on from one file to the next."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from avnet.apps.archive import full_batches
from avnet.apps.archive.full_batches import Moments, embed_files
from avnet.apps.archive.moments import Sample
from avnet.errors import Damaged


class Doubling:
    """Embeds a number as twice the number, and notes how many came at a time."""

    config = SimpleNamespace(features=1, moment=SimpleNamespace(channels=3))

    def __init__(self):
        self.calls = []

    def embed_images(self, images):
        self.calls.append(("image", len(images)))
        return 2 * np.stack([image.ravel()[:1] for image in images]).astype(np.float32)

    def embed_waveforms(self, clips):
        self.calls.append(("sound", len(clips)))
        return 2 * clips[:, :1]


def image(value, time=0.0):
    return Sample("image", time, np.full((1, 1, 3), value, np.uint8))


def sound(value, time=0.0):
    return Sample("sound", time, np.full(4, value, np.float32))


FILES = {
    "film": [image(1, 0.5), image(2, 1.5), sound(3, 0.5), Sample("sound", 1.5, None), sound(4, 2.5)],
    "torn": [image(50), sound(60), Damaged("torn", "ends early")],
    "silent": [Sample("sound", 0.5, None)],
    "photo": [image(5)],
    "song": [sound(6, 0.5), sound(7, 1.5)],
}


def read(file):
    for sample in FILES[file]:
        if isinstance(sample, Damaged):
            raise sample
        yield sample


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
def test_every_file_has_its_own_whatever_the_batches(monkeypatch, batch):
    monkeypatch.setattr(full_batches, "BATCH", batch)
    model: Any = Doubling()
    results = list(embed_files(model, FILES, read))
    assert [file for file, _ in results] == list(FILES)
    by_file: dict[str, Any] = dict(results)
    assert by_file["torn"] is FILES["torn"][-1]
    film = by_file["film"]
    assert isinstance(film, Moments) and film.embeddings.ravel().tolist() == [2, 4, 6, 8] and film.silent == 1
    assert film.times.tolist() == [0.5, 1.5, 0.5, 2.5] and film.kinds == ["image", "image", "sound", "sound"]
    assert by_file["silent"].embeddings.shape == (0, 1) and by_file["silent"].silent == 1
    assert by_file["photo"].embeddings.tolist() == [[10]] and by_file["song"].embeddings.tolist() == [[12], [14]]
    # All of what is embedded came in as few batches as there can be; what was torn is left out where it still waits.
    if batch == 64:
        assert model.calls == [("image", 3), ("sound", 4)]
    assert max(count for _, count in model.calls) <= batch


def test_sounds_that_are_embedded_before_the_image_do_not_take_its_row(monkeypatch):
    monkeypatch.setattr(full_batches, "BATCH", 2)
    model: Any = Doubling()
    concert = [image(1), sound(2, 0.5), sound(3, 1.5)]
    ((_, result),) = embed_files(model, [concert], iter)
    assert model.calls == [("sound", 2), ("image", 1)]
    assert isinstance(result, Moments) and result.embeddings.ravel().tolist() == [2, 4, 6]


def test_a_file_comes_as_soon_as_it_is_embedded(monkeypatch):
    monkeypatch.setattr(full_batches, "BATCH", 2)
    files = iter(FILES)
    results = embed_files(cast(Any, Doubling()), files, read)
    assert next(results)[0] == "film" and list(files) == ["torn", "silent", "photo", "song"]


def test_large_images_do_not_wait_for_a_full_batch(monkeypatch):
    monkeypatch.setattr(full_batches, "BATCH_BYTES", 6)
    model: Any = Doubling()
    assert len(list(embed_files(model, ["film", "photo"], read))) == 2
    assert model.calls[:2] == [("image", 2), ("sound", 1)]
