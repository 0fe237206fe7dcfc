"""Files of regions as other programs write them, of made numbers."""

import base64
import csv

import numpy as np

COLUMNS = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")


def write_tsv(path, rows, columns=COLUMNS):
    """As bottom-up attention does: `csv.DictWriter` with tabs; rows of name, size, boxes and features."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", extrasaction="ignore")
        for name, (width, height), boxes, features in rows:
            values = {"image_id": name, "img_id": name, "image_w": width, "img_w": width}
            values |= {"image_h": height, "img_h": height, "num_boxes": len(boxes)}
            values |= dict.fromkeys(("objects_id", "objects_conf", "attrs_id", "attrs_conf"), encoded(np.ones(3)))
            writer.writerow(values | {"boxes": encoded(boxes), "features": encoded(features)})
    return path


def encoded(numbers):
    """float32 in base64."""
    return base64.b64encode(np.asarray(numbers, np.float32).tobytes()).decode()


def made_rows(names, seed=0, regions=(3, 5), width=8):
    """Rows for `write_tsv`: images of 200 by 100 pixels."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in names:
        count = int(rng.integers(regions[0], regions[1] + 1))
        corners = np.sort(rng.uniform(0, 1, (count, 2, 2)), axis=1).reshape(count, 4)
        boxes = (corners * [200, 100, 200, 100]).astype(np.float32)
        rows.append((name, (200, 100), boxes, rng.normal(size=(count, width)).astype(np.float32)))
    return rows
