// Two pictures on each other, with a divider, a common zoom, and a blend.

export class Compare {
  constructor(card) {
    this.frame = card.querySelector(".frame");
    this.stage = card.querySelector(".stage");
    this.before = card.querySelector(".before");
    this.after = card.querySelector(".after");
    this.divider = card.querySelector(".divider");
    this.split = card.querySelector(".split");
    this.strength = card.querySelector(".strength");
    this.value = card.querySelector(".strength-value");
    this.zoom = card.querySelector(".zoom");
    this.split.addEventListener("input", () => this.draw());
    this.strength.addEventListener("input", () => this.draw());
    this.zoom.addEventListener("click", () => this.setZoom(!this.whole));
    this.whole = false;
    this.drag();
  }

  // Take two blobs; they may differ in size, as when enlarging. setZoom shows them.
  async load(before, after) {
    this.forget();
    this.before.src = URL.createObjectURL(before);
    this.after.src = URL.createObjectURL(after);
    await Promise.all([this.before.decode(), this.after.decode()]);
  }

  forget() {
    for (const image of [this.before, this.after]) {
      if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
    }
  }

  // At 1:1 a pixel of the result is a pixel of the screen; else the picture fits the page.
  setZoom(whole) {
    this.whole = whole;
    this.zoom.setAttribute("aria-pressed", String(whole));
    const { naturalWidth, naturalHeight } = this.after;
    const width = whole ? naturalWidth / devicePixelRatio : Math.min(naturalWidth, this.frame.clientWidth);
    const low = 0.72 * innerHeight / naturalHeight * naturalWidth;
    const shown = whole ? width : Math.min(width, low);
    this.stage.style.width = `${shown}px`;
    this.stage.style.height = `${shown / naturalWidth * naturalHeight}px`;
    this.draw();
  }

  draw() {
    const share = Number(this.split.value);
    this.after.style.clipPath = `inset(0 0 0 ${share}%)`;
    this.divider.style.left = `${share}%`;
    this.after.style.opacity = String(Number(this.strength.value) / 100);
    this.value.textContent = `${this.strength.value} %`;
  }

  // The divider follows a finger or a mouse; keys move the slider below, and the arrows here.
  drag() {
    const move = (event) => {
      const box = this.stage.getBoundingClientRect();
      const share = 100 * (event.clientX - box.left) / box.width;
      this.split.value = String(Math.min(100, Math.max(0, share)));
      this.draw();
    };
    this.divider.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.divider.setPointerCapture(event.pointerId);
      this.divider.addEventListener("pointermove", move);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.divider.addEventListener(end, () => this.divider.removeEventListener("pointermove", move));
    }
  }
}
