"""An index copied into LanceDB and written as Parquet, by the commands."""

import json

from extras import need


def test_a_copy_in_lancedb_answers_as_the_folder_does(run, refusal_of, models, media, index_folder, tmp_path):
    need("lancedb")
    out = tmp_path / "copy.lance"
    code, text, _ = run("copy-index", index_folder, "--out", out, "--precision", "int8")
    assert code == 0 and text.splitlines()[-1].startswith(f"{out}: 8 rows in ")
    assert text.startswith("of the ten nearest images 100.0 % are found\n")
    run("copy-index", index_folder, "--out", out)
    search = ["--image", media / "photo.png", "--kind", "both", "--per-file", 0, "--format", "json"]
    answers = [json.loads(run("search", models / "ave", index, *search)[1]) for index in (index_folder, out)]
    assert answers[0] == answers[1] and answers[0][0]["hits"]
    refusal = refusal_of("search", models / "avol", out, *search)
    assert "was made with another model" in refusal or "avol" in refusal


def test_rows_are_written_as_parquet(run, refusal_of, index_folder, tmp_path):
    parquet = need("pyarrow.parquet")
    out = tmp_path / "rows.parquet"
    code, text, _ = run("export-index", index_folder, "--out", out, "--kind", "sound")
    assert code == 0 and text.startswith(f"{out}: ")
    assert set(parquet.read_table(out)["kind"].to_pylist()) == {"sound"}
    assert "must have a name that ends in .parquet or .arrow" in refusal_of(
        "export-index", index_folder, "--out", tmp_path / "rows.csv"
    )
