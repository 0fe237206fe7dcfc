// Describe: an image is described aloud or, where the model has words, in text.

import { get, post, remove, urls } from "../api.js";
import { byId, bytesOf, complain, element, say, sayWhyNot } from "../dom.js";
import { paint } from "../heatmap/heatmaps.js";
import { Intake } from "../intake/intake.js";
import { track } from "../progress.js";
import { note } from "../route.js";
import { SpeechStream } from "../speech.js";

/** Tests look at it. */
export const state = { media: null, job: null, result: null, unit: -1, seed: 0, stream: new SpeechStream() };
let intake, untrack, canTag;

export function start() {
  intake = new Intake(byId("describe-intake"), byId("describe-pending"), take);
  const speech = byId("speech");
  byId("replay").addEventListener("click", () => {
    // What was played while it was being made is the likeliest; what was chosen at the end is another file.
    state.stream.stop();
    if (speech.src !== state.speech) speech.src = state.speech;
    speech.currentTime = 0;
    speech.play().catch(() => {});
  });
  byId("stop").addEventListener("click", hide);
  byId("another").addEventListener("click", () => {
    state.seed += 1;
    run();
  });
  byId("voice").addEventListener("change", run);
  byId("unit").addEventListener("input", ({ target }) => showUnit(Number(target.value)));
  speech.addEventListener("timeupdate", () => {
    const { attention, duration_s } = state.result ?? {};
    if (attention?.units && duration_s && !speech.paused)
      showUnit(Math.min(attention.units - 1, Math.floor((speech.currentTime / duration_s) * attention.units)));
  });
  byId("describe-image").addEventListener("load", ({ target }) => {
    byId("describe-stage").style.setProperty("--ratio", target.naturalWidth / target.naturalHeight);
  });
}

export async function show(params, status) {
  intake.activate();
  canTag = status.can.tags;
  const { describe: can, tags } = status.can;
  sayWhyNot(byId("describe-off"), can, status.lanes.describe, tags
    ? "No describer was given (avnet serve --describer FOLDER), so nothing is said of an image; it gets its tags."
    : "No describer was given: start avnet serve with --describer, and its folder.");
  state.silent = !can;
  byId("describe-body").hidden = !can && !tags;
  const voices = status.describer?.voices ?? [];
  byId("voice-frame").hidden = !voices.length;
  if (byId("voice").options.length !== voices.length + 1)
    byId("voice").replaceChildren(element("option", { value: "" }, "its own"),
      ...voices.map((name) => element("option", { value: name }, name)));
  const [job, id] = [params.get("job"), params.get("media")];
  if (!id || id === state.media?.id) {
    if (state.media) note("describe", { job: state.job, media: state.media.id });
    return;
  }
  try {
    open(await get(`/api/media/${id}`));
    if (job) begin(job, false);
  } catch {
    complain("That result is no longer there: results are kept for a while only.");
    note("describe", {});
  }
}

export function hide() {
  state.stream.stop();
  byId("speech").pause();
}

async function take(media) {
  if (media.kind === "sound") return complain(`${media.name}: is a sound; give an image to describe.`);
  state.seed = 0;
  open(media);
  tag(media);
  if (!state.silent) await run();
}

function open(media) {
  Object.assign(state, { media, job: null, result: null });
  byId("describe-result").hidden = false;
  byId("describe-intake").classList.add("compact");
  for (const id of ["description", "tags-card", "neighbours-card", "alternatives-card"]) byId(id).hidden = true;
  byId("describe-image").src = urls.thumbnail(media.id, 0, 720);
  byId("describe-image").alt = media.name;
  paint(byId("attention"), null, 1, 1, 1, 0, 0);
  note("describe", { media: media.id });
}

async function tag(media) {
  if (!canTag) return;
  try {
    const { tags } = await post("/api/tags", { media: media.id, at: null });
    if (state.media === media) showTags(tags);
  } catch (error) {
    complain(error.message);
  }
}

async function run() {
  if (!state.media) return;
  complain("");
  if (state.job) remove(`/api/jobs/${state.job}`);
  const body = { media: state.media.id, at: null, voice: byId("voice").value || null,
    method: state.seed ? "sample" : "beam", seed: state.seed };
  try {
    begin((await post("/api/descriptions", body)).id, true);
  } catch (error) {
    complain(error.message);
  }
}

