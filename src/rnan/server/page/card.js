// One picture: what was found, what is wanted, how far it is, what came out.

import * as api from "./api.js";
import { Compare } from "./compare.js";
import { FINER, LEVELS, REMEDIES, TASKS, left } from "./words.js";

export class Card {
  constructor(file, options, changed) {
    this.file = file;
    this.options = options; // what the server takes, once it has said so
    this.changed = changed;
    this.job = null;
    this.done = false;
    this.reading = {}; // how the file is read
    this.turn = 0; // of restoring: what was cancelled has another one than what is shown
    const template = document.getElementById("card");
    this.element = template.content.firstElementChild.cloneNode(true);
    const part = (name) => this.element.querySelector(`.${name}`);
    this.parts = Object.fromEntries(
      ["preview", "found", "task", "level", "finer", "luma", "chroma", "format", "format-line", "restore", "cancel", "remove", "state", "progress", "result", "download"]
        .map((name) => [name, part(name)]),
    );
    part("name").textContent = file.name;
    this.element.setAttribute("aria-label", file.name);
    for (const [task, words] of Object.entries(TASKS)) this.parts.task.add(new Option(words, task));
    this.compare = new Compare(this.element);
    this.parts.task.addEventListener("change", () => {
      this.askLevel();
      this.parts.finer.hidden = !FINER.includes(this.parts.task.value);
    });
    part("asked").addEventListener("submit", (event) => {
      event.preventDefault();
      this.restore();
    });
    this.parts.cancel.addEventListener("click", () => this.cancel());
    this.parts.remove.addEventListener("click", () => this.remove());
    this.parts.download.addEventListener("click", () => this.download());
    this.look();
  }

  say(text, bad = false) {
    this.parts.state.textContent = text;
    this.parts.state.classList.toggle("bad", bad);
  }

  // A refusal, and a button for what would help, after which it is tried again.
  refused({ message, remedy }, again) {
    const [name] = Object.keys(remedy ?? {});
    const words = REMEDIES[name];
    this.say(words?.why ?? message, true);
    if (!words) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words.offer;
    button.addEventListener("click", () => {
      this.reading[name] = remedy[name];
      this.say("");
      again();
    });
    this.parts.state.append(" ", button);
  }

  list(lines) {
    this.parts.found.replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }

  async look() {
    try {
      const found = await this.patiently(() => api.inspect(this.file, this.reading), () => this.element.isConnected);
      if (!found) return;
      const steps = found.steps.map((step) => TASKS[step.restoration].toLowerCase());
      const advice = steps.length ? `Suggested: ${steps.join(", then ")}` : "Nothing to do; it looks clean";
      this.list([...found.sentences, advice]);
      if (found.format === "RAW") await this.lookAtRaw();
    } catch (error) {
      this.list([]);
      this.refused(error, () => this.look());
    }
  }

  // Browsers show no camera raw: the server does.
  async lookAtRaw() {
    this.parts["format-line"].hidden = false;
    const { preview } = this.parts;
    preview.src = URL.createObjectURL(await api.preview(this.file));
    preview.hidden = false;
  }

  // A field for the level of the chosen task.
  askLevel() {
    const about = this.level();
    this.parts.level.replaceChildren();
    if (!about) return;
    const label = document.createElement("label");
    label.append(about.label);
    const scales = about.name === "scale" ? wholeNumbers(about.low, about.high) : [];
    const choices = scales.length ? scales : about.kind === "str" ? about.choices : [];
    if (choices.length) {
      const select = document.createElement("select");
      for (const choice of choices) select.add(new Option(choice === "auto" ? "found out" : choice, choice));
      label.append(select);
      this.parts.level.append(label);
      return;
    }
    const how = document.createElement("select");
    how.append(new Option("found out", "auto"), new Option("given", "given"));
    const number = document.createElement("input");
    Object.assign(number, { type: "number", min: about.low, max: about.high, step: 1, value: about.start });
    number.setAttribute("aria-label", `${about.label}, ${about.hint}`);
    const hint = document.createElement("span");
    hint.textContent = about.hint;
    const show = (yes) => { number.hidden = number.disabled = hint.hidden = !yes; }; // or its limits would hold unseen
    show(false);
    how.addEventListener("change", () => show(how.value === "given"));
    label.append(how);
    this.parts.level.append(label, number, hint);
  }

  // What the server and our words say of the level of the chosen task; nothing where it has none.
  level() {
    const task = this.parts.task.value;
    const [described] = this.options()?.levels[task] ?? [];
    return described && { ...described, ...LEVELS[task] };
  }

  fields() {
    const task = this.parts.task.value;
    const about = this.level();
    const more = { ...this.reading };
    for (const name of FINER.includes(task) ? ["luma", "chroma"] : []) {
      const share = Number(this.parts[name].value) / 100;
      if (share < 1) more[name] = share;
    }
    if (!this.parts["format-line"].hidden) more.format = this.parts.format.value;
    if (!about) return { task, ...more };
    const how = this.parts.level.querySelector("select").value;
    const number = this.parts.level.querySelector("input");
    return { task, ...more, [about.name]: how === "given" ? number.value : how };
  }

