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

/** Where a point lies, from fractions of width and height. */
export function place(x, y) {
  const across = x < 0.36 ? "on the left" : x > 0.64 ? "on the right" : "in the middle";
  const up = y < 0.3 ? ", at the top" : y > 0.7 ? ", at the bottom" : "";
  return across + up;
}

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
  return `Something here sounds, ${place(moment.x, moment.y)} (${p}).`;
}

/** Neighbouring moments of one verdict and, where something sounds, of one place. */
export function stretches(moments, threshold, end) {
  const found = [];
  const key = (moment) => {
    const verdict = verdictAt(moment, threshold);
    return verdict === HERE ? `${verdict} ${place(moment.x, 0.5)}` : verdict;
  };
  for (const moment of moments) {
    const last = found.at(-1);
    if (last?.key === key(moment)) last.moments.push(moment);
    else found.push({ key: key(moment), verdict: verdictAt(moment, threshold), moments: [moment] });
  }
  // Each begins half-way between its first moment and the one before.
  found.forEach((one, i) => {
    const before = found[i - 1]?.moments.at(-1);
    one.from = before ? (before.time_s + one.moments[0].time_s) / 2 : 0;
    if (i) found[i - 1].to = one.from;
  });
  if (found.length) found.at(-1).to = Math.max(end, found.at(-1).moments.at(-1).time_s);
  return found;
}

export function stretchSentence({ verdict, moments, from, to }) {
  // Of less than a second, whole ones would say nothing.
  const tenths = Math.round(from) === Math.round(to);
  const say = (time) => (tenths ? clock(time, true) : clock(Math.round(time)));
  const span = `From ${say(from)} to ${say(to)}`;
  if (verdict === SILENCE) return `${span} there is silence.`;
  const names = loudest(moments);
  if (verdict === NOWHERE) return `${span} nothing in the picture makes the sound${names ? ` (${names})` : ""}.`;
  const best = moments.reduce((a, b) => (b.peak > a.peak ? b : a));
  return `${span} something sounds ${place(best.x, best.y)}${names ? `: ${names}` : ""}.`;
}

function loudest(moments, most = 2) {
  const highest = new Map();
  for (const { audible } of moments)
    for (const [name, p] of Object.entries(audible ?? {})) highest.set(name, Math.max(p, highest.get(name) ?? 0));
  return [...highest].sort((a, b) => b[1] - a[1]).slice(0, most).map(([name]) => name).join(", ");
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
