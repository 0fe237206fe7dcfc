import os

import pytest

from avnet.files.json_file import read_json
from data.records.records import split_sizes
from eval.readers.vggss import read_entries
from eval.retrieval.ontology import read_ontology


def test_plain_values_come_back(tmp_path):
    (tmp_path / "a.json").write_text('{"ü": [1, 2.5, null]}', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"ü": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("content", "reason"), [(b"{", "Expecting"), (b"\xff\xfe\xff", "decode"), (b"[" * 100_000, "deep")]
)
def test_damage_is_a_value_error(tmp_path, content, reason):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_json(tmp_path / "a.json")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "dataset_info.json")
    for read in (read_json, read_entries, read_ontology):
        with pytest.raises(Exception, match="not a regular file"):
            read(tmp_path / "dataset_info.json")
    with pytest.raises(Exception, match="no prepared records"):
        split_sizes(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nothing.json")


@pytest.mark.parametrize("read", [read_entries, read_ontology])
def test_nesting_without_end_is_a_refusal(tmp_path, read):
    (tmp_path / "a.json").write_bytes(b"[" * 100_000)
    with pytest.raises(Exception, match="nested too deep"):
        read(tmp_path / "a.json")
