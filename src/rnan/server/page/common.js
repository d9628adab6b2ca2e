// What the page needs whatever restores the pictures: a server, or the browser itself.

// A refusal, in words for people.
export class Refusal extends Error {
  constructor(status, { detail, remedy = {} }, seconds = 0) {
    super(detail);
    this.status = status;
    this.remedy = remedy; // fields with which the same request would be taken
    this.seconds = seconds; // after which to try again, where a server says so
  }
}

export const ENDED = ["done", "failed", "cancelled"]; // states of a job

export const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
