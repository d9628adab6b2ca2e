// What tasks and levels are called for people who know nothing of either.

export const TASKS = {
  auto: "Find out what it needs",
  denoise: "Remove noise",
  dejpeg: "Repair JPEG",
  demosaic: "Develop camera raw or a sensor's mosaic",
  upscale: "Enlarge",
};

// What a picture needs, as an offer.
export function suggestion({ format, steps, sigma, of_camera: ofCamera, quality }) {
  if (format === "RAW") return "Camera raw: develop it";
  const names = steps.map((step) => step.restoration);
  if (names.includes("demosaic")) return "A sensor's mosaic: develop it";
  const [little, strong] = ofCamera ? [3, 8] : [8, 25]; // what neighbours share is seen more
  const noise = sigma < little ? "A little noise" : sigma < strong ? "Noise" : "Strong noise";
  const traces = quality < 50 ? "Strong traces of JPEG" : "Traces of JPEG";
  if (names.length > 1) return `${traces}, and noise: mend both`;
  if (names.includes("denoise")) return `${noise}: remove it`;
  if (names.includes("dejpeg")) return `${traces}: repair them`;
  return "It looks clean: leave it";
}

// Words for the level of a task; its range and choices come from the server (/api/v1/options).
export const LEVELS = {
  denoise: { label: "Noise", start: 15, hint: "of 255; more removes more" },
  dejpeg: { label: "Saved with quality", start: 40, hint: "less repairs more" },
  demosaic: { label: "First two rows" },
  upscale: { label: "Times as wide and high" },
};

// Tasks in which the noise of brightness and of colour can be told apart.
export const FINER = ["auto", "denoise", "demosaic"];

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
