// A video or an image with a sound, under its heatmap, in step with the time.

import { playable, urls } from "../api.js";
import { byId, changeIcon } from "../dom.js";
import { clock } from "../words.js";

// A sound laid over a video may be so far from it, seconds, before it is set right.
const APART = 0.08;

export class Player {
  /** @param onTime is told the time with every frame that is shown. */
  constructor(onTime) {
    this.onTime = onTime;
    this.video = byId("video");
    this.still = byId("still");
    this.other = new Audio();
    this.frame = null; // seconds of one frame
    this.clip = null; // of a medium that stands still or is silent
    for (const media of [this.video, this.other]) {
      for (const event of ["play", "pause", "seeked", "ended", "loadedmetadata", "durationchange"])
        media.addEventListener(event, () => media === this.master && this.update());
    }
    this.video.addEventListener("loadedmetadata", () => this.shape(this.video.videoWidth, this.video.videoHeight));
    this.still.addEventListener("load", () => this.shape(this.still.naturalWidth, this.still.naturalHeight));
    this.video.addEventListener("error", () => this.copy());
    byId("play").addEventListener("click", () => this.toggle());
    byId("step-back").addEventListener("click", () => this.step(-1));
    byId("step-on").addEventListener("click", () => this.step(1));
    byId("mute").addEventListener("click", () => this.mute());
    byId("fullscreen").addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else byId("player").requestFullscreen();
    });
    byId("player").addEventListener("keydown", (event) => this.key(event));
    this.stage = byId("stage");
    this.stage.addEventListener("click", () => this.toggle());
  }

  /** The one whose time counts. */
  get master() {
    return this.media?.kind === "image" ? this.other : this.video;
  }

  /** Where the clock of the file begins: its copy begins at 0. */
  get origin() {
    return this.copied && this.master === this.video ? (this.start ?? 0) : 0;
  }

  get time() {
    return (this.master.currentTime || 0) + this.origin;
  }

  get duration() {
    const { duration } = this.master;
    return Number.isFinite(duration) && duration ? duration + this.origin : (this.media?.duration_s ?? this.sound?.duration_s ?? 0);
  }

  get ratio() {
    return this.width / this.height;
  }

  /**
   * Shows a medium.
   *
   * @param media a video or an image, as the server tells of it.
   * @param sound another sound to lie over it, or null.
   */
  open(media, sound) {
    this.close();
    Object.assign(this, { media, sound, copied: false, start: null, frame: media.fps ? 1 / media.fps : null });
    this.shape(media.width || 16, media.height || 9);
    const moving = media.kind === "video";
    this.video.hidden = !moving;
    this.still.hidden = moving;
    if (moving) this.video.src = urls.file(media.id);
    else {
      this.still.src = urls.thumbnail(media.id, 0, 720);
      this.still.alt = media.name;
    }
    this.video.muted = Boolean(sound);
    if (sound?.kind === "video")
      playable(sound.id).then((address) => this.sound === sound && (this.other.src = address), () => {});
    else if (sound) this.other.src = urls.file(sound.id);
    byId("stage-note").hidden = true;
    this.update();
  }

  close() {
    for (const media of [this.video, this.other]) {
      media.pause();
      media.removeAttribute("src");
      media.load();
    }
    this.still.removeAttribute("src");
    this.media = this.sound = null;
  }

  /** What this browser does not play, the server makes a copy of. */
  async copy() {
    if (!this.media || this.copied) return;
    this.copied = true;
    const { media } = this;
    const note = byId("stage-note");
    note.textContent = "This browser does not play such files; a copy that it plays is being made.";
    note.hidden = false;
    try {
      const address = await playable(media.id);
      if (this.media !== media) return;
      note.hidden = true;
      this.video.src = address;
    } catch (error) {
      note.textContent = `It cannot be played here: ${error.message}`;
    }
  }

  shape(width, height) {
    if (!width || !height) return;
    Object.assign(this, { width, height });
    this.stage.style.setProperty("--ratio", width / height);
    this.onTime(this.time);
  }

  async toggle() {
    const { master } = this;
    if (!master.src) return;
    if (!master.paused) return this.pause();
    if (this.sound && master === this.video) {
      const { currentTime } = this.video;
      this.other.currentTime = Math.min(currentTime, this.other.duration || currentTime);
      this.other.play().catch(() => {});
    }
    // Refused where the page was not touched yet; the button is then still there.
    await master.play().catch(() => {});
    this.run();
  }

  pause() {
    this.video.pause();
    this.other.pause();
  }

  /** Follows the time while it runs. */
  run() {
    cancelAnimationFrame(this.running);
    const follow = () => {
      this.update();
      if (this.master.paused) return;
      const { currentTime } = this.video;
      if (this.master === this.video && this.sound && Math.abs(this.other.currentTime - currentTime) > APART)
        if (currentTime < (this.other.duration || 0)) this.other.currentTime = currentTime;
      this.running = requestAnimationFrame(follow);
    };
    follow();
  }

  seek(time) {
    const end = this.duration;
    const to = Math.min(Math.max(0, time), end);
    this.master.currentTime = to - this.origin;
    if (this.master === this.video && this.sound) this.other.currentTime = to - this.origin;
    this.update(to);
  }

  step(count) {
    this.pause();
    const frame = this.frame ?? 1 / 25;
    // Into the middle of a frame: at its edge, browsers differ in which of two they show.
    const index = Math.floor(this.time / frame + 1e-3) + count;
    this.seek((index + 0.5) * frame);
  }

  mute() {
    const muted = byId("mute").getAttribute("aria-pressed") !== "true";
    byId("mute").setAttribute("aria-pressed", String(muted));
    changeIcon(byId("mute"), muted ? "muted" : "volume");
    this.other.muted = muted;
    this.video.muted = muted || Boolean(this.sound);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const onButton = event.target.closest("button");
    const actions = { k: () => this.toggle(), m: () => this.mute(), ",": () => this.step(-1), ".": () => this.step(1) };
    if (!onButton) actions[" "] = () => this.toggle();
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }

  /** @param time where a seek leads, which the medium itself may not say yet. */
  update(time = this.time) {
    const playing = !this.master.paused && !this.master.ended;
    changeIcon(byId("play"), playing ? "pause" : "play");
    byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    byId("clock").textContent = `${clock(time, true)} / ${clock(this.duration)}`;
    this.onTime(time);
  }
}
