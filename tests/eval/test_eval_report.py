import json
import sys
from pathlib import Path

import numpy as np
import pytest

from avnet.errors import ConfigError
from eval import report


def test_a_report_says_how_it_came_about_and_holds_plain_values(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3", "-m", "eval", "avc", "my model"])
    results = {"a": np.float32(0.5), "b": float("nan"), "c": np.array([1, 2]), "d": (Path("x"), None, True)}
    report.write_report(
        tmp_path / "r.json", 7, {"network": "ave"}, {"data": Path("corpus")}, results, {"missing": ["n"]}
    )
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["results"] == {"a": 0.5, "b": None, "c": [1, 2], "d": ["x", None, True]}
    assert result["settings"] == {"data": "corpus"}
    assert result["left_out"] == {"missing": ["n"]}
    assert result["seed"] == 7
    assert result["command"] == "python -m eval avc 'my model'"
    assert result["machine"]["device"].startswith(("cpu", "gpu", "cuda", "tpu"))
    assert sorted(tmp_path.iterdir()) == [tmp_path / ".avnet-results", tmp_path / "r.json"]


def test_the_table_shows_percent_and_a_dash_for_what_is_not_there(capsys):
    report.print_table("title", ["x", "y"], [("model", [0.12345, None]), ("chance", [float("nan"), 1.0])])
    output = capsys.readouterr().out
    assert "12.35" in output or "12.34" in output
    assert "100.00" in output
    assert output.count(" - ") == 2


def test_wide_tables_keep_their_numbers_where_there_is_no_terminal(capsys):
    report.print_table("title", [f"column {i}" for i in range(6)], [("a rather long name of a row", [0.98765] * 6)])
    assert capsys.readouterr().out.count("98.7") == 6


def test_what_was_left_out_is_counted_and_the_first_are_named(capsys):
    report.print_left_out({"missing": list("abcde"), "unreadable": []})
    assert capsys.readouterr().out == "missing: 5 (a, b, c, ...)\n"


def test_results_go_into_the_models_folder_unless_asked_otherwise(tmp_path):
    (tmp_path / "model").mkdir()
    assert report.output_folder(tmp_path / "model", None) == tmp_path / "model" / "eval"
    assert report.output_folder(tmp_path / "model", tmp_path / "o" / "p") == tmp_path / "o" / "p"
    assert (tmp_path / "o" / "p").is_dir()


def test_an_output_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be created as a folder"):
        report.output_folder(tmp_path, tmp_path / "file")


def test_results_of_a_model_by_name_go_into_a_folder_of_its_name_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert report.output_folder(Path("base"), None) == Path("eval-base")
    assert (tmp_path / "eval-base").is_dir()
