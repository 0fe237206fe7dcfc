// "Where is the sound?": a video, or an image and a sound, under the heatmap of what sounds.

import { get, post, remove, urls } from "../api.js";
import { button, byId, complain, element, say } from "../dom.js";
import { Heatmaps, paint, paintScale } from "../heatmap/heatmaps.js";
import { Player } from "../heatmap/player.js";
import { Strip } from "../heatmap/strip.js";
import { Intake } from "../intake/intake.js";
import { record } from "../intake/microphone.js";
import { track } from "../progress.js";
import { note } from "../route.js";
import { clock, heard, momentSentence, stretches, stretchSentence, verdictAt } from "../words.js";

const EVERYTHING = ""; // the heatmap of all that sounds, beside those of classes

/** What is shown; tests look at it. */
export const state = {
  media: null, sound: null, job: null, of: EVERYTHING, heatmaps: new Map(), grid: null, time: 0, threshold: 0.5,
  opacity: 0.75,
};
let player, strip, intake, untrack, shownStretches;

export function start({ onMoment }) {
  intake = new Intake(byId("where-intake"), byId("where-pending"), take);
  player = new Player(showTime);
  strip = new Strip(byId("strip"), (time) => player.seek(time));
  paintScale(byId("scale"));
  byId("opacity").addEventListener("input", ({ target }) => adjust({ opacity: target.value / 100 }));
  byId("threshold").addEventListener("input", ({ target }) => adjust({ threshold: target.value / 100 }));
  byId("classes").addEventListener("change", ({ target }) => adjust({ of: target.value }));
  byId("other-sound").addEventListener("click", () => byId("other-sound-file").click());
  byId("other-sound-file").addEventListener("change", ({ target }) => {
    intake.take([...target.files], lay);
    target.value = "";
  });
  byId("record-over").addEventListener("click", () => intake.from(record));
  byId("own-sound").addEventListener("click", () => {
    state.sound = null;
    run();
  });
  byId("recompute").addEventListener("click", run);
  byId("where-again").addEventListener("click", again);
  byId("search-moment").addEventListener("click", () => onMoment(state.media, player.time));
}

export async function show(params) {
  intake.activate();
  const job = params.get("job");
  if (!job || job === state.job) {
    if (state.job) remember();
    return;
  }
  try {
    const [media, sound] = await Promise.all(
      ["media", "sound"].map((name) => params.get(name) && get(`/api/media/${params.get(name)}`)));
    Object.assign(state, { media, sound });
    begin(job);
  } catch {
    complain("That result is no longer there: results are kept for a while only.");
    note("where", {});
  }
}

export function hide() {
  player.pause();
}

/** A new file: what it is decides what becomes of it. */
async function take(media) {
  if (media.kind === "sound") state.sound = media;
  else {
    // A sound that was laid over the last one goes with it; the next may have its own.
    if (media.kind === "video" && media.has_sound && state.media) state.sound = null;
    state.media = media;
  }
  if (!state.media) return hold(state.sound, "Now give the video or image that the sound shall be looked for in.");
  const needsSound = state.media.kind === "image" || !state.media.has_sound;
  if (needsSound && !state.sound) return hold(state.media, "Now give the sound that shall be looked for in it.");
  await run();
}

/** Another sound, be it that of a video, for what is shown. */
async function lay(media) {
  if (!media.has_sound) return complain(`${media.name} has no sound.`);
  state.sound = media;
  await run();
}

/** One of two is there. */
function hold(media, wanted) {
  const row = element("div", { class: "held card" },
    media.kind !== "sound" && element("img", { src: urls.thumbnail(media.id, 0, 160), alt: "" }),
    element("p", {}, element("strong", {}, media.name), ` is here. ${wanted}`));
  byId("where-pending").replaceChildren(row);
  say(`${media.name} is here. ${wanted}`);
}

async function run() {
  if (!state.media) return;
  complain("");
  if (state.job) remove(`/api/jobs/${state.job}`);
  const body = {
    media: state.media.id, sound: state.sound?.id ?? null, fps: Number(byId("where-fps").value) || null,
    threshold: state.threshold, by_class: byId("by-class").checked,
  };
  try {
    begin((await post("/api/localizations", body)).id);
  } catch (error) {
    complain(error.message);
  }
}

