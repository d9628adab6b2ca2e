// Requests to the server that the page came from, and to no other.

const KEPT = "rnan-token";

export const token = {
  get: () => sessionStorage.getItem(KEPT) ?? "",
  set: (value) => sessionStorage.setItem(KEPT, value),
};

// A refusal: the problem document that the server sent.
export class Refusal extends Error {
  constructor(status, { detail, remedy = {} }, seconds = 0) {
    super(detail);
    this.status = status;
    this.remedy = remedy; // fields with which the same request would be taken
    this.seconds = seconds; // after which to try again, where the server says so
  }
}

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

export const json = async (path, options) => (await ask(path, options)).json();
export const blob = async (path, options) => (await ask(path, options)).blob();
export const remove = (path, options) => ask(path, { ...options, method: "DELETE" });

// Of a job, as seen from the page: behind a proxy the server does not know its own address.
export const place = (job) => `api/v1/jobs/${job.id}`;

function form(file, fields) {
  const body = new FormData();
  body.append("picture", file, file.name);
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return { method: "POST", body };
}

export const inspect = (file, fields) => json("api/v1/inspect", form(file, fields));
export const preview = (file) => blob("api/v1/preview", form(file, {}));
export const submit = (file, fields) => json("api/v1/jobs", form(file, fields));

export const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

const ENDED = ["done", "failed", "cancelled"];

// The states of a job. Asked for again and again: a stream for each of many pictures would hold all
// connections that a browser opens to one server.
export async function* follow(path) {
  for (;;) {
    const job = await json(path);
    yield job;
    if (ENDED.includes(job.state)) return;
    await sleep(job.state === "running" ? 0.3 : 1);
  }
}

export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
