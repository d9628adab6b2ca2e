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
    this.wheel();
    this.pinch();
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
    this.size(whole ? 1 / devicePixelRatio : this.fitting);
  }

  // Points of the screen for a pixel, where the whole picture is seen.
  get fitting() {
    const { naturalWidth, naturalHeight } = this.after;
    return Math.min(1, this.frame.clientWidth / naturalWidth, (0.72 * innerHeight) / naturalHeight);
  }

  size(scale) {
    this.scale = scale;
    this.stage.style.width = `${scale * this.after.naturalWidth}px`;
    this.stage.style.height = `${scale * this.after.naturalHeight}px`;
    this.draw();
  }

  // Larger or smaller, while what lies at a place of the screen stays there.
  zoomAt(times, x, y) {
    const box = this.stage.getBoundingClientRect();
    const [across, down] = [(x - box.left) / box.width, (y - box.top) / box.height];
    const least = Math.min(this.fitting, 1 / devicePixelRatio);
    this.whole = false;
    this.zoom.setAttribute("aria-pressed", "false");
    this.size(Math.min(Math.max(this.scale * times, least), 8 / devicePixelRatio));
    const now = this.stage.getBoundingClientRect();
    this.frame.scrollLeft += now.left + across * now.width - x;
    this.frame.scrollTop += now.top + down * now.height - y;
  }

  wheel() {
    const turned = (event) => {
      event.preventDefault();
      this.zoomAt(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 500)), event.clientX, event.clientY);
    };
    this.frame.addEventListener("wheel", turned, { passive: false });
  }

  // Two fingers.
  pinch() {
    const fingers = new Map();
    const middle = () => {
      const [one, two] = [...fingers.values()];
      return { apart: Math.hypot(one.x - two.x, one.y - two.y), x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
    };
    this.frame.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    this.frame.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      const before = fingers.size === 2 && middle();
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (!before) return;
      const now = middle();
      this.zoomAt(now.apart / Math.max(1, before.apart), now.x, now.y);
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      this.frame.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
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