/** @param aloud whether it is played at once, while it is being made. */
function begin(job, aloud) {
  untrack?.();
  Object.assign(state, { job, result: null, unit: -1 });
  note("describe", { job, media: state.media.id });
  hide();
  byId("description").hidden = true;
  let heard = !aloud;
  const play = async () => {
    if (heard) return;
    heard = true;
    if (!(await state.stream.play(urls.speech(job)))) say("Press Replay to hear it.");
  };
  untrack = track(byId("describe-progress"), job, {
    speech: play,
    done: ({ result, files }) => {
      state.result = result;
      state.speech = files["speech.wav"] && new URL(files["speech.wav"], location).href;
      if (state.speech) {
        byId("speech").src = state.speech;
        play();
      }
      showResult(result);
    },
    failed: () => note("describe", { media: state.media.id }),
    cancelled: () => {
      hide();
      note("describe", { media: state.media.id });
    },
    gone: () => note("describe", {}),
  });
}

function showResult(result) {
  const words = result.text ?? "";
  byId("description").hidden = false;
  byId("words").textContent = words;
  byId("words").hidden = !words;
  const unsure = state.speech ? "It is not sure: two low tones come first." : "It is not sure.";
  const sure = result.sure === false ? unsure : "It is sure.";
  byId("confidence").textContent = `Confidence ${result.confidence.toFixed(2)}. ${sure}`;
  for (const id of ["replay", "stop"]) byId(id).hidden = !state.speech;
  byId("speech-file").parentElement.hidden = !state.speech;
  if (state.speech) byId("speech-file").href = state.speech;
  const { attention } = result;
  byId("unit-frame").hidden = !attention?.units;
  if (attention?.units) {
    attention.bytes = bytesOf(attention.maps);
    byId("unit").max = attention.units - 1;
    showUnit(0);
  }
  byId("neighbours-card").hidden = !result.neighbors?.length;
  byId("neighbours").replaceChildren(...(result.neighbors ?? []).map(({ image, similarity }) =>
    element("li", {}, image, element("span", { class: "soft" }, ` similarity ${similarity.toFixed(2)}`))));
  const others = result.alternatives?.slice(1) ?? [];
  byId("alternatives-card").hidden = !others.length;
  byId("alternatives").replaceChildren(...others.map(({ text, probability }) =>
    element("li", {}, text, element("span", { class: "soft" }, ` probability ${probability.toFixed(2)}`))));
  say(`${words ? `${words}. ` : "Described. "}Confidence ${result.confidence.toFixed(2)}.`);
}

function showTags(tags) {
  byId("tags-card").hidden = !tags.length;
  byId("tags").replaceChildren(...tags.map(({ name, probability }) => element("li", {},
    element("span", { class: "meter-name" }, name),
    element("meter", { min: 0, max: 1, value: probability, "aria-label": name }),
    element("span", { class: "number" }, probability.toFixed(2)))));
}

/** Where it looked while it said a unit, 1 where most, in the part of the image that the network sees. */
function showUnit(unit) {
  const { attention, words } = state.result;
  state.unit = unit;
  byId("unit").value = unit;
  const word = words?.length === attention.units ? `“${words[unit]}”` : `unit ${unit + 1} of ${attention.units}`;
  byId("unit-out").textContent = word;
  byId("unit").setAttribute("aria-valuetext", word);
  const size = attention.rows * attention.columns;
  const bytes = attention.bytes.subarray(unit * size, (unit + 1) * size);
  const grid = Float32Array.from(bytes, (value) => value / 255);
  const [left, top, right, bottom] = attention.box;
  const edges = { left, top, width: right - left, height: bottom - top };
  const canvas = byId("attention");
  for (const [name, share] of Object.entries(edges)) canvas.style.setProperty(`--${name}`, `${100 * share}%`);
  const { naturalWidth, naturalHeight } = byId("describe-image");
  const ratio = (edges.width / edges.height) * (naturalWidth / naturalHeight || 1);
  paint(canvas, grid, attention.rows, attention.columns, ratio, 0.55, 0.7, 0.6);
}
