import json

import pytest

from avnet.pages.html import section
from train.demo.report import Comparison, comparisons, validation_sentence
from train.demo.sections import minutes, times_section


def write(folder, name, results):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"results": results}))


def write_results(folder, *, accuracy, recall, pointing, told):
    """What `eval` writes of a model, with figures that tell where they come from."""
    write(folder, "avc.json", {"rows": {"model": {"accuracy": accuracy, "roc_auc": accuracy + 0.1}}})

    def direction(first):
        return {"recall@1": first, "recall@5": first + 0.1, "recall@10": first + 0.2, "map": first + 0.3}

    chance = {"recall@1": 0.05, "recall@5": 0.25, "recall@10": 0.4, "map": 0.09}
    of_class = {"aud-im": direction(recall), "im-aud": direction(recall / 2), "chance": chance}
    partner = {"aud-im": {"recall@10": 0.5}, "im-aud": {"recall@10": 0.625}, "chance": {"recall@10": 0.125}}
    titles = {"The very partner, among 8": partner, "A video of the same class, among 8 of 4 classes": of_class}
    write(folder, "retrieval.json", {"videos": 8, **{title: {"model": rows} for title, rows in titles.items()}})
    placement = {"model": {"pointing": pointing}, "centre point": {"pointing": 0.55}}
    write(folder, "localization.json", {"placement": placement, "negative audio": {"mismatched": {"roc_auc": told}}})


def test_the_table_holds_both_models_beside_what_needs_no_learning(tmp_path):
    write_results(tmp_path / "before", accuracy=0.6, recall=0.3, pointing=0.7, told=0.8)
    write_results(tmp_path / "after", accuracy=0.7, recall=0.5, pointing=0.65, told=0.9)
    rows = {row.name: row for row in comparisons(tmp_path)}
    assert len(rows) == 12
    question = "does this sound belong to this image?"
    assert rows[f"AVC: {question}"] == Comparison(f"AVC: {question}", 0.6, 0.7, 0.5)
    assert rows[f"ROC AUC: {question}"].after == pytest.approx(0.8)
    first = rows["Sound to image of its class, R@1"]
    assert (first.before, first.after, first.baseline, first.against) == (0.3, 0.5, 0.05, "chance")
    fifth = rows["Image to sound of its class, R@5"]
    assert (fifth.before, fifth.after, fifth.baseline) == pytest.approx((0.25, 0.35, 0.25))
    assert rows["Sound to image of its class, mAP"].after == pytest.approx(0.8)
    partner = rows["Image to sound of its own video, R@10"]
    assert (partner.before, partner.after, partner.baseline) == (0.625, 0.625, 0.125)
    # It may become worse, and is shown all the same.
    pointing = rows["Pointing at what sounds"]
    assert (pointing.before, pointing.after, pointing.baseline, pointing.against) == (0.7, 0.65, 0.55, "the centre")
    told = rows["Peak higher for its own sound than for another"]
    assert (told.before, told.after, told.baseline) == (0.8, 0.9, 0.5)


@pytest.mark.parametrize(
    ("aucs", "sentence"),
    [
        ([0.7, 0.8, 0.75], "Validation rose from an AUC of 70.0% to 80.0% at step 25."),
        (
            [0.7, 0.6, 0.7],
            "Validation (AUC 70.0%) never rose: the adapted model is the first with other probabilities.",
        ),
    ],
)
def test_the_page_says_whether_validation_rose(tmp_path, aucs, sentence):
    rows = [{"kind": "validation", "step": 25 * i, "auc": auc} for i, auc in enumerate(aucs)]
    rows.insert(1, {"kind": "train", "step": 10, "loss": 1.0})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert validation_sentence(tmp_path / "metrics.jsonl") == sentence


def test_times_are_minutes_and_seconds_and_add_up():
    assert [minutes(value) for value in (4.4, 59.6, 125)] == ["0:04", "1:00", "2:05"]
    page = section("x", times_section({"one": 61.0, "two": 64.0}))
    assert all(text in page for text in ("<td>one</td><td>1:01</td>", "<td>all</td><td>2:05</td>"))
