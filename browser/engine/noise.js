// How strong white noise is, as src/rnan/estimation/sigma.py and noise_map.py find it.

const TILE = 8;
const MOST_TILES = 8000;
const FLATTEST = 0.05;
const LEAST = 30;
const MOST = 1000;
const SLACK = 1.4;
const ROUNDING = 1 / 12;
const GROUPS = 6;
const LEAST_TILES = 150;
const DEPENDS = 1.5;
const LEAST_SIGMA = 2;
const BOX = 9;

// picture: {values, width, height, channels}, values 0 to 255, channel by channel for each pixel.
// Returns one sigma, or a Float32Array of it for each pixel where it depends on the brightness.
export function estimateNoise(picture) {
  const tiles = cutTiles(picture);
  const overall = sigmaOf(tiles, all(tiles.number));
  const curve = curveOf(tiles);
  return curve ? along(picture, curve) : overall;
}

const all = (number) => Int32Array.from({ length: number }, (_, at) => at);

// Overlapping squares: {data, number, channels, side}, each tile channel by channel.
function cutTiles({ values, width, height, channels }) {
  const side = TILE + patchSide(height, width, channels) - 1;
  const mirrored = (at, length) => (Math.floor(at / length) % 2 ? length - 1 - (at % length) : at % length);
  const across = Math.max(1, Math.floor((Math.max(width, side) - side) / TILE) + 1);
  const down = Math.max(1, Math.floor((Math.max(height, side) - side) / TILE) + 1);
  const step = Math.ceil(Math.sqrt((across * down) / MOST_TILES));
  const places = [];
  for (let row = 0; row < down; row += step) for (let column = 0; column < across; column += step) places.push([row * TILE, column * TILE]);
  const size = side * side;
  const data = new Float64Array(places.length * channels * size);
  places.forEach(([top, left], tile) => {
    for (let y = 0; y < side; y += 1) {
      const line = mirrored(top + y, height) * width;
      for (let x = 0; x < side; x += 1) {
        const place = (line + mirrored(left + x, width)) * channels;
        for (let channel = 0; channel < channels; channel += 1) data[(tile * channels + channel) * size + y * side + x] = values[place + channel];
      }
    }
  });
  return { data, number: places.length, channels, side };
}

function patchSide(height, width, channels) {
  let side = channels === 1 ? 7 : 4;
  while (side > 2 && height * width < 25 * channels * side ** 2) side -= 1;
  return side;
}

// Sigma of some of the tiles.
function sigmaOf({ data, channels, side }, chosen) {
  const size = side * side;
  let tiles = Array.from(chosen, (tile) => {
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels);
    for (let channel = 0; channel < channels; channel += 1) {
      const from = (tile * channels + channel) * size;
      let sum = 0;
      for (let at = 0; at < size; at += 1) sum += data[from + at];
      mean[channel] = sum / size;
      let square = 0;
      for (let at = 0; at < size; at += 1) square += (data[from + at] - mean[channel]) ** 2;
      variance[channel] = square / size;
    }
    return { tile, mean, variance };
  });
  if (!tiles.length) return 0;
  const inside = tiles.filter(({ mean }) => mean.every((one) => Math.abs(one - 127.5) < 117.5));
  if (inside.length >= LEAST) tiles = inside;
  let sigma = 0;
  for (let turn = 0; turn < 10; turn += 1) {
    const kept = sigma > 0.5 ? varianceKept(sigma) : () => 1;
    const flat = flatTiles(tiles, sigma, kept);
    const noise = smallestEigenvalues(covariance(data, flat, kept, channels, side)) - ROUNDING;
    const before = sigma;
    sigma = Math.min(Math.sqrt(Math.max(0, noise)), 255);
    if (Math.abs(sigma - before) <= 0.005 * sigma) break;
  }
  return sigma;
}

function flatTiles(tiles, sigma, kept) {
  const ranked = tiles.map((one) => {
    let sum = 0;
    one.variance.forEach((variance, channel) => { sum += variance / kept(one.mean[channel]); });
    return [sum / one.variance.length, one];
  });
  ranked.sort((a, b) => a[0] - b[0]);
  const few = Math.max(LEAST, Math.floor(FLATTEST * tiles.length));
  const flat = ranked.filter(([variance]) => variance < SLACK * sigma ** 2).length;
  const chosen = ranked.slice(0, Math.max(few, flat)).map(([, one]) => one);
  const each = Math.ceil(chosen.length / MOST);
  return chosen.filter((_, at) => at % each === 0);
}

