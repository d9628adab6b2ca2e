// What restores the pictures: this browser, in a worker of its own. The functions are those of
// src/rnan/server/page/api.js, behind which a server stands.

import { ENDED, Refusal } from "./common.js";
import { archiveOf } from "./engine/zip.js";

export const unavailable = ["demosaic"];

export const token = { get: () => "", set: () => {} };

const worker = new Worker(new URL("engine/worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
const jobs = new Map();
let number = 0;

worker.onmessage = ({ data }) => {
  if (data.job !== undefined) {
    jobs.get(data.job)?.heard(data);
    return;
  }
  const asked = waiting.get(data.id);
  waiting.delete(data.id);
  if (data.error === undefined) asked.resolve(data.result);
  else asked.reject(Object.assign(new Refusal(422, { detail: data.error }), { kind: data.kind }));
};
let broken = null; // why nothing can be restored
worker.onerror = (event) => {
  event.preventDefault();
  broken = new Refusal(0, { detail: "This browser could not start what restores pictures." });
  for (const asked of waiting.values()) asked.reject(broken);
  waiting.clear();
};

function ask(call, given) {
  number += 1;
  const id = number;
  if (broken) return Promise.reject(broken);
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, call, given });
  });
}

const known = fetch(new URL("about.json", import.meta.url)).then((answer) => answer.json());

export async function options() {
  const { tasks, levels } = await known;
  return { tasks, levels, limits: { bytes: 2 ** 30 } };
}

export const examples = async () => (await known).examples;
export const example = async (name) => (await fetch(new URL(`examples/${name}`, import.meta.url))).blob();

const looked = new WeakMap(); // what was found in a file, which restoring need not look for again

export async function inspect(file) {
  const found = await ask("inspect", { file });
  looked.set(file, found);
  return found;
}

export async function preview() {
  throw new Refusal(422, { detail: "This browser can't show it." });
}

// One picture on its way: what the page sees of it, and what it needs itself.
class Job {
  constructor(file, fields, drawn) {
    number += 1;
    this.id = number;
    this.file = file;
    this.fields = fields;
    this.drawn = drawn;
    this.now = { id: this.id, state: "queued", tiles: { done: 0, total: 0 }, seconds_left: null, problem: null, said: "", result_name: nameOf(file, fields) };
    this.told = () => {};
    jobs.set(this.id, this);
    this.run();
  }

  heard({ part, size, ...state }) {
    if (part) this.drawn?.(part, size);
    delete state.job;
    this.become(state);
  }

  become(state) {
    this.now = { ...this.now, ...state };
    this.told();
  }

  async run() {
    try {
      const fields = { ...this.fields, found: looked.get(this.file) };
      const { said, after } = await ask("submit", { id: this.id, file: this.file, fields });
      this.after = after;
      this.become({ state: "done", said });
    } catch (error) {
      const state = error.kind === "cancelled" ? "cancelled" : "failed";
      this.become({ state, problem: { detail: error.message, remedy: {} } });
    }
  }

  change() {
    return new Promise((done) => { this.told = done; });
  }
}

const ENDINGS = { "image/jpeg": "jpeg", "image/webp": "webp" };
const formatOf = (file) => ENDINGS[file.type] ?? "png"; // what it was, where a browser writes that

function nameOf(file, { task }) {
  const format = formatOf(file);
  const stem = file.name.replace(/\.[^.]*$/, "") || "picture";
  return `${stem}-${task === "auto" ? "restored" : task}.${format === "jpeg" ? "jpg" : format}`;
}

// drawn(part, [width, height]) gets each part as it is restored.
export const submit = async (file, fields, drawn) => new Job(file, fields, drawn).now;

// A part of a picture, restored at once: as the whole is asked for, and was found to be.
export const look = (file, fields, found) => ask("look", { file, fields, found });

export async function state({ id }) {
  if (!jobs.has(id)) throw new Refusal(404, { detail: "It is forgotten." });
  return jobs.get(id).now;
}

export async function* follow({ id }) {
  const job = jobs.get(id);
  while (job) {
    const change = job.change();
    yield job.now;
    if (ENDED.includes(job.now.state)) return;
    await change;
  }
}

export async function shown({ id }, which) {
  const job = jobs.get(id);
  return which === "before" ? job.file : job.after;
}

export async function result({ id }, strength) {
  if (!jobs.has(id)) throw new Refusal(404, { detail: "It is forgotten." });
  const { file, after } = jobs.get(id);
  return ask("result", { file, after, strength, format: formatOf(file) });
}

export async function forget({ id }) {
  jobs.delete(id);
  ask("cancel", { id }).catch(() => {}); // heard before the next part
}

export async function archive(wanted) {
  const files = [];
  for (const { job, strength } of wanted) files.push([job.result_name, await result(job, strength)]);
  return archiveOf(files);
}

// The site works without a network once it was here, and on as many threads as there are. A browser
// that keeps nothing goes on without both.
async function keepSite() {
  const before = navigator.serviceWorker.controller;
  await navigator.serviceWorker.register(new URL("sw.js", import.meta.url));
  const { active } = await navigator.serviceWorker.ready;
  if (!before && !self.crossOriginIsolated) location.reload(); // with the headers that it adds
  else active.postMessage("keep");
}

if ("serviceWorker" in navigator) keepSite().catch(() => {}); // not waited for: some never answer
