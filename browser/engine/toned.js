// Whether what is fine in a picture is the same in all channels, as in sepia and tinted gray:
// is_toned of src/rnan/images/colour.py.

const SAME = 0.995;
const LOOKED_AT = 256;
const FINE = 4;
const WEAK = 0.25;

export function isToned({ pixels, width, height }) {
  if (Math.min(width, height) < 2) return false;
  const each = Math.max(1, Math.floor(height / LOOKED_AT));
  const number = Math.ceil(height / each) * (width - 1);
  const steps = [0, 1, 2].map((channel) => {
    const own = new Float64Array(number);
    let at = 0;
    for (let y = 0; y < height; y += each) {
      for (let x = 0; x + 1 < width; x += 1) {
        const from = 4 * (y * width + x) + channel;
        own[at++] = pixels[from + 4] - pixels[from];
      }
    }
    const sizes = own.map(Math.abs).sort();
    const middle = number >> 1;
    const most = FINE * (number % 2 ? sizes[middle] : (sizes[middle - 1] + sizes[middle]) / 2);
    return own.map((step) => Math.min(Math.max(step, -most), most));
  });
  const about = steps.map((own) => {
    const mean = own.reduce((sum, one) => sum + one, 0) / number;
    return { own, mean, spread: Math.sqrt(own.reduce((sum, one) => sum + (one - mean) ** 2, 0) / number) };
  });
  const strongest = Math.max(...about.map(({ spread }) => spread));
  const clear = about.filter(({ spread }) => spread > WEAK * strongest);
  if (clear.length < 2) return false;
  for (const [place, one] of clear.entries()) {
    for (const two of clear.slice(place + 1)) {
      let sum = 0;
      for (let at = 0; at < number; at += 1) sum += (one.own[at] - one.mean) * (two.own[at] - two.mean);
      if (!(sum / number / (one.spread * two.spread) > SAME)) return false;
    }
  }
  return true;
}
