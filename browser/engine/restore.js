// One decoded picture through a network, as src/rnan/inference/pictures.py does it.

import { Bands } from "./bands.js";
import { spans } from "./tiles.js";

const TILE = 576; // as much as a phone's memory holds
const OVERLAP = 96;
const FIRST = 192; // columns of the first tile beside its overlap: it is shown soon
const LEAST_SIDE = 16;
const LUMA = [0.299, 0.587, 0.114];

// Messages that came meanwhile are heard: running a network on the processor hears none.
const heard = () => new Promise((done) => setTimeout(done));

export class Cancelled extends Error {}

// Where each row (or column) of what the network sees lies in the picture: mirrored where a side is
// shorter than training has seen, continued before the first (to JPEG's blocks) and after the last
// (to a multiple that suits the network).
function places(side, before, multiple, padding) {
  const long = Math.max(side, LEAST_SIDE);
  let map = Array.from({ length: long }, (_, at) => {
    const place = at % (2 * side);
    return place < side ? place : 2 * side - 1 - place;
  });
  const front = Array.from({ length: before }, (_, at) => map[long > before ? before - at : 0]);
  map = [...front, ...map];
  const missing = padding ? (multiple - (map.length % multiple)) % multiple : 0;
  const last = map.length - 1;
  if (last >= missing) {
    for (let at = 1; at <= missing; at += 1) map.push(map[padding === "reflect" ? last - at : last]);
  }
  return Int32Array.from(map);
}

// Columns of tiles, of which the first are narrow.
export function columnsOf(length, tiling) {
  const first = Math.ceil(FIRST / tiling.grid) * tiling.grid;
  if (length <= first + 2 * OVERLAP) return spans(length, tiling);
  const stop = first + OVERLAP;
  const ramp = [first + OVERLAP / 4, stop - OVERLAP / 4];
  const moved = (pair) => pair && pair.map((edge) => edge + first);
  const others = spans(length - first, tiling).map((span) => ({ start: span.start + first, stop: span.stop + first, before: moved(span.before) ?? ramp, after: moved(span.after) }));
  return [{ start: 0, stop, before: null, after: ramp }, ...others];
}

// picture: {pixels: RGBA, width, height}. asked: {name, facts, scale, level, grid: [rows, columns],
// luma, chroma}; level is a number or a map of the picture, as the network takes it. Returns RGBA.
export async function restore(networks, picture, asked, { progress = () => {}, cancelled = () => false } = {}) {
  const { pixels, width, height } = picture;
  const { name, facts, scale = 1, level = null, grid = [0, 0], luma = 1, chroma = 1 } = asked;
  const gray = facts.channels === 1 || picture.gray;
  const [top, left] = grid.map((first) => (8 - first) % 8);
  const rows = places(height, top, facts.multiple, facts.padding);
  const columns = places(width, left, facts.multiple, facts.padding);
  const tiling = { tile: TILE, overlap: OVERLAP, grid: facts.grid };
  const down = spans(rows.length, tiling);
  const across = columnsOf(columns.length, tiling);
  const out = new Uint8ClampedArray(width * height * scale * scale * 4);
  const finish = finisher({ picture, out, scale, gray, luma, chroma, top: top * scale, left: left * scale });
  const bands = new Bands({ rows: down, width: columns.length, channels: facts.channels, scale, take: finish.rows });
  const total = down.length * across.length;
  let done = 0;
  for (const row of down) {
    for (const column of across) {
      await heard();
      if (cancelled()) throw new Cancelled("cancelled");
      const high = row.stop - row.start;
      const wide = column.stop - column.start;
      const values = gather(pixels, width, rows, columns, row, column, facts.channels, picture.luma);
      const map = typeof level === "object" && level ? gatherLevel(level, width, rows, columns, row, column) : level;
      const restored = await networks.run(name, scale, values, map, high, wide);
      bands.add(restored, column);
      done += 1;
      progress({ done, total, part: finish.part(restored, row, column) });
    }
    bands.next();
  }
  finish.alpha();
  return { pixels: out, width: width * scale, height: height * scale };
}

function gather(pixels, width, rows, columns, row, column, channels, luma) {
  const high = row.stop - row.start;
  const wide = column.stop - column.start;
  const values = new Float32Array(channels * high * wide);
  for (let y = 0; y < high; y += 1) {
    const line = rows[row.start + y] * width;
    for (let x = 0; x < wide; x += 1) {
      const place = line + columns[column.start + x];
      const at = y * wide + x;
      if (luma) for (let channel = 0; channel < channels; channel += 1) values[channel * high * wide + at] = luma[place] / 255;
      else for (let channel = 0; channel < 3; channel += 1) values[channel * high * wide + at] = pixels[4 * place + channel] / 255;
    }
  }
  return values;
}

function gatherLevel(level, width, rows, columns, row, column) {
  const high = row.stop - row.start;
  const wide = column.stop - column.start;
  const map = new Float32Array(high * wide);
  for (let y = 0; y < high; y += 1) {
    const line = rows[row.start + y] * width;
    for (let x = 0; x < wide; x += 1) map[y * wide + x] = level[line + columns[column.start + x]];
  }
  return map;
}

// Puts restored numbers into the result: channels made equal, shares taken, limited and rounded.
function finisher({ picture, out, scale, gray, luma, chroma, top, left }) {
  const { width, height, pixels } = picture;
  const wide = width * scale;
  const high = height * scale;
  const shares = luma < 1 || chroma < 1;

  // One pixel's numbers, from 0 to 255, to a place of a picture of bytes.
  function put(planes, from, bytes, to, place) {
    let red = 255 * planes[0][from];
    let green = red;
    let blue = red;
    if (planes.length === 3) {
      green = 255 * planes[1][from];
      blue = 255 * planes[2][from];
      if (gray) red = green = blue = (red + green + blue) / 3;
    }
    if (shares && place >= 0) {
      const before = (channel) => (picture.luma ? picture.luma[place] : pixels[4 * place + channel]);
      const [r, g, b] = [red - before(0), green - before(1), blue - before(2)];
      const common = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
      red = before(0) + luma * common + chroma * (r - common);
      green = before(1) + luma * common + chroma * (g - common);
      blue = before(2) + luma * common + chroma * (b - common);
    }
    bytes[to] = red; // which limits and rounds
    bytes[to + 1] = green;
    bytes[to + 2] = blue;
  }

  return {
    rows(first, planes, number) {
      const stride = planes[0].length / number;
      for (let row = 0; row < number; row += 1) {
        const y = first + row - top;
        if (y < 0 || y >= high) continue;
        for (let x = 0; x < wide; x += 1) put(planes, row * stride + x + left, out, 4 * (y * wide + x), y * wide + x);
      }
    },
    // A tile as it is, to be shown before its neighbours are there.
    part(values, row, column) {
      const tall = (row.stop - row.start) * scale;
      const broad = (column.stop - column.start) * scale;
      const size = tall * broad;
      const planes = values.length === size ? [values] : [0, 1, 2].map((channel) => values.subarray(channel * size, (channel + 1) * size));
      const shown = new Uint8ClampedArray(4 * size).fill(255);
      for (let at = 0; at < size; at += 1) put(planes, at, shown, 4 * at, -1);
      return { pixels: shown, width: broad, height: tall, x: column.start * scale - left, y: row.start * scale - top };
    },
    alpha() {
      for (let y = 0; y < high; y += 1) {
        for (let x = 0; x < wide; x += 1) {
          const from = Math.floor(y / scale) * width + Math.floor(x / scale);
          out[4 * (y * wide + x) + 3] = pixels[4 * from + 3];
        }
      }
    },
  };
}
