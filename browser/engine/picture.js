// Pictures from files and back, by the browser's own decoders and encoders: 8 bits, in sRGB.

import * as jpeg from "./jpeg.js";

export const MOST_PIXELS = 64e6; // of a picture, and of a result: beyond, a tab runs out of memory

const MOST_SIDE = 32767; // of a canvas, in all browsers

export class Refused extends Error {}

const TYPES = [
  ["JPEG", "image/jpeg", (b) => b[0] === 0xff && b[1] === 0xd8],
  ["PNG", "image/png", (b) => b[0] === 0x89 && b[1] === 0x50],
  ["WebP", "image/webp", (b) => text(b, 0, 4) === "RIFF" && text(b, 8, 4) === "WEBP"],
  ["GIF", "image/gif", (b) => text(b, 0, 4) === "GIF8"],
  ["BMP", "image/bmp", (b) => text(b, 0, 2) === "BM"],
  ["AVIF", "image/avif", (b) => text(b, 4, 4) === "ftyp" && /avi[fs]/.test(text(b, 8, 16))],
];

const text = (bytes, start, length) => String.fromCharCode(...bytes.subarray(start, start + length));

// {pixels: RGBA, width, height, format, jpeg, depth, gray, luma}; luma is the one channel of gray ones.
export async function decode(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const known = TYPES.find(([, , suits]) => suits(bytes));
  if (!known) throw new Refused(bytes.length ? "It is no picture that a browser can read. The program reads more: TIFF, HEIC, camera raw." : "The file is empty.");
  const [format, type] = known;
  const about = format === "JPEG" ? jpeg.describe(bytes) : null;
  const depth = format === "PNG" && bytes[24] === 16 ? 16 : 8;
  const stored = format === "PNG" ? sizeOfPng(bytes) : about && about.width ? about : null;
  if (stored) checkSize(stored.width, stored.height);
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes], { type }), { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "default" });
  } catch {
    throw new Refused("The file is damaged, or this browser can't read it.");
  }
  const { width, height } = bitmap;
  checkSize(width, height);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height, { colorSpace: "srgb" }).data;
  return { pixels, width, height, format, jpeg: about, depth, ...grayOf(pixels) };
}

function sizeOfPng(bytes) {
  if (bytes.length < 24) return null;
  const view = new DataView(bytes.buffer);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

export function checkSize(width, height) {
  const most = MOST_PIXELS / 1e6;
  if (width * height > MOST_PIXELS) throw new Refused(`${width} × ${height} is more than the ${most} megapixels that fit into a browser's memory; the program takes more.`);
  if (Math.max(width, height) > MOST_SIDE) throw new Refused(`${width} × ${height}: a browser's pictures have at most ${MOST_SIDE} pixels a side; the program takes more.`);
}

// Whether all channels say the same but for what compression leaves (src/rnan/images/colour.py).
function grayOf(pixels) {
  let apart = 0;
  let equal = true;
  for (let at = 0; at < pixels.length; at += 4) {
    const low = Math.min(pixels[at], pixels[at + 1], pixels[at + 2]);
    const high = Math.max(pixels[at], pixels[at + 1], pixels[at + 2]);
    if (high - low > 2) return { gray: false, luma: null };
    if (high !== low) equal = false;
    apart += high - low;
  }
  if (apart >= 0.5 * (pixels.length / 4)) return { gray: false, luma: null };
  const luma = new Uint8Array(pixels.length / 4);
  for (let at = 0; at < luma.length; at += 1) {
    const [r, g, b] = [pixels[4 * at], pixels[4 * at + 1], pixels[4 * at + 2]];
    luma[at] = equal ? r : Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  return { gray: true, luma };
}

// A file: "png", "jpeg" or "webp", with the EXIF of a picture that stands upright.
export async function encode({ pixels, width, height }, format, exif = null) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  const blob = await canvas.convertToBlob({ type: `image/${format}`, quality: 0.95 });
  if (blob.type !== `image/${format}`) throw new Refused(`This browser writes no ${format.toUpperCase()}.`);
  if (!exif) return blob;
  if (format === "jpeg") return withSegment(blob, exif);
  return format === "png" ? withChunk(blob, exif) : blob;
}

function withSegment(blob, exif) {
  const length = exif.length + 8;
  if (length > 0xffff) return blob;
  const head = Uint8Array.of(0xff, 0xd8, 0xff, 0xe1, length >> 8, length & 255, 0x45, 0x78, 0x69, 0x66, 0, 0);
  return new Blob([head, exif, blob.slice(2)], { type: blob.type });
}

function withChunk(blob, exif) {
  const chunk = new Uint8Array(exif.length + 12);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, exif.length);
  chunk.set([0x65, 0x58, 0x49, 0x66], 4);
  chunk.set(exif, 8);
  view.setUint32(chunk.length - 4, crc32(chunk.subarray(4, chunk.length - 4)));
  const behind = 33; // the signature and the header
  return new Blob([blob.slice(0, behind), chunk, blob.slice(behind)], { type: blob.type });
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(bytes) {
  let value = ~0;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}