function begin(job) {
  untrack?.();
  Object.assign(state, { job, of: EVERYTHING, heatmaps: new Map([[EVERYTHING, new Heatmaps()]]), grid: null });
  shownStretches = "";
  for (const id of ["stretches", "files", "where-pending"]) byId(id).replaceChildren();
  byId("classes-frame").hidden = true;
  byId("where-result").hidden = false;
  byId("where-intake").classList.add("compact");
  byId("sound-name").textContent = state.sound ? state.sound.name : `Its own, of ${state.media.name}`;
  byId("own-sound").hidden = !state.sound || !state.media.has_sound;
  byId("search-moment").hidden = state.media.kind === "sound";
  player.open(state.media, state.sound);
  remember();
  refresh();
  untrack = track(byId("where-progress"), job, {
    moments: (event) => {
      player.start ??= event.times[0];
      const of = event.class ?? EVERYTHING;
      if (!state.heatmaps.has(of)) offer(of);
      state.heatmaps.get(of).add(event);
      refresh();
    },
    done: (done) => {
      for (const heatmaps of state.heatmaps.values()) heatmaps.complete = true;
      offerFiles(done.files ?? {});
      refresh();
      say(`Done. ${summary()}`);
    },
    failed: () => forget(),
    cancelled: () => forget(),
    gone: () => note("where", {}),
  });
}

function remember() {
  note("where", { job: state.job, media: state.media?.id, sound: state.sound?.id });
}

/** The job came to nothing; what it had found until then stays in sight. */
function forget() {
  state.job = null;
  note("where", {});
  if (!state.heatmaps.get(EVERYTHING).moments.length) byId("where-result").hidden = true;
}

function again() {
  untrack?.();
  if (state.job) remove(`/api/jobs/${state.job}`);
  player.close();
  Object.assign(state, { media: null, sound: null, job: null, grid: null });
  byId("where-result").hidden = true;
  byId("where-pending").replaceChildren();
  byId("where-intake").classList.remove("compact");
  note("where", {});
  byId("where-title").focus();
}

/** Heatmaps of one more thing that is heard. */
function offer(name) {
  state.heatmaps.set(name, new Heatmaps());
  const options = [...state.heatmaps.keys()].map((of) => element("option", { value: of }, of || "all that sounds"));
  byId("classes").replaceChildren(...options);
  byId("classes").value = state.of;
  byId("classes-frame").hidden = false;
}

function offerFiles(files) {
  const says = { "overlay.mp4": "Video with the heatmap", "overlay.png": "Image with the heatmap",
    "heatmaps.npz": "Heatmaps as arrays", "scores.json": "Scores" };
  const rows = Object.entries(files).map(([name, address]) => element("li", {},
    element("a", { href: address, download: name.replaceAll("/", "-") }, says[name] ?? name),
    element("span", { class: "soft" }, ` ${name}`)));
  byId("files").replaceChildren(...rows);
}

function adjust(values) {
  Object.assign(state, values);
  byId("opacity-out").textContent = `${Math.round(100 * state.opacity)} %`;
  byId("threshold-out").textContent = state.threshold.toFixed(2);
  refresh();
}

/** Draws all again, after new moments or another threshold. */
function refresh() {
  const heatmaps = state.heatmaps.get(state.of);
  strip.change({ heatmaps, threshold: state.threshold, duration: player.duration });
  const found = heatmaps ? stretches(heatmaps.moments, state.threshold, player.duration) : [];
  const sentences = found.map(stretchSentence);
  // Not touched where nothing changed: the focus may be on one.
  if (shownStretches !== sentences.join("\n")) {
    shownStretches = sentences.join("\n");
    const rows = found.map((one, i) => element("li", { "data-verdict": one.verdict },
      button(sentences[i], () => player.seek(one.moments[0].time_s), { class: "link" })));
    byId("stretches").replaceChildren(...rows);
  }
  byId("strip").parentElement.hidden = state.media?.kind === "image" && (heatmaps?.moments.length ?? 0) < 2;
  showTime(player.time);
}

/** The heatmap and the words of a time. */
function showTime(time) {
  const heatmaps = state.heatmaps.get(state.of);
  if (!heatmaps) return;
  state.time = time;
  state.grid = heatmaps.at(time);
  paint(byId("overlay"), state.grid, heatmaps.rows, heatmaps.columns, player.ratio, state.opacity, state.threshold);
  strip.change({ time, duration: player.duration });
  const moment = heatmaps.momentAt(time);
  const now = byId("now");
  now.dataset.verdict = moment ? verdictAt(moment, state.threshold) : "";
  const words = moment ? momentSentence(moment, state.threshold) : "Not computed yet.";
  byId("now-verdict").textContent = `${clock(time, true)}  ${words}`;
  byId("now-heard").textContent = moment ? heard(moment.audible) : "";
}

function summary() {
  const sentences = shownStretches.split("\n").filter(Boolean);
  const rest = sentences.length - 4;
  return sentences.slice(0, 4).join(" ") + (rest > 0 ? ` And ${rest} more.` : "");
}
