// What a picture is, what it went through, and what to do about it: src/rnan/pipeline/inspection.py
// and src/rnan/estimation/traces.py for what a browser reads.

import { VISIBLE, estimateCameraNoise } from "./camera_noise.js";
import { blockGrid } from "./jpeg.js";
import { estimateNoise } from "./noise.js";
import { isToned } from "./toned.js";

const CLEAN_QUALITY = 90;
const WITH_NOISE = 75;
const INDEPENDENT = 1;
const LEAST_IN_COMMON = 6;
const DRAWN = 0.1; // share of pixels in even surroundings of one colour, from which on it is a drawing
const LOOKED_AT = 250000;

// {sigma, map, of_camera, quality, grid, sentences, steps}; map is the noise for each pixel, or null.
export function inspect(picture, weights) {
  const { width, height, format, jpeg, depth, gray } = picture;
  const seen = numbers(picture);
  const quality = jpeg?.quality ?? 100;
  let sigma = 0;
  let map = null;
  let camera = false;
  if (jpeg || !isDrawn(picture)) {
    const found = estimateCameraNoise(seen, weights);
    camera = !found.white && found.sigma >= VISIBLE;
    if (camera) sigma = found.sigma;
    else {
      const noise = whiteNoise(picture, seen);
      if (typeof noise === "number") sigma = noise;
      else {
        map = noise;
        sigma = Math.sqrt(noise.reduce((sum, one) => sum + one * one, 0) / noise.length);
      }
    }
  }
  const alpha = hasAlpha(picture.pixels);
  const steps = [];
  if (quality < CLEAN_QUALITY && !(camera && quality >= WITH_NOISE)) steps.push({ restoration: "dejpeg", level: quality });
  if (sigma >= VISIBLE) steps.push({ restoration: "denoise", level: steps.length ? sigma : "auto" });
  const megapixels = ((width * height) / 1e6).toFixed(1);
  const sentences = [
    `${format} file, ${width} x ${height} pixels (${megapixels} megapixels), ${gray ? "gray" : "colour"}${alpha ? ", with transparency" : ""}`,
  ];
  if (depth > 8) sentences.push("16 bits a channel, of which a browser keeps 8; the program keeps all");
  if (jpeg) sentences.push(`JPEG of quality ${quality}: ${compressed(quality)}`);
  sentences.push(`noise: ${noisy(sigma, camera)}`);
  return { sigma, map, of_camera: camera, quality, grid: jpeg ? blockGrid(jpeg) : [0, 0], format, sentences, steps };
}

// One noise in all channels of a toned picture is none between them.
function whiteNoise(picture, seen) {
  const noise = estimateNoise(seen);
  const most = typeof noise === "number" ? noise : noise.reduce((top, one) => Math.max(top, one), 0);
  if (most >= INDEPENDENT || seen.channels === 1 || picture.jpeg || !isToned(picture)) return noise;
  const { values, width, height } = seen;
  const luma = Float32Array.from({ length: width * height }, (_, at) => 0.299 * values[3 * at] + 0.587 * values[3 * at + 1] + 0.114 * values[3 * at + 2]);
  const common = estimateNoise({ values: luma, width, height, channels: 1 });
  const mean = typeof common === "number" ? common : common.reduce((sum, one) => sum + one, 0) / common.length;
  return mean >= LEAST_IN_COMMON ? common : noise;
}

function compressed(quality) {
  if (quality >= CLEAN_QUALITY) return "hardly visible";
  return quality < 50 ? "blocks and rings are visible" : "some artefacts";
}

function noisy(sigma, camera) {
  if (sigma < VISIBLE) return `none to speak of (sigma ${sigma.toFixed(1)} of 255)`;
  const [visible, strong] = camera ? [3, 8] : [8, 25];
  const words = sigma < visible ? "little" : sigma < strong ? "clearly visible" : "strong";
  return camera ? `${words}, as a camera leaves it (sigma ${sigma.toFixed(1)} of 255)` : `${words} (sigma ${sigma.toFixed(1)} of 255)`;
}

// As the estimates take it: 0 to 255, channel by channel for each pixel.
function numbers({ pixels, luma, width, height }) {
  if (luma) return { values: Float32Array.from(luma), width, height, channels: 1 };
  const values = new Float32Array(width * height * 3);
  for (let at = 0; at < width * height; at += 1) {
    values[3 * at] = pixels[4 * at];
    values[3 * at + 1] = pixels[4 * at + 1];
    values[3 * at + 2] = pixels[4 * at + 2];
  }
  return { values, width, height, channels: 3 };
}

function hasAlpha(pixels) {
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] < 255) return true;
  return false;
}

// Whether one colour lies around and between all of it, as in text and drawings.
function isDrawn({ pixels, width, height }) {
  if (Math.min(width, height) < 3) return false;
  const colours = new Uint32Array(pixels.buffer, pixels.byteOffset, width * height);
  const step = Math.floor(Math.sqrt((width * height) / LOOKED_AT)) + 1;
  const counts = new Map();
  let number = 0;
  for (let y = 1; y < height - 1; y += step) {
    for (let x = 1; x < width - 1; x += step) {
      number += 1;
      const middle = colours[y * width + x];
      let even = true;
      for (let down = -1; even && down <= 1; down += 1) {
        for (let across = -1; across <= 1; across += 1) {
          if (colours[(y + down) * width + x + across] !== middle) {
            even = false;
            break;
          }
        }
      }
      if (even) counts.set(middle, (counts.get(middle) ?? 0) + 1);
    }
  }
  return Math.max(0, ...counts.values()) > DRAWN * number;
}
