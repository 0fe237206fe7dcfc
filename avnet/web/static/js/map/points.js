// The map of an index as arrays, and which point is nearest to a place.

export const IMAGE = 0;

/** Cells to a side of the grid in which the nearest point is looked for. */
const CELLS = 160;

export class Points {
  /** @param buffer what `GET /api/index/map` answers. */
  constructor(buffer) {
    const [count, length] = new Uint32Array(buffer, 0, 2);
    this.count = count;
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    this.files = header.files;
    // Slices are copies, so no array must begin at a multiple of its size.
    let at = 8 + length;
    const next = (type, bytes) => new type(buffer.slice(at, (at += bytes)));
    this.x = next(Float32Array, 4 * count);
    this.y = next(Float32Array, 4 * count);
    this.kind = next(Uint8Array, Math.ceil(count / 4) * 4).subarray(0, count);
    this.file = next(Uint32Array, 4 * count);
    this.time = next(Float32Array, 4 * count);
    this.segment = next(Uint32Array, 4 * count);
    this.row = next(Uint32Array, 4 * count);
    this.sort();
  }

  /** An entry as searches give it. */
  entry(i) {
    return {
      entry: `${this.segment[i]}-${this.row[i]}`, file: this.files[this.file[i]] ?? "", time_s: this.time[i],
      kind: this.kind[i] === IMAGE ? "image" : "sound",
    };
  }

  cell(value) {
    return Math.min(CELLS - 1, Math.max(0, Math.floor(((value + 1) / 2) * CELLS)));
  }

  /** Points in order of their cells, by counting. */
  sort() {
    const starts = new Uint32Array(CELLS * CELLS + 1);
    const cells = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      cells[i] = this.cell(this.y[i]) * CELLS + this.cell(this.x[i]);
      starts[cells[i] + 1]++;
    }
    for (let i = 0; i < CELLS * CELLS; i++) starts[i + 1] += starts[i];
    const fill = starts.slice();
    this.order = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i++) this.order[fill[cells[i]]++] = i;
    this.starts = starts;
  }

  /**
   * The nearest points to a place, the nearest first.
   *
   * @param most how many at most.
   * @param reach how far away at most.
   * @param shown kinds by number that count.
   */
  near(x, y, most, reach, shown) {
    const [left, right] = [this.cell(x - reach), this.cell(x + reach)];
    const [top, bottom] = [this.cell(y - reach), this.cell(y + reach)];
    const found = [];
    for (let row = top; row <= bottom; row++) {
      for (let k = this.starts[row * CELLS + left]; k < this.starts[row * CELLS + right + 1]; k++) {
        const i = this.order[k];
        const away = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
        if (shown[this.kind[i]] && away <= reach * reach) found.push({ i, away });
      }
    }
    return found.sort((a, b) => a.away - b.away).slice(0, most).map(({ i }) => i);
  }
}