// Of all patches of the tiles.
function covariance(data, tiles, kept, channels, side) {
  const patch = side - TILE + 1;
  const dimensions = channels * patch * patch;
  const number = tiles.length * TILE * TILE;
  const rows = new Float64Array(number * dimensions);
  const means = new Float64Array(dimensions);
  let at = 0;
  for (const { tile, mean } of tiles) {
    const scale = Array.from(mean, (one) => 1 / Math.sqrt(kept(one)));
    for (let y = 0; y < TILE; y += 1) {
      for (let x = 0; x < TILE; x += 1) {
        for (let channel = 0; channel < channels; channel += 1) {
          const from = (tile * channels + channel) * side * side;
          for (let down = 0; down < patch; down += 1) {
            for (let across = 0; across < patch; across += 1) {
              const value = (data[from + (y + down) * side + x + across] - mean[channel]) * scale[channel];
              rows[at] = value;
              means[at % dimensions] += value;
              at += 1;
            }
          }
        }
      }
    }
  }
  for (let place = 0; place < dimensions; place += 1) means[place] /= number;
  const result = new Float64Array(dimensions * dimensions);
  const row = new Float64Array(dimensions);
  for (let line = 0; line < number; line += 1) {
    for (let place = 0; place < dimensions; place += 1) row[place] = rows[line * dimensions + place] - means[place];
    for (let a = 0; a < dimensions; a += 1) {
      const value = row[a];
      for (let b = a; b < dimensions; b += 1) result[a * dimensions + b] += value * row[b];
    }
  }
  for (let a = 0; a < dimensions; a += 1) {
    for (let b = a; b < dimensions; b += 1) {
      result[a * dimensions + b] /= number - 1;
      result[b * dimensions + a] = result[a * dimensions + b];
    }
  }
  return { values: result, dimensions };
}

// Mean of the longest run of smallest eigenvalues whose mean is not above its median.
function smallestEigenvalues({ values, dimensions }) {
  const sorted = eigenvalues(values, dimensions).sort();
  let mean = 0;
  for (let number = dimensions; number > 2; number -= 1) {
    mean = 0;
    for (let at = 0; at < number; at += 1) mean += sorted[at] / number;
    const middle = number >> 1;
    const median = number % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    if (mean <= median) break;
  }
  return mean;
}

// Of a symmetric matrix, by Jacobi's rotations.
export function eigenvalues(matrix, size) {
  const a = Float64Array.from(matrix);
  for (let sweep = 0; sweep < 60; sweep += 1) {
    let off = 0;
    let whole = 0;
    for (let p = 0; p < size; p += 1) {
      for (let q = 0; q < size; q += 1) {
        const square = a[p * size + q] ** 2;
        whole += square;
        if (p !== q) off += square;
      }
    }
    if (off <= 1e-22 * whole) break;
    for (let p = 0; p < size - 1; p += 1) {
      for (let q = p + 1; q < size; q += 1) {
        const apq = a[p * size + q];
        if (apq === 0) continue;
        const theta = (a[q * size + q] - a[p * size + p]) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < size; k += 1) {
          const kp = a[k * size + p];
          const kq = a[k * size + q];
          a[k * size + p] = c * kp - s * kq;
          a[k * size + q] = s * kp + c * kq;
        }
        for (let k = 0; k < size; k += 1) {
          const pk = a[p * size + k];
          const qk = a[q * size + k];
          a[p * size + k] = c * pk - s * qk;
          a[q * size + k] = s * pk + c * qk;
        }
      }
    }
  }
  return Float64Array.from({ length: size }, (_, at) => a[at * size + at]);
}

