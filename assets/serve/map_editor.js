// The map under the brush: opaque where the mask is, transparent elsewhere, with what undoes each stroke.

const MOST_UNDO_BYTES = 256e6;
const REACH = 12; // pixels of the screen by which a press may miss a region

export class MapEditor {
  constructor(canvas) {
    this.canvas = canvas;
    this.committed = document.createElement("canvas");
    this.tint = getComputedStyle(document.documentElement).getPropertyValue("--map").trim() || "#e6286e";
    this.onchange = () => {};
    this.reset(1, 1);
  }

  reset(width, height, bitmap = null) {
    for (const canvas of [this.canvas, this.committed]) [canvas.width, canvas.height] = [width, height];
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.backing = this.committed.getContext("2d", { willReadFrequently: true });
    this.undone = [];
    this.done = [];
    this.stroke = null;
    if (bitmap) this.#paint(bitmap);
    this.backing.drawImage(this.canvas, 0, 0);
    this.onchange();
  }

  get undoable() { return this.done.length > 0; }
  get redoable() { return this.undone.length > 0; }

  begin(x, y, diameter, erase) {
    this.stroke = { x, y, diameter, erase, box: [x, y, x, y] };
    this.extend(x, y);
  }

  extend(x, y) {
    const { stroke, context } = this;
    if (!stroke) return;
    context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
    context.strokeStyle = this.tint;
    context.lineWidth = stroke.diameter;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(stroke.x, stroke.y);
    context.lineTo(x, y + (x === stroke.x && y === stroke.y ? 0.01 : 0));
    context.stroke();
    context.globalCompositeOperation = "source-over";
    const [left, top, right, bottom] = stroke.box;
    stroke.box = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
    [stroke.x, stroke.y] = [x, y];
  }

  end() {
    if (!this.stroke) return;
    const reach = this.stroke.diameter / 2 + 2;
    const [left, top, right, bottom] = this.stroke.box;
    this.stroke = null;
    this.#commit(left - reach, top - reach, right + reach, bottom + reach);
  }

  // Adds what is white in a picture of the map's size.
  add(bitmap) {
    this.#paint(bitmap);
    this.#commit(0, 0, this.canvas.width, this.canvas.height);
  }

  // Takes away the region at a place, or the nearest one within reach; false where there is none.
  remove(x, y, reach) {
    const { width, height } = this.canvas;
    const image = this.context.getImageData(0, 0, width, height);
    const start = nearest(image, x, y, reach);
    if (start < 0) return false;
    const [left, top, right, bottom] = clearRegion(image, start);
    this.context.putImageData(image, 0, 0, left, top, right - left + 1, bottom - top + 1);
    this.#commit(left, top, right + 1, bottom + 1);
    return true;
  }

  undo() { this.#step(this.done, this.undone, "before"); }
  redo() { this.#step(this.undone, this.done, "after"); }

  get empty() {
    const { data } = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    for (let i = 3; i < data.length; i += 4) if (data[i] >= 128) return false;
    return true;
  }

  // White where the mask is, black elsewhere.
  toBlob() {
    const { width, height } = this.canvas;
    const image = this.context.getImageData(0, 0, width, height);
    const { data } = image;
    for (let i = 0; i < data.length; i += 4) {
      data[i] = data[i + 1] = data[i + 2] = data[i + 3] >= 128 ? 255 : 0;
      data[i + 3] = 255;
    }
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [width, height];
    copy.getContext("2d").putImageData(image, 0, 0);
    return new Promise((resolve) => copy.toBlob(resolve, "image/png"));
  }

  #paint(bitmap) {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [this.canvas.width, this.canvas.height];
    const context = copy.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const image = context.getImageData(0, 0, copy.width, copy.height);
    const { data } = image;
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(this.tint.slice(at, at + 2), 16));
    for (let i = 0; i < data.length; i += 4) {
      data[i + 3] = data[i] >= 128 ? 255 : 0;
      [data[i], data[i + 1], data[i + 2]] = [red, green, blue];
    }
    context.putImageData(image, 0, 0);
    this.context.drawImage(copy, 0, 0);
  }

  #commit(left, top, right, bottom) {
    const x = Math.max(0, Math.floor(left));
    const y = Math.max(0, Math.floor(top));
    const width = Math.min(this.canvas.width, Math.ceil(right)) - x;
    const height = Math.min(this.canvas.height, Math.ceil(bottom)) - y;
    if (width <= 0 || height <= 0) return;
    const before = this.backing.getImageData(x, y, width, height);
    const after = this.context.getImageData(x, y, width, height);
    this.backing.putImageData(after, x, y);
    this.done.push({ x, y, before, after });
    this.undone = [];
    let bytes = 0;
    for (let i = this.done.length - 1; i >= 0; i--) {
      bytes += 2 * this.done[i].before.data.length;
      if (bytes > MOST_UNDO_BYTES && i < this.done.length - 1) {
        this.done.splice(0, i + 1);
        break;
      }
    }
    this.onchange();
  }

  #step(from, to, which) {
    const patch = from.pop();
    if (!patch) return;
    this.context.putImageData(patch[which], patch.x, patch.y);
    this.backing.putImageData(patch[which], patch.x, patch.y);
    to.push(patch);
    this.onchange();
  }
}

function nearest({ data, width, height }, x, y, reach = REACH) {
  let best = -1;
  let least = reach * reach;
  for (let row = Math.max(0, Math.floor(y - reach)); row < Math.min(height, y + reach + 1); row++) {
    for (let column = Math.max(0, Math.floor(x - reach)); column < Math.min(width, x + reach + 1); column++) {
      const distance = (column - x) ** 2 + (row - y) ** 2;
      if (distance <= least && data[4 * (row * width + column) + 3] >= 128) {
        least = distance;
        best = row * width + column;
      }
    }
  }
  return best;
}

// Makes the region of a pixel transparent, over corners as well; returns its box.
function clearRegion({ data, width, height }, start) {
  const box = [width, height, 0, 0];
  const waiting = [start];
  data[4 * start + 3] = 0;
  while (waiting.length) {
    const at = waiting.pop();
    const x = at % width;
    const y = (at - x) / width;
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
    for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
      for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
        const next = row * width + column;
        if (data[4 * next + 3] > 0) {
          data[4 * next + 3] = 0;
          waiting.push(next);
        }
      }
    }
  }
  return box;
}
