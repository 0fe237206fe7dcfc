"""A store of objects that tests read from and write to."""

import fsspec
import pytest


@pytest.fixture
def bucket():
    """An empty store in memory."""
    store = fsspec.filesystem("memory")
    for path in store.find("/"):
        store.rm(path)
    yield store
    for path in store.find("/"):
        store.rm(path)
