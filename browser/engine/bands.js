// Tiles laid on each other from top to bottom. What no later tile can reach is handed on, so that
// only a band of the picture stands in memory as numbers.

import { weights } from "./tiles.js";

export class Bands {
  // rows: spans of all tile rows; take(first, planes, height) gets finished rows of the result.
  constructor({ rows, width, channels, scale, take }) {
    Object.assign(this, { rows, width: width * scale, channels, scale, take });
    this.at = 0;
    this.first = 0;
    this.open();
  }

  open() {
    const { stop } = this.rows[this.at];
    const kept = this.planes;
    const height = stop * this.scale - this.first;
    this.height = height;
    this.planes = Array.from({ length: this.channels }, (_, channel) => {
      const plane = new Float32Array(height * this.width);
      if (kept) plane.set(kept[channel]);
      return plane;
    });
  }

  // A restored tile: planes one after the other.
  add(values, column) {
    const row = this.rows[this.at];
    const down = weights(row, this.scale);
    const across = weights(column, this.scale);
    const height = down.length;
    const width = across.length;
    const top = row.start * this.scale - this.first;
    const left = column.start * this.scale;
    for (let channel = 0; channel < this.channels; channel += 1) {
      const plane = this.planes[channel];
      for (let y = 0; y < height; y += 1) {
        const from = (channel * height + y) * width;
        const to = (top + y) * this.width + left;
        for (let x = 0; x < width; x += 1) plane[to + x] += values[from + x] * (down[y] * across[x]);
      }
    }
  }

  // The row of tiles is complete.
  next() {
    const last = this.at + 1 === this.rows.length;
    const until = last ? this.height : this.rows[this.at + 1].start * this.scale - this.first;
    const cut = until * this.width;
    this.take(this.first, this.planes.map((plane) => plane.subarray(0, cut)), until);
    this.planes = this.planes.map((plane) => plane.slice(cut));
    this.first += until;
    this.at += 1;
    if (!last) this.open();
  }
}
