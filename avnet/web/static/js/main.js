// The views, the menu, and whether the models are ready.

import { get } from "./api.js";
import { byId, complain, say } from "./dom.js";
import { deactivate, listen } from "./intake/intake.js";
import { left, route } from "./route.js";
import * as about from "./views/about.js";
import * as archive from "./views/archive.js";
import * as browse from "./views/browse.js";
import * as describe from "./views/describe.js";
import * as search from "./views/search.js";
import * as where from "./views/where.js";

const VIEWS = { where, search, browse, describe, archive, about };
const TITLES = { where: "Where is the sound?", search: "Search", browse: "Browse", describe: "Describe",
  archive: "Archive", about: "About" };

let status = null;
let current = null;

function open(focus = true) {
  let { view, params } = route();
  if (!VIEWS[view]) view = "where";
  const changed = view !== current;
  if (changed && current) VIEWS[current].hide?.();
  if (changed) complain("");
  current = view;
  for (const name of Object.keys(VIEWS)) byId(`view-${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.href = link.dataset.view === view ? `#${view}` : left(link.dataset.view);
  }
  document.title = `${TITLES[view]} · avnet`;
  deactivate();
  // What can be shown depends on what the server can; its answer opens the view again.
  if (status) VIEWS[view].show(params, status);
  if (changed && focus) byId(`${view}-title`).focus({ preventScroll: true });
  if (changed && focus) scrollTo(0, 0);
}

const WORDS = {
  loading: "Loading the model", ready: "Ready", failed: "Not working", off: "Off", lost: "No connection",
};

function tell(state, reason) {
  const readiness = byId("readiness");
  if (readiness.dataset.state === state) return;
  const before = readiness.dataset.state;
  readiness.dataset.state = state;
  byId("readiness-text").textContent = WORDS[state];
  readiness.title = reason ?? "";
  if (state === "failed") complain(`The model cannot be used: ${reason}`);
  else if (state === "lost" || (before && state === "ready")) say(`${WORDS[state]}.`);
}

/** What the server can do and how far it is, to compare. */
const abilities = () =>
  status && JSON.stringify([status.can, Object.values(status.lanes).map((lane) => lane.state), status.index]);

let next;

async function poll() {
  clearTimeout(next);
  try {
    const before = abilities();
    status = await get("/api/status");
    // Nothing goes without files being taken in, and little without the model.
    const lanes = ["media", "localize"].map((name) => status.lanes[name]).filter(Boolean);
    const worst = ["failed", "loading", "ready"].find((state) => lanes.some((lane) => lane.state === state)) ?? "off";
    tell(worst, lanes.find((lane) => lane.state === worst)?.reason);
    document.querySelector("nav a[data-view=archive]").hidden = !status.can.index_folders;
    if (before !== abilities()) open(false);
  } catch {
    tell("lost");
  }
  const soon = !status || Object.values(status.lanes).some((lane) => lane.state === "loading");
  clearTimeout(next);
  next = setTimeout(poll, soon ? 1000 : 15000);
}

for (const view of Object.values(VIEWS))
  view.start({
    onMoment: (media, at) => {
      location.hash = "#search";
      search.addMedium(media, at);
    },
  });
document.querySelector(".skip").addEventListener("click", (event) => {
  // The address says which view is shown, so it stays.
  event.preventDefault();
  byId("content").focus();
});
listen();
addEventListener("hashchange", () => open());
document.addEventListener("avnet-index", poll);
open(false);
poll();
