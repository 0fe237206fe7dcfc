// Heatmaps in time: probabilities at moments, linear between them, as avnet/pages/localization.py draws them.

import { bytesOf } from "../dom.js";
import { TURBO } from "./turbo.js";

// Longer side of the canvas that the browser then scales smoothly.
const SIDE = 240;
// At the threshold the colours are so strong, of what they are at 1; below it they fade out over so much probability.
const WEAKEST = 0.45;
const FADE = 0.12;

export class Heatmaps {
  constructor() {
    this.moments = []; // {time_s, grid: Uint8Array, peak, x, y, verdict, audible}, in order of time
    this.rows = this.columns = 0;
    this.complete = false;
  }

  /** Adds what a `moments` event brought. */
  add({ times, rows, columns, heatmaps, verdicts }) {
    const [bytes, size] = [bytesOf(heatmaps), rows * columns];
    Object.assign(this, { rows, columns });
    times.forEach((time_s, i) => {
      this.moments.push({ ...verdicts[i], time_s, grid: bytes.subarray(i * size, (i + 1) * size) });
    });
    this.moments.sort((a, b) => a.time_s - b.time_s);
  }

  /** The step between moments, seconds; 0 for a single one. */
  get step() {
    const { moments } = this;
    return moments.length > 1 ? (moments.at(-1).time_s - moments[0].time_s) / (moments.length - 1) : 0;
  }

  /** Until when it is known what the picture shows. */
  get until() {
    return this.complete ? Infinity : this.moments.length ? this.moments.at(-1).time_s + this.step / 2 : 0;
  }

  /** Index of the moment nearest to a time; -1 where there is none yet. */
  indexAt(time) {
    const { moments } = this;
    if (!moments.length || time > this.until) return -1;
    let [low, high] = [0, moments.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (moments[middle].time_s <= time) low = middle;
      else high = middle;
    }
    return time - moments[low].time_s <= moments[high].time_s - time ? low : high;
  }

  momentAt(time) {
    return this.moments[this.indexAt(time)] ?? null;
  }

  /** Probabilities at a time, float [rows * columns], or null where they are not known yet. */
  at(time) {
    const { moments } = this;
    const nearest = this.indexAt(time);
    if (nearest < 0) return null;
    const low = moments[nearest].time_s > time ? Math.max(0, nearest - 1) : nearest;
    const high = Math.min(low + 1, moments.length - 1);
    const span = moments[high].time_s - moments[low].time_s;
    const weight = span ? Math.min(1, Math.max(0, (time - moments[low].time_s) / span)) : 0;
    const [a, b] = [moments[low].grid, moments[high].grid];
    return Float32Array.from(a, (value, i) => ((1 - weight) * value + weight * b[i]) / 255);
  }
}

/**
 * Paints probabilities: bilinear between the middles of cells and constant beyond them, then coloured, so that the
 * same colour means the same belief everywhere.
 *
 * @param canvas gets the given ratio of width to height.
 * @param fade over so much probability below the threshold the colours vanish.
 * @param grid float [rows * columns] in [0, 1], or null for nothing.
 */
export function paint(canvas, grid, rows, columns, ratio, opacity, threshold, fade = FADE) {
  const width = Math.round(ratio >= 1 ? SIDE : SIDE * ratio);
  const height = Math.round(ratio >= 1 ? SIDE / ratio : SIDE);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!grid) return context.clearRect(0, 0, width, height);
  const image = context.createImageData(width, height);
  const strength = Float32Array.from({ length: 256 }, (_, i) => strengthOf(i / 255, threshold, fade));
  const [across, down] = [places(width, columns), places(height, rows)];
  for (let y = 0, at = 0; y < height; y++) {
    const [top, bottom, v] = [down.low[y] * columns, down.high[y] * columns, down.weight[y]];
    for (let x = 0; x < width; x++, at += 4) {
      const [left, right, u] = [across.low[x], across.high[x], across.weight[x]];
      const upper = grid[top + left] * (1 - u) + grid[top + right] * u;
      const lower = grid[bottom + left] * (1 - u) + grid[bottom + right] * u;
      const p = upper * (1 - v) + lower * v;
      const step = Math.round(255 * p);
      const turbo = 3 * step;
      image.data[at] = TURBO[turbo];
      image.data[at + 1] = TURBO[turbo + 1];
      image.data[at + 2] = TURBO[turbo + 2];
      image.data[at + 3] = 255 * opacity * strength[step];
    }
  }
  context.putImageData(image, 0, 0);
}

/** How strong the colour of a probability is, in [0, 1]. */
export function strengthOf(p, threshold, fade = FADE) {
  if (p < threshold) return WEAKEST * Math.max(0, 1 - (threshold - p) / fade);
  return WEAKEST + (1 - WEAKEST) * (threshold < 1 ? (p - threshold) / (1 - threshold) : 1);
}

/** For each pixel the cells to its sides and the weight of the second. */
function places(pixels, cells) {
  const [low, high, weight] = [new Uint16Array(pixels), new Uint16Array(pixels), new Float32Array(pixels)];
  for (let i = 0; i < pixels; i++) {
    const at = Math.min(cells - 1, Math.max(0, ((i + 0.5) * cells) / pixels - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(low[i] + 1, cells - 1);
    weight[i] = at - low[i];
  }
  return { low, high, weight };
}

/** Paints the scale of colours into a canvas of 256 by 1. */
export function paintScale(canvas) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(256, 1);
  for (let i = 0; i < 256; i++) image.data.set([TURBO[3 * i], TURBO[3 * i + 1], TURBO[3 * i + 2], 255], 4 * i);
  context.putImageData(image, 0, 0);
}
