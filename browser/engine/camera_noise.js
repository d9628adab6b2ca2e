// How strong a camera's noise is: the small network of src/rnan/estimation/camera_noise.py.

const TILE = 136;
const STEP = 104;
const MOST_TILES = 48;
const SIDE = 8;
const REACH = 7;
const LEAST = 48;
const LEAST_BLOCKS = 12;
const ENERGY = 0.02;
const BELIEF = 12;

export const VISIBLE = 2; // noise below is hard to see and left alone

// Tensors of a safetensors file in 16 bits: {name: {shape, values}}.
export function weightsOf(buffer) {
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = {};
  for (const [name, { shape, dtype, data_offsets: [first, last] }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F16") throw new Error(`${name} is ${dtype}`);
    tensors[name] = { shape, values: Float32Array.from({ length: (last - first) / 2 }, (_, at) => half(view.getUint16(8 + length + first + 2 * at, true))) };
  }
  return tensors;
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// picture: {values, width, height, channels}, 0 to 255. Returns {sigma, white}.
export function estimateCameraNoise(picture, weights) {
  const none = { sigma: 0, white: false };
  const { width, height } = picture;
  if (Math.min(width, height) < LEAST) return none;
  const corners = [];
  for (let row = 0; row <= Math.max(height - TILE, 0); row += STEP) {
    for (let column = 0; column <= Math.max(width - TILE, 0); column += STEP) corners.push([row, column]);
  }
  const step = Math.max(1, Math.ceil(corners.length / MOST_TILES));
  const blocks = corners.filter((_, at) => at % step === 0).flatMap(([row, column]) => blocksOf(tileOf(picture, row, column), weights));
  if (blocks.length < LEAST_BLOCKS) return none;
  const beliefs = blocks.map((block) => through("att", block, weights).map((one) => Math.min(Math.max(one, -BELIEF), BELIEF)));
  const heads = beliefs[0].length;
  const features = blocks[0].length;
  const pooled = new Float64Array(heads * features);
  for (let head = 0; head < heads; head += 1) {
    const most = beliefs.reduce((top, one) => Math.max(top, one[head]), -Infinity);
    const shares = beliefs.map((one) => Math.exp(one[head] - most));
    const sum = shares.reduce((total, one) => total + one, 0);
    blocks.forEach((block, at) => {
      for (let feature = 0; feature < features; feature += 1) pooled[head * features + feature] += (shares[at] / sum) * block[feature];
    });
  }
  const [sigma, white] = through("last", leaky(through("c", pooled, weights)), weights);
  return { sigma: 2 ** (sigma + 1), white: white > 0 };
}

// Three planes of a square of the picture.
function tileOf({ values, width, height, channels }, top, left) {
  const high = Math.min(TILE, height - top);
  const wide = Math.min(TILE, width - left);
  const planes = [0, 1, 2].map((channel) => {
    const plane = new Float32Array(high * wide);
    const from = Math.min(channel, channels - 1);
    for (let y = 0; y < high; y += 1) {
      for (let x = 0; x < wide; x += 1) plane[y * wide + x] = values[((top + y) * width + left + x) * channels + from];
    }
    return plane;
  });
  return { planes, high, wide };
}

// What each block of a tile is like.
function blocksOf(tile, weights) {
  const halved = { planes: tile.planes.map((plane) => means(plane, tile.high, tile.wide, 2)), high: tile.high >> 1, wide: tile.wide >> 1 };
  const light = { maps: tile.planes.map((plane) => means(plane, tile.high, tile.wide, SIDE).map((one) => one / 128 - 1)), high: Math.floor(tile.high / SIDE), wide: Math.floor(tile.wide / SIDE) };
  const parts = [light, energies(tile, weights.fine, 4), energies(halved, weights.coarse, 2)];
  const rows = Math.min(...parts.map((part) => part.high));
  const columns = Math.min(...parts.map((part) => part.wide));
  const seen = parts.flatMap((part) => part.maps.map((map) => ({ map, wide: part.wide })));
  const blocks = [];
  const around = new Float32Array(seen.length * 9);
  for (let row = 0; row + 2 < rows; row += 1) {
    for (let column = 0; column + 2 < columns; column += 1) {
      let at = 0;
      for (const { map, wide } of seen) {
        for (let y = 0; y < 3; y += 1) for (let x = 0; x < 3; x += 1) around[at++] = map[(row + y) * wide + column + x];
      }
      blocks.push(leaky(through("b", leaky(through("a", around, weights)), weights)));
    }
  }
  return blocks;
}

// Energy behind each filter over blocks of positions, and how unevenly it is spread.
function energies({ planes, high, wide }, filters, each) {
  const tall = Math.max(0, Math.floor((high - REACH) / 2) + 1);
  const broad = Math.max(0, Math.floor((wide - REACH) / 2) + 1);
  const taps = REACH * REACH;
  const number = filters.shape[0];
  const maps = [];
  const uneven = [];
  const positions = new Float32Array(tall * broad * 3 * taps);
  let to = 0;
  for (let y = 0; y < tall; y += 1) {
    for (let x = 0; x < broad; x += 1) {
      for (const plane of planes) {
        for (let down = 0; down < REACH; down += 1) {
          const from = (2 * y + down) * wide + 2 * x;
          for (let across = 0; across < REACH; across += 1) positions[to++] = plane[from + across];
        }
      }
    }
  }
  for (let filter = 0; filter < number; filter += 1) {
    const own = filters.values.subarray(filter * 3 * taps, (filter + 1) * 3 * taps);
    const energy = new Float32Array(tall * broad);
    for (let at = 0; at < energy.length; at += 1) {
      let sum = 0;
      const from = at * 3 * taps;
      for (let tap = 0; tap < 3 * taps; tap += 1) sum += positions[from + tap] * own[tap];
      energy[at] = sum * sum;
    }
    const mean = means(energy, tall, broad, each);
    const square = means(energy.map((one) => one * one), tall, broad, each);
    maps.push(mean.map((one) => Math.log2(one + ENERGY) / 4));
    uneven.push(mean.map((one, at) => Math.log2((square[at] + ENERGY) / (one * one + ENERGY)) / 2));
  }
  return { maps: [...maps, ...uneven], high: Math.floor(tall / each), wide: Math.floor(broad / each) };
}

// Of squares.
function means(plane, high, wide, side) {
  const rows = Math.floor(high / side);
  const columns = Math.floor(wide / side);
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let sum = 0;
      for (let y = 0; y < side; y += 1) for (let x = 0; x < side; x += 1) sum += plane[(row * side + y) * wide + column * side + x];
      result[row * columns + column] = sum / side ** 2;
    }
  }
  return result;
}

// A linear layer.
function through(name, values, weights) {
  const { shape: [outputs], values: matrix } = weights[`${name}.weight`];
  const { values: bias } = weights[`${name}.bias`];
  const inputs = values.length;
  return Float64Array.from({ length: outputs }, (_, output) => {
    let sum = bias[output];
    for (let input = 0; input < inputs; input += 1) sum += matrix[output * inputs + input] * values[input];
    return sum;
  });
}

const leaky = (values) => values.map((one) => Math.max(one, 0.1 * one));
