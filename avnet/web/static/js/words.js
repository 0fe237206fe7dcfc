// Times, places and verdicts in words.

export const HERE = "sounds here";
export const NOWHERE = "nothing here makes this sound";
export const SILENCE = "silence";

/** 75.25 -> "1:15", or "1:15.2" with tenths. */
export function clock(seconds, tenths = false) {
  const total = tenths ? Math.floor(seconds * 10 + 1e-6) / 10 : Math.floor(seconds + 1e-6);
  const minutes = Math.floor(total / 60);
  const rest = (total - 60 * minutes).toFixed(tenths ? 1 : 0);
  return `${minutes}:${rest.padStart(tenths ? 4 : 2, "0")}`;
}

/** Where a point lies, from fractions of width and height; as avnet/web/tasks/sentences.py says it. */
export function place(x, y) {
  const across = side(x);
  const up = y < 1 / 3 ? "upper" : y > 2 / 3 ? "lower" : "";
  return ["the", up, across === "middle" && !up ? "middle" : across].filter(Boolean).join(" ");
}

const side = (x) => (x < 1 / 3 ? "left" : x > 2 / 3 ? "right" : "middle");

/** What a moment says at a threshold; silence stays silence. */
export const verdictAt = (moment, threshold) =>
  moment.verdict === SILENCE ? SILENCE : moment.peak >= threshold ? HERE : NOWHERE;

export function heard(audible) {
  const names = Object.entries(audible ?? {}).map(([name, p]) => `${name} (${p.toFixed(2)})`);
  return names.length ? `Heard: ${names.join(", ")}.` : "";
}

/** One moment as a sentence. */
export function momentSentence(moment, threshold) {
  const verdict = verdictAt(moment, threshold);
  if (verdict === SILENCE) return "Silence.";
  const p = `probability ${moment.peak.toFixed(2)}`;
  if (verdict === NOWHERE) return `Nothing in the picture makes this sound (${p}).`;
  return `The sound comes from ${place(moment.x, moment.y)} (${p}).`;
}

// Over so many seconds to each side it is told where a sound comes from, and a shorter stretch at another place is
// no news.
const AROUND_S = 1;
const SHORT_S = 1.5;

/** Neighbouring moments of one verdict and, where something sounds, of one side of the picture. */
export function stretches(moments, threshold, end) {
  const verdicts = moments.map((moment) => verdictAt(moment, threshold));
  let found = [];
  moments.forEach((moment, i) => {
    const [verdict, last] = [verdicts[i], found.at(-1)];
    const at = verdict === HERE ? side(usually(moments, verdicts, i)) : "";
    if (last?.verdict === verdict && last.at === at) last.moments.push(moment);
    else found.push({ verdict, at, moments: [moment] });
  });
  const length = ({ moments: some }) => some.at(-1).time_s - some[0].time_s;
  found = found.reduce((kept, one) => {
    const last = kept.at(-1);
    const short = last && Math.min(length(one), length(last)) < SHORT_S;
    const joins = last?.verdict === one.verdict && (last.at === one.at || short);
    if (!joins) return [...kept, one];
    if (length(one) > length(last)) last.at = one.at;
    last.moments.push(...one.moments);
    return kept;
  }, []);
  // Each begins half-way between its first moment and the one before.
  found.forEach((one, i) => {
    const before = found[i - 1]?.moments.at(-1);
    one.from = before ? (before.time_s + one.moments[0].time_s) / 2 : 0;
    if (i) found[i - 1].to = one.from;
  });
  if (found.length) found.at(-1).to = Math.max(end, found.at(-1).moments.at(-1).time_s);
  return found;
}

/** Where around a moment the sound comes from, of the width. */
function usually(moments, verdicts, i) {
  let [sum, weight] = [0, 0];
  const add = (j) => {
    if (verdicts[j] !== HERE) return;
    sum += moments[j].peak * moments[j].x;
    weight += moments[j].peak;
  };
  for (let j = i; j >= 0 && moments[i].time_s - moments[j].time_s <= AROUND_S; j--) add(j);
  for (let j = i + 1; j < moments.length && moments[j].time_s - moments[i].time_s <= AROUND_S; j++) add(j);
  return weight ? sum / weight : moments[i].x;
}

export function stretchSentence({ verdict, at, moments, from, to }) {
  // Of less than a second, whole ones would say nothing.
  const tenths = Math.round(from) === Math.round(to);
  const say = (time) => (tenths ? clock(time, true) : clock(Math.round(time)));
  const span = `From ${say(from)} to ${say(to)}`;
  if (verdict === SILENCE) return `${span} there is silence.`;
  const best = moments.reduce((a, b) => (b.peak > a.peak ? b : a));
  const [name] = Object.keys(best.audible ?? {});
  const probably = name ? `, probably “${name}”` : "";
  if (verdict === NOWHERE) return `${span} nothing in the picture makes the sound${probably}.`;
  return `${span} the sound${probably}${probably && ","} comes from the ${at}.`;
}

/** "2 of 5 moments" of a progress event. */
export function progressWords({ task, count, total, unit }) {
  const done = total ? `${count} of ${total}` : `${count}`;
  return `${task}: ${done} ${unit ?? ""}`.trim();
}

const UNITS = ["bytes", "kB", "MB", "GB"];
export function size(bytes) {
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${UNITS[power]}`;
}

/** The last part of a path. */
export const baseName = (path) => path.split(/[\\/]/).at(-1) || path;
