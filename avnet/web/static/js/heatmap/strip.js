// The strip under the player: how probable it is, moment by moment, that something in the picture sounds; a slider.

import { color, fitted, onColors } from "../dom.js";
import { clock, heard, HERE, momentSentence, SILENCE, stretches, verdictAt } from "../words.js";

export class Strip {
  /**
   * @param root the element with the role of a slider, with a canvas inside.
   * @param onSeek is told where to go, seconds.
   */
  constructor(root, onSeek) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.onSeek = onSeek;
    this.heatmaps = null;
    this.duration = this.time = 0;
    this.threshold = 0.5;
    this.dirty = false;
    root.addEventListener("pointerdown", (event) => {
      root.setPointerCapture(event.pointerId);
      this.pointTo(event);
    });
    root.addEventListener("pointermove", (event) => event.buttons && this.pointTo(event));
    root.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.change()).observe(root);
    onColors(() => this.change());
  }

  /** Takes new values of its attributes and is drawn again with the next frame. */
  change(values = {}) {
    Object.assign(this, values);
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      this.draw();
      this.tell();
    });
  }

  pointTo(event) {
    const { left, width } = this.root.getBoundingClientRect();
    this.onSeek(Math.min(1, Math.max(0, (event.clientX - left) / width)) * this.duration);
  }

  key(event) {
    const to = this.target(event.key);
    if (to === null) return;
    event.preventDefault();
    this.onSeek(Math.min(this.duration, Math.max(0, to)));
  }

  /** Where a key leads, seconds, or null for others. */
  target(key) {
    const step = this.heatmaps?.step || 0.5;
    const moments = this.heatmaps?.moments ?? [];
    const starts = stretches(moments, this.threshold, this.duration).map((stretch) => stretch.from);
    switch (key) {
      case "ArrowRight": case "ArrowUp": return this.time + step;
      case "ArrowLeft": case "ArrowDown": return this.time - step;
      case "PageDown": return starts.find((start) => start > this.time + 0.05) ?? this.duration;
      case "PageUp": return starts.findLast((start) => start < this.time - 0.05) ?? 0;
      case "Home": return 0;
      case "End": return this.duration;
      default: return null;
    }
  }

  tell() {
    const moment = this.heatmaps?.momentAt(this.time);
    const says = moment ? `${momentSentence(moment, this.threshold)} ${heard(moment.audible)}` : "Not computed yet.";
    this.root.setAttribute("aria-valuemax", this.duration.toFixed(2));
    this.root.setAttribute("aria-valuenow", this.time.toFixed(2));
    this.root.setAttribute("aria-valuetext", `${clock(this.time, true)} of ${clock(this.duration)}. ${says}`.trim());
  }

  draw() {
    const { context, width, height } = fitted(this.canvas);
    context.clearRect(0, 0, width, height);
    if (!this.duration) return;
    const x = (time) => (Math.min(Math.max(time, 0), this.duration) / this.duration) * width;
    const base = height - 3;
    const y = (p) => base - p * (base - 4);
    const moments = this.heatmaps?.moments ?? [];
    const half = (this.heatmaps?.step || this.duration * 2) / 2;
    const [accent, soft, line] = [color("--accent"), color("--soft"), color("--line")];
    const nowhere = hatch(context, soft);
    const last = this.heatmaps?.complete ? moments.length - 1 : -1;
    for (const [i, moment] of moments.entries()) {
      // What is beyond the first and the last moment is as they are.
      const left = i === 0 ? 0 : x(moment.time_s - half);
      const right = i === last ? width : x(moment.time_s + half);
      // A hair between bars where there is room for one.
      const wide = Math.max(right - left - (right - left > 4 ? 1 : 0), 0.75);
      const verdict = verdictAt(moment, this.threshold);
      if (verdict === SILENCE) {
        context.fillStyle = soft;
        context.fillRect(left, base - 2, wide, 2);
        continue;
      }
      context.fillStyle = verdict === HERE ? accent : nowhere;
      context.fillRect(left, y(moment.peak), wide, base - y(moment.peak));
      if (verdict !== HERE) {
        context.fillStyle = soft;
        context.fillRect(left, y(moment.peak), wide, 1);
      }
    }
    context.fillStyle = line;
    context.fillRect(0, base, width, 1);
    context.strokeStyle = color("--ink");
    context.globalAlpha = 0.45;
    context.setLineDash([4, 4]);
    context.beginPath();
    context.moveTo(0, y(this.threshold));
    context.lineTo(width, y(this.threshold));
    context.stroke();
    context.globalAlpha = 1;
    context.setLineDash([]);
    context.fillStyle = color("--ink");
    context.beginPath();
    context.roundRect(Math.min(Math.max(x(this.time) - 1.5, 0), width - 3), 0, 3, height, 1.5);
    context.fill();
  }
}

/** Slanting lines, for what is not here: told from what is without a colour. */
function hatch(context, ink) {
  const tile = new OffscreenCanvas(6, 6);
  const pen = tile.getContext("2d");
  pen.strokeStyle = ink;
  pen.lineWidth = 1.1;
  pen.beginPath();
  for (const start of [-6, 0, 6]) {
    pen.moveTo(start, 6);
    pen.lineTo(start + 6, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}
