// Browse: the index as a map, and the points near its centre as a list.

import { getBytes, urls } from "../api.js";
import { byId, complain, element, icon, say, sayWhyNot } from "../dom.js";
import { clips } from "../map/clips.js";
import { PointMap } from "../map/map.js";
import { Points } from "../map/points.js";
import { baseName, clock } from "../words.js";
import { card } from "./search.js";

const NEAR = 12;

/** Tests look at it. */
export const state = { map: null, method: null };
let waiting, shownNear;

export function start() {
  state.map = new PointMap(byId("map"), { hover, pick, move: soonList });
  const kinds = () => state.map.change({ shown: [byId("map-images").checked, byId("map-sounds").checked] });
  for (const id of ["map-images", "map-sounds"]) byId(id).addEventListener("change", kinds);
  byId("map-method").addEventListener("change", ({ target }) => load(target.value));
  byId("map-in").addEventListener("click", () => state.map.zoomBy(1.6));
  byId("map-out").addEventListener("click", () => state.map.zoomBy(1 / 1.6));
  document.addEventListener("avnet-index", () => (state.method = null));
  byId("map-home").addEventListener("click", () => state.map.home());
}

export async function show(_params, status) {
  const can = status.can.browse;
  sayWhyNot(byId("browse-off"), can, status.lanes.search,
    "There is nothing to browse: start avnet serve with --index, and the folder of an index.");
  byId("browse-body").hidden = !can;
  if (can && !state.method) await load(byId("map-method").value);
}

async function load(method) {
  byId("map-count").textContent = "Loading the map.";
  try {
    state.map.points = new Points(await getBytes(`/api/index/map?method=${method}`));
    state.method = method;
    complain("");
    state.map.home();
    say(`The map shows ${state.map.points.count} entries.`);
  } catch (error) {
    complain(error.message);
    byId("map-count").textContent = "";
    byId("map-method").value = state.method ?? "pca";
  }
}

function pick(i) {
  const entry = state.map.points.entry(i);
  say(`Playing ${baseName(entry.file)} at ${clock(entry.time_s)}.`);
  clips.toggle(entry);
}

function hover(i, x, y) {
  const box = byId("map-hover");
  box.hidden = i < 0;
  if (i < 0) return;
  const entry = state.map.points.entry(i);
  const picture = element("img", { src: urls.entryThumbnail(entry.entry), alt: "" });
  picture.addEventListener("error", () => picture.replaceWith(icon(entry.kind)));
  box.replaceChildren(picture, element("p", { class: "match-name" }, baseName(entry.file)),
    element("p", { class: "soft" }, `${entry.kind} at ${clock(entry.time_s, true)}`));
  const { clientWidth: width, clientHeight: height } = byId("map");
  box.style.left = `${Math.max(0, Math.min(x + 14, width - box.offsetWidth))}px`;
  box.style.top = `${Math.max(0, y + 14 + box.offsetHeight > height ? y - 14 - box.offsetHeight : y + 14)}px`;
}

/** Lists what is near the centre once the map rests. */
function soonList() {
  clearTimeout(waiting);
  waiting = setTimeout(list, 250);
}

function list() {
  const { map } = state;
  if (!map.points) return;
  // What is looked for in half of what is in sight, and farther where that is too little.
  let near = [];
  for (const reach of [0.5, 1, 4])
    if (near.length < NEAR) near = map.points.near(map.x, map.y, NEAR, reach / map.zoom, map.shown);
  const total = map.points.count.toLocaleString("en");
  byId("map-count").textContent = `${total} entries, ${(map.inSight ?? 0).toLocaleString("en")} in sight.`;
  if (shownNear === near.join()) return;
  shownNear = near.join();
  byId("near").replaceChildren(...near.map((i) => card(map.points.entry(i))));
}
