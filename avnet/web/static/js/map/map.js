// The map of an index on a canvas: pan, zoom, point at. Density is counted pixel by pixel, so that 100,000 points
// take a few milliseconds; few points are drawn as discs and diamonds.

import { color, fitted, onColors } from "../dom.js";
import { IMAGE } from "./points.js";

const [NEAREST, FARTHEST] = [400, 0.8];
// So few points in sight are drawn with their shapes.
const FEW = 1500;

export class PointMap {
  /**
   * @param root focusable, with a canvas inside.
   * @param on `hover(i or -1, x, y)`, `pick(i)`, `move()`.
   */
  constructor(root, on) {
    Object.assign(this, { root, on, canvas: root.querySelector("canvas"), points: null, shown: [true, true] });
    this.hovered = -1;
    this.frames = []; // milliseconds that the last drawings took; tests report them
    this.home();
    this.listen();
    new ResizeObserver(() => this.change()).observe(root);
    onColors(() => this.change());
  }

  home() {
    Object.assign(this, { x: 0, y: 0, zoom: 1 });
    this.change();
  }

  /** Pixels of one unit of the map. */
  get scale() {
    return (Math.min(this.root.clientWidth, this.root.clientHeight) / 2.1) * this.zoom;
  }

  change(values = {}) {
    Object.assign(this, values);
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      const start = performance.now();
      this.draw();
      this.frames.push(performance.now() - start);
      if (this.frames.length > 240) this.frames.shift();
      this.on.move();
    });
  }

  /** Place on the map of a pixel. */
  placeOf(px, py) {
    const { clientWidth: width, clientHeight: height } = this.root;
    return [this.x + (px - width / 2) / this.scale, this.y - (py - height / 2) / this.scale];
  }

  pixelOf(i) {
    const { clientWidth: width, clientHeight: height } = this.root;
    const { points, scale } = this;
    return [width / 2 + (points.x[i] - this.x) * scale, height / 2 - (points.y[i] - this.y) * scale];
  }

  /** The point under a pixel, or -1. */
  at(px, py, reach = 14) {
    if (!this.points) return -1;
    return this.points.near(...this.placeOf(px, py), 1, reach / this.scale, this.shown)[0] ?? -1;
  }

  zoomBy(factor, px = this.root.clientWidth / 2, py = this.root.clientHeight / 2) {
    const [x, y] = this.placeOf(px, py);
    this.zoom = Math.min(NEAREST, Math.max(FARTHEST, this.zoom * factor));
    const [nowX, nowY] = this.placeOf(px, py);
    this.moveTo(this.x + x - nowX, this.y + y - nowY);
  }

  panBy(dx, dy) {
    this.moveTo(this.x - dx / this.scale, this.y + dy / this.scale);
  }

  moveTo(x, y) {
    const inside = (value) => Math.min(1.1, Math.max(-1.1, value));
    this.change({ x: inside(x), y: inside(y) });
  }

  listen() {
    const { root } = this;
    const fingers = new Map();
    let moved = 0;
    root.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { left, top } = root.getBoundingClientRect();
      const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018));
      this.zoomBy(factor, event.clientX - left, event.clientY - top);
    }, { passive: false });
    root.addEventListener("pointerdown", (event) => {
      root.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
      moved = 0;
    });
    root.addEventListener("pointermove", (event) => {
      const { left, top } = root.getBoundingClientRect();
      const before = fingers.get(event.pointerId);
      if (!before) return this.hover(event.clientX - left, event.clientY - top);
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      if (other) {
        const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
        const middle = [(event.clientX + other.clientX) / 2 - left, (event.clientY + other.clientY) / 2 - top];
        this.zoomBy(apart(event) / Math.max(1, apart(before)), ...middle);
      } else this.panBy(event.clientX - before.clientX, event.clientY - before.clientY);
      moved += Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY);
      fingers.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel"])
      root.addEventListener(name, (event) => {
        const { left, top } = root.getBoundingClientRect();
        const picked = name === "pointerup" && moved < 5 ? this.at(event.clientX - left, event.clientY - top) : -1;
        fingers.delete(event.pointerId);
        if (picked >= 0) this.on.pick(picked);
      });
    root.addEventListener("pointerleave", () => this.hover(-1e6, -1e6));
    root.addEventListener("keydown", (event) => this.key(event));
  }

  hover(px, py) {
    const i = this.at(px, py);
    if (i === this.hovered) return;
    this.hovered = i;
    this.on.hover(i, ...(i >= 0 ? this.pixelOf(i) : [0, 0]));
    this.change();
  }

  key(event) {
    const step = 60;
    const middle = () => {
      const i = this.points ? this.points.near(this.x, this.y, 1, 4, this.shown)[0] : undefined;
      if (i !== undefined) this.on.pick(i);
    };
    const actions = {
      ArrowLeft: () => this.panBy(step, 0), ArrowRight: () => this.panBy(-step, 0),
      ArrowUp: () => this.panBy(0, step), ArrowDown: () => this.panBy(0, -step),
      "+": () => this.zoomBy(1.4), "=": () => this.zoomBy(1.4), "-": () => this.zoomBy(1 / 1.4),
      0: () => this.home(), Enter: middle,
    };
    if (event.ctrlKey || event.altKey || event.metaKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  draw() {
    const { context, width, height, ratio } = fitted(this.canvas, 1.5);
    context.clearRect(0, 0, width, height);
    if (!this.points || !width) return;
    const inks = [color("--point-image"), color("--point-sound")];
    const inSight = this.density(context, ratio, inks);
    this.inSight = inSight.length;
    if (inSight.length < FEW) this.shapes(context, inSight, inks);
    if (this.hovered >= 0) this.mark(context, this.hovered);
    context.strokeStyle = color("--line-strong");
    context.lineWidth = 1;
    context.beginPath();
    for (const [dx, dy] of [[-7, 0], [7, 0], [0, -7], [0, 7]]) {
      context.moveTo(width / 2 + dx * 0.4, height / 2 + dy * 0.4);
      context.lineTo(width / 2 + dx, height / 2 + dy);
    }
    context.stroke();
  }

  /** Counts the points at each pixel and colours what is many; gives those in sight. */
  density(context, ratio, inks) {
    const { width, height } = this.canvas;
    const { count, x, y, kind } = this.points;
    if (this.counts?.[0].length !== width * height) this.counts = inks.map(() => new Uint16Array(width * height));
    for (const counts of this.counts) counts.fill(0);
    const scale = this.scale * ratio;
    const [left, top] = [width / 2 - this.x * scale, height / 2 + this.y * scale];
    if (this.seen?.length !== count) this.seen = new Uint32Array(count);
    const { seen, counts, shown } = this;
    let found = 0;
    // Plain loops: this runs for every point of every frame.
    for (let i = 0; i < count; i++) {
      if (!shown[kind[i]]) continue;
      const px = (left + x[i] * scale + 0.5) | 0;
      const py = (top - y[i] * scale + 0.5) | 0;
      if (px < 1 || py < 1 || px >= width - 1 || py >= height - 1) continue;
      seen[found++] = i;
      const of = counts[kind[i]];
      const at = py * width + px;
      of[at] += 4;
      of[at - 1] += 2;
      of[at + 1] += 2;
      of[at - width] += 2;
      of[at + width] += 2;
      of[at - width - 1] += 1;
      of[at - width + 1] += 1;
      of[at + width - 1] += 1;
      of[at + width + 1] += 1;
    }
    if (found >= FEW) this.colour(context, inks.map(rgb));
    return seen.subarray(0, found);
  }

  colour(context, [first, second]) {
    const { width, height } = this.canvas;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const [images, sounds] = this.counts;
    // How opaque so many are; beyond, all the same.
    const opacity = Float32Array.from({ length: 256 }, (_, n) => 255 * (1 - 0.955 ** n));
    for (let i = 0; i < pixels.length; i++) {
      const sum = images[i] + sounds[i];
      if (!sum) continue;
      const share = sounds[i] / sum;
      const red = first[0] + share * (second[0] - first[0]);
      const green = first[1] + share * (second[1] - first[1]);
      const blue = first[2] + share * (second[2] - first[2]);
      pixels[i] = (opacity[sum < 255 ? sum : 255] << 24) | (blue << 16) | (green << 8) | red;
    }
    context.putImageData(image, 0, 0);
  }

  shapes(context, inSight, inks) {
    const radius = inSight.length > 400 ? 3 : 4.5;
    inks.forEach((ink, kind) => {
      context.fillStyle = ink;
      context.globalAlpha = 0.85;
      context.beginPath();
      for (const i of inSight) if (this.points.kind[i] === kind) outline(context, kind, ...this.pixelOf(i), radius);
      context.fill();
    });
    context.globalAlpha = 1;
  }

  mark(context, i) {
    context.strokeStyle = color("--ink");
    context.lineWidth = 2;
    context.beginPath();
    outline(context, this.points.kind[i], ...this.pixelOf(i), 8);
    context.stroke();
  }
}

function outline(context, kind, x, y, radius) {
  if (kind === IMAGE) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  const wide = radius * 1.3;
  context.moveTo(x, y - wide);
  for (const [dx, dy] of [[wide, 0], [0, wide], [-wide, 0], [0, -wide]]) context.lineTo(x + dx, y + dy);
}

/** Red, green and blue of #rrggbb. */
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
