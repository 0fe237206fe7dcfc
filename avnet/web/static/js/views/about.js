// About: the model, the limits, what it is not for, and the keys.

import { byId, element } from "../dom.js";

export function start() {}

export function show(_params, status) {
  const { model, version, index, describer, limits } = status;
  fill("facts", {
    Name: model.title ? `${model.name} (${model.title})` : model.name, "SHA-256": model.sha256, avnet: version,
    Index: index
      ? `${index.folder}: ${index.images} images and ${index.sounds} sounds of ${index.files} files` : "none",
    Describer: describer ? describer.title || describer.name : "none",
  });
  fill("limits", {
    "A file": `${limits.upload_mb} MB`, "Its length": `${Math.round(limits.duration_s / 60)} minutes`,
    "An image": `${Math.round(limits.image_pixels / 1e6)} million pixels`,
    Results: "are kept for a while, for this browser alone, then deleted",
  });
}

function fill(id, facts) {
  const rows = Object.entries(facts).filter(([, value]) => value);
  byId(id).replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}
