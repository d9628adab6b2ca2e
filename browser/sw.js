// Keeps the site for the time without a network, and adds the headers that threads need where the
// host can't. Every file is kept under its hash: what has changed is fetched anew.

const PREFIX = `rnan ${registration.scope} `; // another site of the same host has its own

async function listed() {
  const files = await (await fetched("files.json")).json();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(files)));
  const name = PREFIX + [...new Uint8Array(digest)].slice(0, 8).map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { files, name };
}

async function fetched(file) {
  const answer = await fetch(file, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`); // the version is not there as a whole
  return answer;
}

async function keep() {
  const { files, name } = await listed();
  const cache = await caches.open(name);
  const old = (await caches.keys()).filter((one) => one.startsWith(PREFIX) && one !== name);
  const before = old.length ? await caches.open(old.at(-1)) : null;
  const hashes = before ? await (await before.match("files.json"))?.json() : null;
  await Promise.all(Object.entries(files).map(async ([file, hash]) => {
    if (await cache.match(file)) return;
    if (!navigator.gpu && file.includes("asyncify")) return; // the program for GPUs is large
    const same = hashes?.[file] === hash && (await before.match(file));
    await cache.put(file, same || (await fetched(file)));
  }));
  await cache.put("files.json", new Response(JSON.stringify(files)));
  await Promise.all(old.map((one) => caches.delete(one)));
}

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", (event) => event.waitUntil(keepOnce())); // the page is here for the first time
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || !url.href.startsWith(registration.scope)) return;
  event.respondWith(answered(event, url));
});

let keeping = null;

// All that may be wanted later, while the page is looked at.
function keepOnce() {
  keeping ??= keep().catch(() => {}).finally(() => { keeping = null; });
  return keeping;
}

async function answered(event, url) {
  if (event.request.mode === "navigate") {
    event.waitUntil(keepOnce());
  }
  const name = url.pathname.endsWith("/") ? "index.html" : url.href;
  return isolated((await kept(name)) ?? (await fetch(event.request)));
}

// From a version that is there as a whole.
async function kept(name) {
  for (const one of await caches.keys()) {
    const cache = await caches.open(one);
    if (one.startsWith(PREFIX) && (await cache.match("files.json"))) return cache.match(name);
  }
  return undefined;
}

function isolated(answer) {
  if (answer.type === "opaque" || !answer.status) return answer;
  const headers = new Headers(answer.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}