// Share of the variance that is left after limiting to 0 to 255, by the mean seen after it.
function varianceKept(sigma) {
  const first = new Float64Array(256);
  const share = new Float64Array(256);
  for (let centre = 0; centre < 256; centre += 1) {
    const low = -centre / sigma;
    const high = (255 - centre) / sigma;
    const [densityLow, densityHigh] = [density(low), density(high)];
    const inside = cumulative(high) - cumulative(low);
    const above = 1 - cumulative(high);
    first[centre] = centre * inside + sigma * (densityLow - densityHigh) + 255 * above;
    const second = (centre ** 2 + sigma ** 2) * inside + 2 * centre * sigma * (densityLow - densityHigh)
      + sigma ** 2 * (low * densityLow - high * densityHigh) + 255 ** 2 * above;
    share[centre] = Math.max((second - first[centre] ** 2) / sigma ** 2, 0.1);
  }
  return (mean) => interpolated(mean, first, share);
}

const density = (z) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
const cumulative = (z) => 0.5 * (1 + erf(z / Math.SQRT2));

// By its series near zero, and by its continued fraction beyond.
function erf(x) {
  const z = Math.abs(x);
  let value;
  if (z < 2.5) {
    let term = z;
    value = z;
    for (let n = 1; n < 60; n += 1) {
      term *= (-z * z) / n;
      value += term / (2 * n + 1);
    }
    value *= 2 / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let n = 40; n > 0; n -= 1) fraction = n / 2 / (z + fraction);
    value = 1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction);
  }
  return x < 0 ? -value : value;
}

function interpolated(x, xs, ys) {
  const last = xs.length - 1;
  if (x <= xs[0]) return ys[0];
  if (x >= xs[last]) return ys[last];
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return ys[low] + ((ys[high] - ys[low]) * (x - xs[low])) / (xs[high] - xs[low]);
}

// Brightness and sigma of groups of tiles; null where one sigma does for all.
function curveOf(tiles) {
  const size = tiles.channels * tiles.side ** 2;
  if (tiles.number < 2 * LEAST_TILES) return null;
  const number = Math.min(GROUPS, Math.floor(tiles.number / LEAST_TILES));
  const bright = Float64Array.from({ length: tiles.number }, (_, tile) => {
    let sum = 0;
    for (let at = 0; at < size; at += 1) sum += tiles.data[tile * size + at];
    return sum / size;
  });
  const order = [...all(tiles.number)].sort((a, b) => bright[a] - bright[b]);
  const groups = [];
  for (let group = 0, first = 0; group < number; group += 1) {
    const many = Math.floor(tiles.number / number) + (group < tiles.number % number ? 1 : 0);
    groups.push(order.slice(first, first + many));
    first += many;
  }
  const means = groups.map((group) => group.reduce((sum, tile) => sum + bright[tile], 0) / group.length);
  const sigma = groups.map((group) => sigmaOf(tiles, group));
  const inner = sigma.map((one, at) => (at && at < sigma.length - 1 ? Math.min(one, Math.max(sigma[at - 1], sigma[at + 1])) : one));
  const most = Math.max(...inner);
  return most < LEAST_SIGMA || most < DEPENDS * Math.min(...inner) ? null : { means, sigma: inner };
}

// A curve's sigma for each pixel, by the brightness around it.
function along({ values, width, height, channels }, { means, sigma }) {
  let plane = Float32Array.from({ length: width * height }, (_, at) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel += 1) sum += values[at * channels + channel];
    return sum / channels;
  });
  plane = smooth(plane, height, width, width, 1);
  plane = smooth(plane, width, height, 1, width);
  return plane.map((value) => interpolated(value, means, sigma));
}

// Means over lines of BOX, shorter at the border: `length` places `apart`, in `lines` beside each other.
function smooth(plane, length, lines, apart, beside) {
  const result = new Float32Array(plane.length);
  const sums = new Float64Array(length + 1);
  for (let line = 0; line < lines; line += 1) {
    for (let at = 0; at < length; at += 1) sums[at + 1] = sums[at] + plane[line * beside + at * apart];
    for (let at = 0; at < length; at += 1) {
      const low = Math.max(at - (BOX >> 1), 0);
      const high = Math.min(at + (BOX >> 1) + 1, length);
      result[line * beside + at * apart] = (sums[high] - sums[low]) / (high - low);
    }
  }
  return result;
}
