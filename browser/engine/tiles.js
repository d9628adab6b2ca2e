// A picture in overlapping tiles, as src/rnan/inference/tiling.py cuts it.

const up = (value, multiple) => Math.ceil(value / multiple) * multiple;

// Even tiles along one side: {start, stop, before, after}, the last two the ramps [first, last) of
// blending, or null at the picture's border.
export function spans(length, { tile, overlap, grid }) {
  if (length <= Math.max(tile, 2 * grid)) return [{ start: 0, stop: length, before: null, after: null }];
  tile = Math.max(Math.floor(tile / grid) * grid, 2 * grid);
  overlap = Math.min(up(overlap, grid), Math.floor(Math.floor(tile / 2) / grid) * grid);
  const number = Math.ceil((length - overlap) / (tile - overlap));
  const step = up(Math.ceil((length - overlap) / number), grid);
  const starts = [];
  for (let start = 0; start < length; start += step) if (start === 0 || start + overlap < length) starts.push(start);
  const stops = starts.map((start) => Math.min(start + step + overlap, length));
  const ramps = [null];
  for (let at = 0; at + 1 < starts.length; at += 1) {
    const quarter = Math.floor((stops[at] - starts[at + 1]) / 4);
    ramps.push([starts[at + 1] + quarter, stops[at] - quarter]);
  }
  ramps.push(null);
  return starts.map((start, at) => ({ start, stop: stops[at], before: ramps[at], after: ramps[at + 1] }));
}

// How much of each position of a tile is taken, enlarged by scale.
export function weights({ start, stop, before, after }, scale) {
  const taken = new Float32Array((stop - start) * scale).fill(1);
  for (const [ramp, rising] of [[before, true], [after, false]]) {
    if (!ramp) continue;
    const [low, high] = ramp.map((edge) => (edge - start) * scale);
    for (let at = low; at < high; at += 1) {
      const step = (at - low + 0.5) / Math.max(1, high - low);
      taken[at] = rising ? step : 1 - step;
    }
    if (rising) taken.fill(0, 0, low);
    else taken.fill(0, high);
  }
  return taken;
}
