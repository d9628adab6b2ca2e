// What restores the pictures: the server that the page came from, and no other. In the site that
// needs no server another module of this name and these functions stands here (browser/api.js).

import { ENDED, Refusal, sleep } from "./common.js";

// Tasks of the page that there are not.
export const unavailable = [];

const KEPT = "rnan-token";

export const token = {
  get: () => sessionStorage.getItem(KEPT) ?? "",
  set: (value) => sessionStorage.setItem(KEPT, value),
};

async function ask(path, options = {}) {
  const given = token.get().replace(/[^!-~]/g, "?"); // headers hold no others, tokens neither
  const headers = given ? { Authorization: `Bearer ${given}` } : {};
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, { detail: "The server does not answer." });
  }
  if (answer.ok) return answer;
  const problem = { detail: `${answer.status} ${answer.statusText}` };
  try {
    Object.assign(problem, await answer.json());
  } catch {
    // not a problem document: the status has to do
  }
  throw new Refusal(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
}

const json = async (path, options) => (await ask(path, options)).json();
const blob = async (path, options) => (await ask(path, options)).blob();

// Of a job, as seen from the page: behind a proxy the server does not know its own address.
const place = (job) => `api/v1/jobs/${job.id}`;

function form(file, fields) {
  const body = new FormData();
  body.append("picture", file, file.name);
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return { method: "POST", body };
}

// What can be asked for, and within which limits.
export const options = () => json("api/v1/options");
// Names and descriptions of pictures to try it with, and one of them.
export const examples = () => json("api/v1/examples");
export const example = (name) => blob(`api/v1/examples/${name}`);
// What a picture is and what it needs.
export const inspect = (file, fields) => json("api/v1/inspect", form(file, fields));
export const preview = (file) => blob("api/v1/preview", form(file, {}));
// Restoring: a job is asked for, followed, shown, fetched, forgotten.
export const submit = (file, fields) => json("api/v1/jobs", form(file, fields));
export const state = (job) => json(place(job));
export const shown = (job, which) => blob(`${place(job)}/shown/${which}`);
export const result = (job, strength) => blob(`${place(job)}/result?strength=${strength}`);
export const forget = (job, options) => ask(place(job), { ...options, method: "DELETE" });

// A part of a picture, restored at once: as the whole is asked for, and was found to be.
export async function look(crop, { task, frame, assume_cmyk, salvage, format, ...asked }, found) {
  const steps = task === "auto" ? found.steps : [{ restoration: task }];
  let part = crop;
  for (const { restoration } of steps) {
    const fields = { task: restoration, ...asked };
    if (restoration === "denoise" && (fields.sigma ?? "auto") === "auto") {
      fields.sigma = Math.min(found.sigma, 75);
      if (found.of_camera) fields.model = "denoise-camera";
    }
    if (restoration === "dejpeg") {
      if ((fields.quality ?? "auto") === "auto") fields.quality = found.quality;
      delete fields.luma;
      delete fields.chroma;
    }
    part = await blob("api/v1/restore", form(new File([part], "part.png"), fields));
  }
  return part;
}

// Results of several jobs in one file.
export function archive(wanted) {
  return blob(`api/v1/archive?${wanted.map(({ job, strength }) => `job=${job.id}&strength=${strength}`).join("&")}`);
}

// The states of a job. Asked for again and again: a stream for each of many pictures would hold all
// connections that a browser opens to one server.
export async function* follow(job) {
  for (;;) {
    const now = await state(job);
    yield now;
    if (ENDED.includes(now.state)) return;
    await sleep(now.state === "running" ? 0.3 : 1);
  }
}