  busy(yes) {
    const { restore, cancel, progress } = this.parts;
    const focused = document.activeElement; // or a keyboard would have lost its place
    cancel.hidden = progress.hidden = !yes;
    restore.disabled = yes;
    if (yes && focused === restore) cancel.focus();
    if (!yes && focused === cancel) restore.focus();
  }

  async restore() {
    if (this.parts.restore.disabled) return;
    this.busy(true);
    const turn = this.turn + 1; // as dropping what was before makes it
    await this.drop();
    if (turn !== this.turn) return;
    this.parts.result.hidden = true;
    this.parts.progress.removeAttribute("value");
    this.say("Sending it …");
    try {
      const job = await this.submit(turn);
      if (!job) return;
      this.job = job;
      for await (const now of api.follow(api.place(job))) {
        if (turn !== this.turn) return;
        this.job = now;
        this.tell();
      }
      if (this.job.state === "done") await this.show(turn);
    } catch (error) {
      if (turn === this.turn) this.refused(error, () => this.restore());
    }
    if (turn !== this.turn) return;
    this.busy(false);
    this.changed();
  }

  // What the server answers once it has room; nothing where it is not wanted any more.
  async patiently(request, wanted) {
    for (;;) {
      try {
        return await request();
      } catch (error) {
        if (!wanted()) return null;
        if (error.status !== 429) throw error;
        this.say("Waiting for room on the server …");
        await api.sleep(Math.min(error.seconds || 1, 10));
        if (!wanted()) return null;
        this.say("");
      }
    }
  }

  // The job; nothing where it was cancelled meanwhile.
  async submit(turn) {
    const wanted = () => turn === this.turn;
    const job = await this.patiently(() => api.submit(this.file, this.fields()), wanted);
    if (!job || wanted()) return job;
    await api.remove(api.place(job));
    return null;
  }

  tell() {
    const { state, tiles, seconds_left: seconds, problem, said } = this.job;
    if (state === "queued") this.say("Waiting for its turn …");
    if (state === "running") {
      if (tiles.total) this.parts.progress.value = tiles.done / tiles.total;
      this.say(tiles.total ? `Part ${tiles.done} of ${tiles.total}${left(seconds)}` : "Working …");
    }
    if (state === "failed") {
      this.refused({ message: problem.detail, remedy: problem.remedy }, () => this.restore());
    }
    if (state === "cancelled") this.say("Cancelled.");
    if (state === "done") this.say(`Done: ${said}.`);
  }

  async show(turn) {
    const here = api.place(this.job);
    const [before, after] = await Promise.all(["before", "after"].map((which) => api.blob(`${here}/shown/${which}`)));
    if (turn !== this.turn) return;
    await this.compare.load(before, after);
    this.parts.preview.hidden = true;
    this.parts.result.hidden = false;
    this.parts.download.disabled = false;
    this.compare.setZoom(false);
    this.done = true;
    this.changed();
  }

  async cancel() {
    this.say("Cancelled.");
    this.busy(false);
    await this.drop();
  }

  async drop() {
    this.turn += 1;
    this.done = false;
    const { job } = this;
    this.job = null;
    this.changed();
    if (!job) return;
    try {
      await api.remove(api.place(job));
    } catch {
      // it was forgotten already
    }
  }

  async remove() {
    this.compare.forget();
    if (this.parts.preview.src) URL.revokeObjectURL(this.parts.preview.src);
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.element.remove();
    (next?.querySelector(".remove") ?? document.getElementById("pick")).focus();
    await this.drop();
    this.changed(this);
  }

  // The page goes away: nobody would ever fetch the result.
  leave() {
    if (this.job && !this.done) api.remove(api.place(this.job), { keepalive: true }).catch(() => {});
  }

  get strength() {
    return Number(this.compare.strength.value) / 100;
  }

  async download() {
    try {
      const content = await api.blob(`${api.place(this.job)}/result?strength=${this.strength}`);
      api.save(content, this.job.result_name);
    } catch (error) {
      if (error.status === 404) this.forgotten();
      else this.say(error.message, true);
    }
  }

  // Whether the result is still to be had.
  async lasts() {
    try {
      await api.json(api.place(this.job));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.forgotten();
    }
    return this.done;
  }

  forgotten() {
    this.done = false;
    this.parts.download.disabled = true;
    this.say("The server keeps results for a while only, and has forgotten this one: restore it again.", true);
    this.changed();
  }
}

function wholeNumbers(low, high) {
  const first = Math.ceil(low);
  return Array.from({ length: Math.floor(high) - first + 1 }, (_, place) => String(first + place));
}
