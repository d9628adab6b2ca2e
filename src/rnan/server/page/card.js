// One picture: what was found, what is wanted, how far it is, what came out.

import * as api from "./api.js";
import { save, sleep } from "./common.js";
import { Compare } from "./compare.js";
import { QuickLook } from "./look.js";
import { FINER, LEVELS, REMEDIES, TASKS, left, suggestion } from "./words.js";

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
    this.element = document.importNode(template.content.firstElementChild, true); // in a template pictures are not loaded
    const part = (name) => this.element.querySelector(`.${name}`);
    this.parts = Object.fromEntries(
      ["thumb", "name", "body", "look", "preview", "live", "found", "choices", "level", "finer", "luma", "chroma", "format", "format-line", "restore", "cancel", "remove", "state", "progress", "result", "download"]
        .map((name) => [name, part(name)]),
    );
    this.parts.name.textContent = file.name;
    this.parts.name.addEventListener("click", () => this.open(this.parts.body.hidden));
    this.element.setAttribute("aria-label", file.name);
    this.compare = new Compare(this.element);
    this.quick = new QuickLook(this.element, (crop) => (this.found ? api.look(crop, this.fields(), this.found) : Promise.reject(new Error("not known yet"))), () => this.enlargement);
    this.offer();
    part("asked").addEventListener("input", (event) => { if (event.target.type !== "radio") this.quick.again(); });
    part("asked").addEventListener("submit", (event) => {
      event.preventDefault();
      this.restore();
    });
    this.parts.cancel.addEventListener("click", () => this.cancel());
    this.parts.remove.addEventListener("click", () => this.remove());
    this.parts.download.addEventListener("click", () => this.download());
    this.show();
    this.look();
  }

  // A choice for each task; the first is what the picture needs.
  offer() {
    const group = `task-${(Card.number = (Card.number ?? 0) + 1)}`;
    for (const [task, words] of Object.entries(TASKS)) {
      if (api.unavailable.includes(task)) continue;
      const label = document.createElement("label");
      const choice = document.createElement("input");
      Object.assign(choice, { type: "radio", name: group, value: task, checked: task === "auto" });
      choice.addEventListener("change", () => {
        this.askLevel();
        this.parts.finer.hidden = !FINER.includes(task);
        this.quick.again();
      });
      label.append(choice, Object.assign(document.createElement("span"), { textContent: words }));
      this.parts.choices.append(label);
    }
  }

  get task() {
    return this.parts.choices.querySelector(":checked").value;
  }

  // How many times as wide the result of the chosen task is.
  get enlargement() {
    return this.task === "upscale" ? Number(this.parts.level.querySelector("select")?.value ?? 2) : 1;
  }

  // Show more than the line, or the line alone.
  open(yes) {
    this.parts.body.hidden = !yes;
    this.parts.name.setAttribute("aria-expanded", String(yes));
    if (yes) {
      this.changed(null, this);
      if (this.done) this.compare.setZoom(this.compare.whole);
    }
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
      this.found = found;
      this.list(found.sentences);
      this.parts.choices.querySelector("span").textContent = suggestion(found);
      this.parts["format-line"].hidden = found.format !== "RAW";
      this.quick.again();
    } catch (error) {
      this.list([]);
      this.refused(error, () => this.look());
    }
  }

  // The picture as it is; where the browser can't show it, the server may.
  async show() {
    const { preview, thumb, look } = this.parts;
    try {
      await shown(preview, this.file);
      this.quick.start();
    } catch {
      try {
        await shown(preview, await api.preview(this.file));
      } catch {
        return; // looking at it says why
      }
    }
    thumb.src = preview.src;
    look.hidden = this.done;
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
    Object.assign(number, { type: "number", min: about.low, max: about.high, step: 1, value: about.start, required: true });
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
    const { task } = this;
    const [described] = this.options()?.levels[task] ?? [];
    return described && { ...described, ...LEVELS[task] };
  }

  fields() {
    const { task } = this;
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
    if (this.parts.restore.disabled || !this.element.querySelector(".asked").reportValidity()) return;
    this.busy(true);
    const turn = this.turn + 1; // as dropping what was before makes it
    await this.drop();
    if (turn !== this.turn) return;
    this.parts.result.hidden = this.parts.live.hidden = true;
    this.parts.look.hidden = !this.parts.preview.src;
    this.parts.progress.removeAttribute("value");
    this.say("Sending it …");
    try {
      const job = await this.submit(turn);
      if (!job) return;
      this.job = job;
      for await (const now of api.follow(job)) {
        if (turn !== this.turn) return;
        this.job = now;
        this.tell();
      }
      if (this.job.state === "done") await this.showResult(turn);
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
        await sleep(Math.min(error.seconds || 1, 10));
        if (!wanted()) return null;
        this.say("");
      }
    }
  }

  // The job; nothing where it was cancelled meanwhile.
  async submit(turn) {
    const wanted = () => turn === this.turn;
    const job = await this.patiently(() => api.submit(this.file, this.fields(), (part, size) => this.draw(part, size)), wanted);
    if (!job || wanted()) return job;
    await api.forget(job);
    return null;
  }

  // A part that is restored, while others are not.
  draw({ pixels, width, height, x, y }, [wide, high]) {
    const { live } = this.parts;
    if (live.hidden || live.width !== wide || live.height !== high) Object.assign(live, { width: wide, height: high, hidden: false });
    live.getContext("2d").putImageData(new ImageData(pixels, width, height), x, y);
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

  async showResult(turn) {
    const [before, after] = await Promise.all(["before", "after"].map((which) => api.shown(this.job, which)));
    if (turn !== this.turn) return;
    await this.compare.load(before, after);
    if (turn !== this.turn) return;
    this.parts.look.hidden = this.parts.live.hidden = true;
    Object.assign(this.parts.live, { width: 0, height: 0 }); // its memory is given back
    this.parts.result.hidden = false;
    this.parts.download.disabled = false;
    this.compare.setZoom(false);
    this.done = true;
    this.changed();
  }

  async cancel() {
    this.parts.live.hidden = true;
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
      await api.forget(job);
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
    if (this.job && !this.done) api.forget(this.job, { keepalive: true }).catch(() => {});
  }

  get strength() {
    return Number(this.compare.strength.value) / 100;
  }

  async download() {
    try {
      const content = await api.result(this.job, this.strength);
      save(content, this.job.result_name);
    } catch (error) {
      if (error.status === 404) this.forgotten();
      else this.say(error.message, true);
    }
  }

  // Whether the result is still to be had.
  async lasts() {
    try {
      await api.state(this.job);
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

async function shown(image, content) {
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(content);
  try {
    await image.decode();
  } catch (error) {
    URL.revokeObjectURL(image.src);
    image.removeAttribute("src");
    throw error;
  }
}

function wholeNumbers(low, high) {
  const first = Math.ceil(low);
  return Array.from({ length: Math.floor(high) - first + 1 }, (_, place) => String(first + place));
}
