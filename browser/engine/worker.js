// The engine: looks at pictures and restores them, one at a time, away from the page.

import { weightsOf } from "./camera_noise.js";
import { inspect } from "./inspect.js";
import { upright } from "./jpeg.js";
import { Networks } from "./networks.js";
import { Refused, checkSize, decode, encode } from "./picture.js";
import { Cancelled, restore } from "./restore.js";
import { isToned } from "./toned.js";

const base = new URL("../", import.meta.url);
const running = new Set(); // or waiting for its turn
const cancelled = new Set();
let turn = Promise.resolve(); // restorations follow each other; looking goes in between

const fetched = async (path) => {
  const answer = await fetch(new URL(path, base));
  if (!answer.ok) throw new Refused(`${path} of this site could not be loaded (${answer.status}).`);
  return answer;
};
const about = fetched("about.json").then((answer) => answer.json());
const estimator = fetched("networks/camera_noise.safetensors").then((answer) => answer.arrayBuffer()).then(weightsOf);
const networks = about.then((known) => new Networks(base, known.networks));
for (const needed of [about, estimator, networks]) needed.catch(() => {}); // said where it is used

// Most pictures that are brought have noise: that network is there before the first one is.
networks.then(async (engine) => {
  await engine.start();
  await engine.warm("denoise-color", 1);
}).catch(() => {});

// What is asked for, as steps: {network, level, scale, grid, said}.
function stepsOf(fields, found, picture, facts) {
  const tone = picture.gray ? "gray" : "color";
  const denoise = (level) => {
    const camera = level === "auto" && found.of_camera;
    const network = camera ? "denoise-camera" : `denoise-${tone}`;
    const { level_range: [, highest], level_scale: scale } = facts[network];
    if (camera) {
      const sigma = Math.min(Math.max(found.sigma, 0.5), highest);
      return { network, level: sigma / scale, said: `camera noise removed at sigma ${sigma.toFixed(1)}` };
    }
    const sigma = Math.min(level === "auto" ? found.sigma : Number(level), highest);
    // Equal noise in three planes is as bright as independent noise that is stronger.
    const times = tone === "color" && isToned(picture) ? Math.sqrt(3) : 1;
    const told = (one) => Math.min(times * Math.min(one, highest), highest) / scale;
    const map = level === "auto" ? found.map : null;
    return { network, level: map?.map(told) ?? told(sigma), said: `denoised at sigma ${sigma.toFixed(1)}` };
  };
  const dejpeg = (level) => {
    if (level === "auto" && found.quality === 100 && !picture.jpeg) throw new Refused("The file does not say with which quality it was a JPEG: give one.");
    const quality = level === "auto" ? found.quality : Number(level);
    const network = picture.gray ? "dejpeg" : "dejpeg-color";
    return { network, level: quality / facts[network].level_scale, grid: found.grid, said: `repaired from quality ${quality}` };
  };
  const { task } = fields;
  if (task === "denoise") return [denoise(fields.sigma ?? "auto")];
  if (task === "dejpeg") return [dejpeg(fields.quality ?? "auto")];
  if (task === "upscale") {
    const scale = Number(fields.scale ?? 2);
    checkSize(picture.width * scale, picture.height * scale);
    return [{ network: "super-resolution", level: null, scale, said: `enlarged x${scale}` }];
  }
  return found.steps.map(({ restoration, level }) => {
    if (restoration === "dejpeg") return dejpeg(level);
    return found.of_camera ? denoise("auto") : denoise(level);
  });
}

