import numpy as np

from eval.localization.scores import place, placement_rows


def test_finer_heatmaps_have_a_row_of_their_own():
    truth = np.zeros((224, 224), np.float32)
    truth[112:, 112:] = 1.0
    # A quarter of the image is the truth: one heatmap is all of it, the other points elsewhere.
    right, wrong = np.array([[0.0, 0.0], [0.0, 0.9]]), np.array([[0.9, 0.0], [0.0, 0.0]])
    plain, fine = [place(grid, truth, 0.5) for grid in (wrong, right)], [place(right, truth, 0.5)] * 2
    alone = placement_rows(plain)
    rows = placement_rows(plain, {"model, fine": fine})
    assert "model, fine" not in alone and {name: rows[name] for name in alone} == alone
    assert list(rows)[:2] == ["model", "model, fine"]
    assert (rows["model"]["pointing"], rows["model, fine"]["pointing"]) == (0.5, 1.0)
    assert rows["model, fine"]["ciou_adapted"] >= rows["model"]["ciou_adapted"]
