// The photograph: before, after, the map and the faces on each other, at any enlargement.

const MOST_ZOOM = 16;
const VIEW_SHARE = 0.76; // of the window's height
const NEAR_TOP = 0.09;

export class Stage {
  constructor(root, view) {
    this.root = root;
    this.view = view;
    [this.before, this.after, this.map] = root.querySelectorAll("canvas");
    this.boxes = root.querySelector(".boxes");
    this.cursor = root.querySelector(".cursor");
    this.width = this.height = 1;
    this.zoom = 1;
    addEventListener("resize", () => this.fit());
  }

  // Bitmaps of one size; without an `after` the photograph is shown alone.
  show(before, after) {
    [this.width, this.height] = [before.width, before.height];
    draw(this.before, before);
    this.setAfter(after);
    this.root.style.aspectRatio = `${this.width} / ${this.height}`;
    this.zoom = 1;
    this.fit();
  }

  setAfter(after) {
    this.after.hidden = !after;
    if (after) draw(this.after, after);
  }

  fit() {
    const most = Math.min(VIEW_SHARE * innerHeight, 1000);
    const whole = Math.min(this.view.clientWidth, (most * this.width) / this.height);
    this.root.style.width = `${Math.max(1, Math.floor(whole * this.zoom))}px`;
  }

  // Enlarges the view, and keeps its middle where it is.
  enlarge(factor) {
    const { view } = this;
    const x = (view.scrollLeft + view.clientWidth / 2) / Math.max(1, view.scrollWidth);
    const y = (view.scrollTop + view.clientHeight / 2) / Math.max(1, view.scrollHeight);
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    this.fit();
    view.scrollLeft = x * view.scrollWidth - view.clientWidth / 2;
    view.scrollTop = y * view.scrollHeight - view.clientHeight / 2;
  }

  set wipe(percent) {
    this.root.style.setProperty("--wipe", percent);
  }

  // Pixels of the photograph for one of the screen.
  get scale() {
    return this.width / Math.max(1, this.root.clientWidth);
  }

  point(event) {
    const place = this.root.getBoundingClientRect();
    return [(event.clientX - place.left) * this.scale, (event.clientY - place.top) * this.scale];
  }

  setFaces(faces, name) {
    this.boxes.replaceChildren(
      ...faces.map((face, index) => {
        const box = document.createElement("div");
        const { left, top, right, bottom } = face;
        box.className = top < NEAR_TOP * this.height ? "box low" : "box";
        const share = (value, whole) => `${(100 * value) / whole}%`;
        box.style.left = share(left, this.width);
        box.style.top = share(top, this.height);
        box.style.width = share(right - left, this.width);
        box.style.height = share(bottom - top, this.height);
        const label = document.createElement("span");
        label.textContent = name(face, index);
        box.append(label);
        return box;
      }),
    );
  }

  setCursor(x, y, diameter) {
    const { cursor } = this;
    cursor.style.left = `${(100 * x) / this.width}%`;
    cursor.style.top = `${(100 * y) / this.height}%`;
    cursor.style.width = cursor.style.height = `${Math.max(6, diameter / this.scale)}px`;
  }
}

function draw(canvas, bitmap) {
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // under transparent pictures, as the server has it
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
}
