// Pictures come in by choosing, dropping or pasting; each gets a card.

import * as api from "./api.js";
import { Card } from "./card.js";
import { save } from "./common.js";

const at = (name) => document.getElementById(name);
const cards = new Set();
let options = null;

function changed(gone, opened) {
  if (gone) cards.delete(gone);
  for (const card of opened && cards.size > 1 ? cards : []) if (card !== opened) card.open(false);
  at("together").hidden = cards.size < 2;
  at("download-all").disabled = ![...cards].some((card) => card.done);
}

function add(files) {
  at("message").textContent = "";
  for (const file of files) {
    const most = options?.limits.bytes ?? Infinity;
    if (file.size > most) {
      at("message").textContent = `${file.name} is too large: ${(file.size / 2 ** 20).toFixed(0)} MB of ${(most / 2 ** 20).toFixed(0)} MB allowed.`;
      continue;
    }
    const card = new Card(file, () => options, changed);
    cards.add(card);
    at("pictures").prepend(card.element);
    card.open(true); // and the others are a line each
  }
  changed();
}

at("pick").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    if (name === "drop" || !event.relatedTarget) at("drop").classList.remove("over");
  });
}
document.addEventListener("drop", (event) => add(event.dataTransfer.files));
document.addEventListener("paste", (event) => add(event.clipboardData.files));

at("restore-all").addEventListener("click", () => {
  for (const card of [...cards].reverse()) if (!card.done) card.restore();
});
at("download-all").addEventListener("click", async () => {
  const done = [...cards].filter((card) => card.done);
  try {
    const last = await Promise.all(done.map((card) => card.lasts()));
    const wanted = done.filter((_, place) => last[place]);
    if (!wanted.length) return;
    save(await api.archive(wanted), "restored.zip");
  } catch (error) {
    at("message").textContent = error.message;
  }
});

addEventListener("beforeunload", (event) => {
  if ([...cards].some((card) => card.parts.restore.disabled)) event.preventDefault();
});
addEventListener("pagehide", (event) => {
  if (!event.persisted) for (const card of cards) card.leave();
});

async function start() {
  try {
    options = await api.options();
    at("token-line").hidden = true;
    at("message").textContent = "";
    at("examples").hidden = false;
    const examples = await api.examples();
    at("examples").querySelectorAll("button").forEach((button) => button.remove());
    for (const [name, words] of Object.entries(examples)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words.toLowerCase();
      button.addEventListener("click", async () => {
        const content = await api.example(name);
        add([new File([content], name, { type: content.type })]);
      });
      at("examples").append(button);
    }
  } catch (error) {
    const refused = error.status === 401;
    at("token-line").hidden = !refused;
    const wrong = api.token.get() ? "That is not the server's token." : "";
    at("message").textContent = refused ? wrong : error.message;
  }
}

at("token-line").addEventListener("submit", (event) => {
  event.preventDefault();
  api.token.set(at("token").value.trim());
  start();
});
start();
