// Search by images, sounds, videos, moments and entries of the index, alone or combined.

import { get, post, urls } from "../api.js";
import { button, byId, complain, element, icon, say, sayWhyNot } from "../dom.js";
import { Intake } from "../intake/intake.js";
import { clips } from "../map/clips.js";
import { note } from "../route.js";
import { baseName, clock } from "../words.js";

const PARTS = { both: "frame and sound", image: "frame only", sound: "sound only" };

/** Queries: {media | entry, name, kind, at, part, weight}; tests look at them. */
export const state = { queries: [], answers: [] };
let intake, running;

export function start() {
  intake = new Intake(byId("search-intake"), byId("search-pending"), (media) => {
    return addMedium(media, null);
  });
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
}

export function show(params, status) {
  intake.activate();
  const off = byId("search-off");
  sayWhyNot(off, status.can.search, status.lanes.search,
    "There is nothing to search: start avnet serve with --index, and the folder of an index.");
  byId("search-body").hidden = !off.hidden;
  if (!off.hidden) return;
  const kept = params.get("q");
  if (kept && !state.queries.length) restore(kept);
}

/** Queries of an address that was reloaded or shared between tabs. */
async function restore(kept) {
  try {
    const queries = JSON.parse(kept);
    if (!Array.isArray(queries)) return;
    state.queries = queries;
    // What has expired is said before the search says it of one.
    await Promise.all(queries.filter((query) => query.media).map((query) => get(`/api/media/${query.media}`)));
    change();
  } catch {
    state.queries = [];
    complain("The files of that search are no longer there; give them again.");
    note("search", {});
  }
}

/** Adds a query and searches. */
function add(query) {
  state.queries.push(query);
  return change();
}

/** Searches also with a medium, or with a moment of it. */
export function addMedium({ id, name, kind, has_sound: whole }, at) {
  const part = { image: "image", sound: "sound" }[kind] ?? (whole ? "both" : "image");
  return add({ media: id, name, kind, at, part, weight: 1, whole });
}

/** Searches with one entry of the index alone. */
export function like(entry, weight = 1) {
  const query = { entry: entry.entry, name: baseName(entry.file), kind: entry.kind, at: entry.time_s, weight };
  if (weight > 0) state.queries = [query];
  else state.queries.push(query);
  location.hash = "#search";
  return change();
}

function change() {
  const { queries } = state;
  byId("no-chips").hidden = queries.length > 0;
  // Whoever works with the keyboard stays where they are.
  const controls = () => [...byId("chips").querySelectorAll("button, select")];
  const at = controls().indexOf(document.activeElement);
  byId("chips").replaceChildren(...queries.map(chip));
  if (at >= 0) controls()[at]?.focus();
  note("search", { q: queries.length ? JSON.stringify(queries) : "" });
  return queries.length ? search() : byId("answers").replaceChildren();
}

function chip(query) {
  const minus = query.weight < 0;
  const picture = query.kind !== "sound";
  const source = query.media ? urls.thumbnail(query.media, query.at, 96) : urls.entryThumbnail(query.entry, 96);
  const sign = button(minus ? "−" : "+", () => {
    query.weight = -query.weight;
    change();
  }, {
    class: "sign",
    "aria-label": minus ? `Less like ${query.name}; make it more` : `More like ${query.name}; make it less`,
  });
  const options = Object.entries(PARTS).map(([value, text]) =>
    element("option", { value, selected: value === query.part }, text));
  const part = query.whole && query.kind === "video" && element("select", {
    "aria-label": `What of ${query.name}`, on: { change: ({ target }) => ((query.part = target.value), change()) },
  }, ...options);
  const away = button("", () => {
    state.queries = state.queries.filter((other) => other !== query);
    change();
    (byId("chips").querySelector("button") ?? byId("search-title")).focus();
  }, { class: "round small", "aria-label": `Remove ${query.name}` });
  away.append(icon("close"));
  return element("li", { class: minus ? "chip minus" : "chip" }, sign,
    picture ? element("img", { src: source, alt: "" }) : icon("sound"),
    element("span", { class: "chip-name" }, query.name),
    query.at !== null && element("span", { class: "soft" }, clock(query.at, true)), part, away);
}

function wanted() {
  const number = (id) => (byId(id).value === "" ? null : Number(byId(id).value));
  const queries = state.queries.map(({ media, entry, at, part, weight }) =>
    media ? { media, at, part, weight } : { entry, weight });
  return {
    queries, kind: byId("search-kind").value, k: number("search-k") ?? 24, per_file: 1,
    source: byId("search-source").value.trim(), after_s: number("search-after"), before_s: number("search-before"),
  };
}

async function search() {
  if (!state.queries.length) return complain("Give something to search with first.");
  complain("");
  running?.abort();
  const mine = (running = new AbortController());
  byId("answers").setAttribute("aria-busy", "true");
  try {
    const { answers, took_ms } = await post("/api/searches", wanted(), mine.signal);
    state.answers = answers;
    showAnswers(answers, took_ms);
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message);
  } finally {
    if (mine === running) byId("answers").removeAttribute("aria-busy");
  }
}

function showAnswers(answers, took) {
  const parts = answers.map(({ query, matches }) => {
    const title = answers.length > 1 ? `Answers to the ${query?.kind ?? "query"}` : "Answers";
    const found = `${matches.length} ${matches.length === 1 ? "match" : "matches"}`;
    const count = `${found} in ${Math.max(1, Math.round(took))} ms`;
    return element("section", {}, element("h2", {}, title),
      element("p", { class: "soft" }, matches.length ? count : "Nothing matches."),
      element("ol", { class: "grid" }, ...matches.map((match) => card(match))));
  });
  const inside = byId("answers").contains(document.activeElement);
  byId("answers").replaceChildren(...parts);
  if (inside) byId("search-title").focus();
  const all = answers.flatMap(({ matches }) => matches);
  const first = all[0] ? ` The best is ${baseName(all[0].file)} at ${clock(all[0].time_s)}.` : "";
  say(`${all.length} matches.${first}`);
}

/** A match or a point of the map: frame, sound, and what can be done with it. */
export function card(match) {
  const name = baseName(match.file);
  const at = clock(match.time_s, true);
  const p = match.probability ?? null;
  const tile = element("div", { class: "tile", "data-kind": match.kind });
  const picture = element("img", { src: urls.entryThumbnail(match.entry), alt: "", loading: "lazy" });
  picture.addEventListener("error", () => picture.replaceWith(icon(match.kind === "sound" ? "sound" : "image")));
  const label = `Play ${name} at ${at}`;
  const play = button("", () => clips.toggle(match, play), { class: "round play", "aria-label": label });
  play.append(icon("play"));
  tile.append(picture, !match.missing && play, element("span", { class: "badge" }, icon(match.kind), match.kind));
  const cosine = match.score === undefined ? "" : `score ${match.score.toFixed(2)}`;
  const score = p === null ? cosine : `probability ${p.toFixed(2)}`;
  return element("li", { class: "match", "data-entry": match.entry }, tile,
    element("p", { class: "match-name", title: match.file }, name),
    element("p", { class: "soft" }, [at, score, match.missing && "the file is gone"].filter(Boolean).join(" · ")),
    element("div", { class: "row" },
      button("More like this", () => like(match), { class: "small", "aria-label": `More like ${name} at ${at}` }),
      button("Less", () => like(match, -1), { class: "small", "aria-label": `Less like ${name} at ${at}` })));
}
