"""Search, tags and the map of an index."""

import os
from pathlib import Path
from typing import Any

from avnet.apps.search import SearchOptions, search
from avnet.correspondence.model import Model
from avnet.index.index import Index
from avnet.web.tasks.sandbox import decode_in_sandbox
from avnet.web.worker import Context, Tasks


def open_lane(settings: dict[str, Any]) -> Tasks:
    """The lane of searches."""
    decode_in_sandbox(settings["memory_mb"])
    shelf = Shelf(Model.load(settings["model"]), settings["index"])
    return Tasks({"search": shelf.search, "refresh": shelf.refresh}, {"index": shelf.facts()})


class Shelf:
    """A model and an index that stay open."""

    def __init__(self, model: Model, folder: str | None):
        self._model, self._folder = model, folder
        self._index = None if folder is None or not os.path.exists(folder) else Index.open(folder, model.fingerprint)

    def facts(self) -> dict[str, Any] | None:
        """What the index holds."""
        if self._index is None or self._folder is None:
            return None
        counts = self._index.counts()
        name = Path(self._folder).name
        return {
            "folder": name,
            "images": counts["image"],
            "sounds": counts["sound"],
            "files": self._index.file_count(),
        }

    def refresh(self, values: dict[str, Any], context: Context) -> dict[str, Any] | None:
        """Opens the index again, after something was added."""
        if self._folder is not None:
            fresh = Index.open(self._folder, self._model.fingerprint)
            if self._index is not None:
                self._index.close()
            self._index = fresh
        return self.facts()

    def search(self, values: dict[str, Any], context: Context) -> dict[str, Any]:
        """Searches by the first query."""
        query = values["queries"][0]
        kind = {"image": "image", "sound": "sound", "video": "video"}[query["media_kind"]]
        options = SearchOptions(at=query["at"], k=values["k"], kind=values["kind"], per_file=values["per_file"])
        result = search(self._model, self._index, **{kind: query["path"]}, options=options)
        answers = [answer.to_dict() for answer in result.answers]
        return {
            "answers": [
                {
                    "query": answer["query"],
                    "matches": [hit | {"entry": f"0-{hit['rank']}"} for hit in answer["hits"]],
                }
                for answer in answers
            ]
        }
