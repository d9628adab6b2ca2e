// What a JPEG file says of itself: its quality, its EXIF, how it is turned, its size.

// Segments before the pixels: [marker, start, length] of what stands behind each length.
function* segments(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return;
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = (bytes[at + 2] << 8) | bytes[at + 3];
    if (length < 2 || at + 2 + length > bytes.length) return;
    yield [marker, at + 4, length - 2];
    if (marker === 0xda) return;
    at += 2 + length;
  }
}

const ZIGZAG = [];
for (let sum = 0; sum < 15; sum += 1) {
  const line = [];
  for (let row = Math.max(0, sum - 7); row <= Math.min(7, sum); row += 1) line.push(8 * row + sum - row);
  ZIGZAG.push(...(sum % 2 ? line : line.reverse()));
}

const LUMA = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
  18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
]; // ITU-T T.81, table K.1

// libjpeg's table of a quality, row by row.
export function tableOf(quality) {
  const factor = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return LUMA.map((entry) => Math.min(Math.max(Math.floor((entry * factor + 50) / 100), 1), 255));
}

// The quality whose table is nearest, as src/rnan/estimation/quality.py says it.
export function qualityOfTable(table) {
  let best = 1;
  let least = Infinity;
  for (let quality = 1; quality <= 100; quality += 1) {
    const known = tableOf(quality);
    const distance = table.reduce((sum, entry, at) => sum + Math.abs(Math.log(entry / known[at])), 0);
    if (distance < least - 1e-12) [best, least] = [quality, distance];
  }
  return best;
}

// {table, quality, orientation, exif, width, height}, as stored; null where it is no JPEG.
export function describe(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const tables = {};
  const found = { table: null, quality: null, orientation: 1, exif: null, width: 0, height: 0 };
  let luma = 0;
  for (const [marker, start, length] of segments(bytes)) {
    const end = start + length;
    if (marker === 0xdb) {
      for (let at = start; at < end; ) {
        const wide = bytes[at] >> 4 ? 2 : 1;
        const id = bytes[at] & 15;
        if (at + 1 + 64 * wide > end) break;
        const table = new Array(64);
        for (let place = 0; place < 64; place += 1) {
          const here = at + 1 + place * wide;
          table[ZIGZAG[place]] = Math.max(1, wide === 2 ? (bytes[here] << 8) | bytes[here + 1] : bytes[here]);
        }
        tables[id] = table;
        at += 1 + 64 * wide;
      }
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker) && length >= 9) {
      found.height = (bytes[start + 1] << 8) | bytes[start + 2];
      found.width = (bytes[start + 3] << 8) | bytes[start + 4];
      luma = bytes[start + 8];
    } else if (marker === 0xe1 && !found.exif && String.fromCharCode(...bytes.subarray(start, start + 6)) === "Exif\0\0") {
      found.exif = bytes.slice(start + 6, end);
    }
  }
  found.table = tables[luma] ?? tables[0] ?? null;
  if (found.table) found.quality = qualityOfTable(found.table);
  if (found.exif) found.orientation = orientationAt(found.exif)?.value ?? 1;
  return found;
}

// Where a block of EXIF says how the picture is turned, and what.
export function orientationAt(exif) {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.length);
  if (exif.length < 14) return null;
  const little = exif[0] === 0x49;
  const first = view.getUint32(4, little);
  if (first + 2 > exif.length) return null;
  const number = view.getUint16(first, little);
  for (let at = first + 2; at + 12 <= Math.min(exif.length, first + 2 + 12 * number); at += 12) {
    if (view.getUint16(at, little) !== 0x0112) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? { place: at + 8, value, little } : null;
  }
  return null;
}

// EXIF of a picture that stands upright now.
export function upright(exif) {
  const copy = exif.slice();
  const found = orientationAt(copy);
  if (found) new DataView(copy.buffer).setUint16(found.place, 1, found.little);
  return copy;
}

// Rows and columns before the first whole block, of a picture that was turned upright.
export function blockGrid({ orientation, width, height }) {
  const right = width % 8; // columns of the last, cut block
  const below = height % 8;
  const flips = { 1: [0, 0], 2: [0, right], 3: [below, right], 4: [below, 0], 5: [0, 0], 6: [0, below], 7: [right, below], 8: [right, 0] };
  return flips[orientation] ?? [0, 0];
}
