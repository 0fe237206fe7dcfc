"""The folder that `prepare` writes: locked as long as it writes, and empty again when nothing came of it."""

from pathlib import Path

import pytest

from avnet.errors import DataError
from avnet.files.storage import Folder
from avnet.files.whole import write_text
from data.corpus.corpus import claim, clear, locked


def test_a_folder_stays_locked_while_another_plan_takes_it(tmp_path):
    out = Folder(str(tmp_path / "out"))
    with locked(out):
        claim(out, {"videos": 1}, overwrite=False)
        claim(out, {"videos": 2}, overwrite=True)
        with pytest.raises(DataError, match="another run is writing"), locked(out):
            pass


def test_pictures_of_records_go_with_them(tmp_path):
    out = Folder(str(tmp_path / "out"))
    claim(out, {"videos": 1}, overwrite=False)
    write_text(Path(out.url) / "contact_sheet.jpg", "as `inspect` writes it")
    clear(out)
    assert not Path(out.url).exists()
