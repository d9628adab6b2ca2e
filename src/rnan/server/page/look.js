// A quick look: the place of a picture that is pointed at, restored before the whole is.

const SIDE = 256; // pixels of the result that are shown
const GRID = 8; // parts begin with a block of JPEG
const PAUSE = 150; // milliseconds that the pointer rests
const STEP = 32; // pixels that an arrow key moves

export class QuickLook {
  // restored(file) gives a Blob or ImageData; enlargement() says how many times as wide it is.
  constructor(card, restored, enlargement) {
    this.stage = card.querySelector(".looked-at");
    this.image = card.querySelector(".preview");
    this.lens = card.querySelector(".lens");
    this.restored = restored;
    this.enlargement = enlargement;
    this.place = null; // in pixels of the picture
    this.turn = 0;
    this.work = Promise.resolve();
    this.started = false;
  }

  start() {
    if (this.started) return;
    this.started = true;
    this.stage.tabIndex = 0;
    this.stage.addEventListener("pointermove", (event) => this.point(event));
    this.stage.addEventListener("pointerdown", (event) => this.point(event));
    this.stage.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") this.leave(); });
    this.stage.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("blur", () => this.leave());
  }

  point(event) {
    const box = this.image.getBoundingClientRect();
    const { naturalWidth: width, naturalHeight: height } = this.image;
    this.go(((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height);
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (event.key === "Escape") this.leave();
    if (!move) return;
    event.preventDefault();
    const [x, y] = this.place ?? [this.image.naturalWidth / 2, this.image.naturalHeight / 2];
    this.go(x + STEP * move[0], y + STEP * move[1]);
  }

  leave() {
    this.turn += 1;
    this.lens.hidden = true;
    this.place = null;
  }

  // What is asked for, or known, has changed.
  again() {
    if (this.place) this.go(...this.place);
  }

  go(x, y) {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    this.place = [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
    const side = SIDE / this.enlargement();
    const region = [[this.place[0], width], [this.place[1], height]].map(([middle, length]) => {
      const most = Math.max(0, length - side);
      const first = Math.min(Math.max(middle - side / 2, 0), most);
      return [Math.min(Math.round(first / GRID), Math.floor(most / GRID)) * GRID, Math.min(Math.ceil(side), length)];
    });
    this.turn += 1;
    this.draw(this.image, region);
    this.put(region);
    const { turn } = this;
    this.lens.classList.remove("restored");
    setTimeout(() => {
      if (turn === this.turn) this.work = this.work.then(() => this.look(turn, region));
    }, PAUSE);
  }

  async look(turn, region) {
    if (turn !== this.turn) return; // it waited, and something else is looked at now
    const [[left, width], [top, height]] = region;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(this.image, left, top, width, height, 0, 0, width, height);
    const part = await new Promise((done) => canvas.toBlob(done));
    try {
      const content = await this.restored(new File([part], "part.png", { type: "image/png" }));
      const bitmap = await createImageBitmap(content);
      if (turn !== this.turn) return;
      const context = this.lens.getContext("2d");
      context.drawImage(bitmap, 0, 0, this.lens.width, this.lens.height);
      this.lens.classList.add("restored");
    } catch {
      // there is no quick look, then; restoring the whole says why
    }
  }

  draw(image, [[left, width], [top, height]]) {
    const times = this.enlargement();
    Object.assign(this.lens, { width: width * times, height: height * times, hidden: false });
    const context = this.lens.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(image, left, top, width, height, 0, 0, this.lens.width, this.lens.height);
  }

  // One pixel of the result is one of the screen, around the place that is looked at.
  put([[left, width], [top, height]]) {
    const box = this.image.getBoundingClientRect();
    const shown = box.width / this.image.naturalWidth;
    const [wide, high] = [this.lens.width / devicePixelRatio, this.lens.height / devicePixelRatio];
    this.lens.style.width = `${wide}px`;
    this.lens.style.height = `${high}px`;
    const clamped = (middle, side, whole) => Math.min(Math.max(middle - side / 2, 0), Math.max(0, whole - side));
    this.lens.style.left = `${clamped((left + width / 2) * shown, wide, box.width)}px`;
    this.lens.style.top = `${clamped((top + height / 2) * shown, high, box.height)}px`;
  }
}