async function run(id, file, fields) {
  const say = (state) => postMessage({ job: id, ...state });
  const stop = () => cancelled.has(id);
  if (stop()) throw new Cancelled("cancelled");
  say({ state: "running", tiles: { done: 0, total: 0 }, seconds_left: null });
  const [known, engine, weights] = await Promise.all([about, networks, estimator]);
  const provider = await engine.start();
  let picture = await decode(file);
  const { jpeg } = picture;
  const found = fields.found ?? inspect(picture, weights);
  const steps = stepsOf(fields, found, picture, known.networks);
  const began = performance.now();
  for (const [at, { network, level, scale = 1, grid = [0, 0] }] of steps.entries()) {
    const shares = network === "super-resolution" ? {} : { luma: Number(fields.luma ?? 1), chroma: Number(fields.chroma ?? 1) };
    const asked = { name: network, facts: known.networks[network], scale, level, grid, ...shares };
    const restored = await restore(engine, picture, asked, {
      cancelled: stop,
      progress: ({ done, total, part }) => {
        const share = (at + done / total) / steps.length;
        const left = ((performance.now() - began) / 1000) * (1 / share - 1);
        say({ state: "running", tiles: { done: at * total + done, total: steps.length * total }, seconds_left: left, part, size: [picture.width * scale, picture.height * scale] });
      },
    });
    picture = { ...restored, jpeg, format: picture.format, gray: picture.gray, luma: picture.gray ? restored.pixels.filter((_, place) => place % 4 === 0) : null };
  }
  if (stop()) throw new Cancelled("cancelled");
  const said = steps.map((step) => step.said).join(", then ") || "nothing to do";
  return { picture, said: `${said} (${provider === "webgpu" ? "on the GPU" : "on the processor"}, ${((performance.now() - began) / 1000).toFixed(1)} s)` };
}

// Have the network ready that the picture needs, before somebody asks.
async function ahead(found, picture) {
  const engine = await networks;
  await engine.start();
  const [first] = stepsOf({ task: found.steps.length ? "auto" : "denoise" }, found, picture, engine.about);
  await engine.warm(first.network, first.scale ?? 1);
}

const calls = {
  async inspect({ file }) {
    const [weights, picture] = await Promise.all([estimator, decode(file)]);
    const found = inspect(picture, weights);
    ahead(found, picture).catch(() => {}); // where it is asked for, it says why not
    return found;
  },

  // A job: its result is one lossless file.
  submit({ id, file, fields }) {
    const done = turn.then(async () => {
      const { picture, said } = await run(id, file, fields);
      return { said, after: await encode(picture, "png"), size: [picture.width, picture.height] };
    });
    turn = done.catch(() => {});
    running.add(id);
    return done.finally(() => {
      running.delete(id);
      cancelled.delete(id);
    });
  },

  // A part of a picture, at once, as the whole was found to be.
  async look({ file, fields, found }) {
    const done = turn.then(() => run(0, file, { ...fields, found: { ...found, map: null, grid: [0, 0] } }));
    turn = done.catch(() => {});
    const { picture } = await done;
    return new ImageData(picture.pixels, picture.width, picture.height);
  },

  cancel({ id }) {
    if (running.has(id)) cancelled.add(id);
  },

  // What is saved: some of the restored picture, in the format asked for.
  async result({ file, after, strength, format }) {
    const [original, restored] = await Promise.all([decode(file), decode(after)]);
    if (strength < 1) blend(original, restored, strength);
    const exif = original.jpeg?.exif && upright(original.jpeg.exif);
    return encode(restored, format, exif);
  },
};

function blend(before, after, strength) {
  const scale = after.width / before.width;
  for (let y = 0; y < after.height; y += 1) {
    for (let x = 0; x < after.width; x += 1) {
      const to = 4 * (y * after.width + x);
      const from = 4 * (Math.floor(y / scale) * before.width + Math.floor(x / scale));
      for (let channel = 0; channel < 3; channel += 1) {
        after.pixels[to + channel] = before.pixels[from + channel] + strength * (after.pixels[to + channel] - before.pixels[from + channel]);
      }
    }
  }
}

onmessage = async ({ data: { id, call, given } }) => {
  try {
    postMessage({ id, result: await calls[call](given) });
  } catch (error) {
    const kind = error instanceof Cancelled ? "cancelled" : error instanceof Refused ? "refused" : "failed";
    postMessage({ id, error: kind === "failed" ? `It could not be done: ${error.message}` : error.message, kind });
  }
};
