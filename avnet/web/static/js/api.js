// The HTTP interface of `avnet serve`; the page uses nothing else.

/** What the server refused, in one sentence. */
export class Refusal extends Error {
  constructor(status, { reason, subject } = {}) {
    super(subject ? `${subject}: ${reason}` : reason || `The server answered ${status}.`);
    this.status = status;
  }
}

const UNREACHABLE = "The server cannot be reached; is avnet still running?";
const PATIENCE = 20;
const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function request(method, path, body, signal) {
  const options = { method, signal, headers: {} };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  for (let i = 0; ; i++) {
    try {
      response = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal(0, { reason: UNREACHABLE });
    }
    // A full queue asks to come again.
    const again = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || !again || i === PATIENCE) break;
    await wait(Math.min(again, 5));
  }
  if (!response.ok) throw new Refusal(response.status, (await response.json().catch(() => ({}))).error);
  return response;
}

export const get = async (path, signal) => (await request("GET", path, undefined, signal)).json();
export const getBytes = async (path) => (await request("GET", path)).arrayBuffer();
export const post = async (path, body, signal) => (await request("POST", path, body, signal)).json();
export const remove = (path) => request("DELETE", path).catch(() => null);

export const urls = {
  file: (media) => `/api/media/${media}/file`,
  playable: (media) => `/api/media/${media}/playable`,
  thumbnail: (media, at, side = 320) => `/api/media/${media}/thumbnail?at=${at ?? 0}&short_side=${side}`,
  entryThumbnail: (entry, side = 240) => `/api/index/entries/${entry}/thumbnail?short_side=${side}`,
  entrySound: (entry, seconds = 1) => `/api/index/entries/${entry}/sound.wav?length_s=${seconds}`,
  speech: (job) => `/api/jobs/${job}/speech.wav`,
};

/** Sends a file; `onShare` hears which share of it has gone, from 0 to 1. */
export function upload(file, { onShare = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest();
    sender.open("POST", `/api/media?name=${encodeURIComponent(file.name || "pasted")}`);
    sender.setRequestHeader("Content-Type", "application/octet-stream");
    sender.responseType = "json";
    sender.upload.onprogress = (event) => event.lengthComputable && onShare(event.loaded / event.total);
    sender.onload = () => {
      if (sender.status === 201) resolve(sender.response);
      else reject(new Refusal(sender.status, sender.response?.error));
    };
    sender.onerror = () => reject(new Refusal(0, { reason: UNREACHABLE }));
    sender.onabort = () => reject(new DOMException("Stopped", "AbortError"));
    signal?.addEventListener("abort", () => sender.abort());
    sender.send(file);
  });
}

/** The address of a copy that every browser plays, once it has been made. */
export async function playable(media, signal) {
  for (;;) {
    const response = await request("HEAD", urls.playable(media), undefined, signal).catch((error) => {
      if (error.status === 405) return request("GET", urls.playable(media), undefined, signal);
      throw error;
    });
    response.body?.cancel();
    if (response.status !== 202) return urls.playable(media);
    await wait(Number(response.headers.get("Retry-After")) || 1);
  }
}

const ENDS = ["done", "failed", "cancelled"];

/**
 * Follows a job from its first event, also after a reload or a lost connection.
 *
 * `listeners` by event: state, progress, moments, left_out, speech, done, failed, cancelled; and `gone` where the
 * server knows no such job. Gives a function that stops following.
 */
export function follow(job, listeners) {
  const source = new EventSource(`/api/jobs/${job}/events`);
  for (const name of ["state", "progress", "moments", "left_out", "speech", ...ENDS]) {
    source.addEventListener(name, (event) => {
      if (ENDS.includes(name)) source.close();
      listeners[name]?.(JSON.parse(event.data));
    });
  }
  source.onerror = () => source.readyState === EventSource.CLOSED && listeners.gone?.();
  return () => source.close();
}
