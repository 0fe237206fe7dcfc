// A job under way: how far it is, in sight and in words, and a way to cancel it.

import { follow, remove } from "./api.js";
import { button, complain, element, say } from "./dom.js";
import { progressWords } from "./words.js";

// Who listens hears of progress every so many milliseconds.
const EVERY = 6000;

/**
 * Follows a job and shows it in a card.
 *
 * @param card is hidden when the job ends.
 * @param job its id.
 * @param listeners as of `follow`; `ended(job)` is called for whatever end.
 * @returns a function that stops following, and lets the job run.
 */
export function track(card, job, listeners) {
  const words = element("p", {}, "Starting");
  const bar = element("progress", { "aria-label": "Progress" });
  const cancel = button("Cancel", () => {
    cancel.disabled = true;
    words.textContent = "Cancelling";
    remove(`/api/jobs/${job}`);
  });
  let last = Date.now() - EVERY + 1500;
  const show = (text, speak = false) => {
    words.textContent = text;
    if (!speak && Date.now() - last < EVERY) return;
    last = Date.now();
    say(`${text}.`);
  };
  const end = (name) => (ended) => {
    card.hidden = true;
    listeners[name]?.(ended);
    listeners.ended?.(ended);
  };
  card.replaceChildren(words, bar, cancel);
  card.hidden = false;
  const stop = follow(job, {
    ...listeners,
    state: (state) => {
      if (state.state === "queued") show(state.position > 0 ? `Waiting; ${state.position} before this one` : "Waiting");
      listeners.state?.(state);
    },
    progress: (progress) => {
      if (progress.total) Object.assign(bar, { max: progress.total, value: progress.count });
      else bar.removeAttribute("value");
      show(progressWords(progress));
      listeners.progress?.(progress);
    },
    done: end("done"),
    failed: (failed) => {
      const { reason, subject } = failed.error ?? {};
      complain(subject ? `${subject}: ${reason}` : reason || "It failed, and the server does not say why.");
      end("failed")(failed);
    },
    cancelled: (cancelled) => {
      say("Cancelled.");
      end("cancelled")(cancelled);
    },
    gone: () => {
      card.hidden = true;
      complain("That result is no longer there: results are kept for a while only.");
      listeners.gone?.();
    },
  });
  return () => {
    stop();
    card.hidden = true;
  };
}
