// The second of sound around an entry of the index; one plays at a time.

import { urls } from "../api.js";
import { changeIcon, complain } from "../dom.js";
import { baseName } from "../words.js";

const LENGTH_S = 2;

class Clips {
  constructor() {
    this.audio = new Audio();
    this.entry = this.played = null; // `played` is the last one; tests look at it
    for (const event of ["ended", "pause"]) this.audio.addEventListener(event, () => this.show(false));
    this.audio.addEventListener("error", () => {
      if (!this.entry) return;
      complain(`The sound of ${baseName(this.entry.file)} cannot be played.`);
      this.show(false);
    });
  }

  /** Plays an entry, or stops it where it plays; its button, where it has one, shows which. */
  async toggle(entry, button = null) {
    const stops = this.entry?.entry === entry.entry && !this.audio.paused;
    this.audio.pause();
    this.show(false);
    if (stops) return;
    Object.assign(this, { entry, button });
    this.audio.src = urls.entrySound(entry.entry, LENGTH_S);
    this.show(true);
    try {
      await this.audio.play();
      this.played = entry.entry;
    } catch (error) {
      if (error.name === "NotAllowedError") this.show(false);
    }
  }

  show(playing) {
    if (!this.button) return;
    changeIcon(this.button, playing ? "pause" : "play");
    this.button.closest(".match")?.classList.toggle("playing", playing);
  }
}

export const clips = new Clips();
