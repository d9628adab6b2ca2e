// What tasks and levels are called for people who know nothing of either.

export const TASKS = {
  auto: "Find out what it needs",
  denoise: "Remove noise",
  dejpeg: "Repair JPEG",
  demosaic: "Make colours of a sensor's mosaic",
  upscale: "Enlarge",
};

export const LEVELS = {
  denoise: { name: "sigma", label: "Noise", low: 0, high: 75, step: 1, start: 15, hint: "of 255; more removes more" },
  dejpeg: { name: "quality", label: "Saved with quality", low: 1, high: 100, step: 1, start: 40, hint: "less repairs more" },
  demosaic: { name: "pattern", label: "First two rows", choices: ["auto", "grbg", "rggb", "bggr", "gbrg"] },
  upscale: { name: "scale", label: "Times as wide and high", choices: ["2", "3", "4"] },
};

// What is said where a picture can be taken in one of several ways, and the way that is offered.
export const REMEDIES = {
  frame: { why: "The file holds several pictures.", offer: "Take the first" },
  assume_cmyk: { why: "It is made for printing (CMYK), without a profile that says how its inks look.", offer: "Guess its colours" },
  salvage: { why: "A part of the file is missing.", offer: "Take what is there" },
};

// "about 40 seconds", from seconds.
export function left(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1.5) return ", nearly done";
  if (seconds < 90) return `, about ${Math.round(seconds)} seconds left`;
  return `, about ${Math.round(seconds / 60)} minutes left`;
}
