// One triplet large: its pictures under a slider, its row, and the same face again with another recipe.

import { ask, element, toBlob } from "./api.js";

const $ = (id) => document.getElementById(id);
const PAUSE_MS = 120; // between the last move of a slider and the question
const QUIET = /^(key|masked|map|clean|source_sha256|support|attr_|status|reason)/; // cells that tell people little

export class Large {
  constructor(about) {
    this.fields = about.fields;
    this.asked = 0;
    [this.clean, this.map, this.masked] = $("triplet").querySelectorAll("img");
    $("recipe-name").replaceChildren(...about.recipes.map((name) => element("option", {}, name)));
    $("slide").oninput = () => this.slide();
    $("close").onclick = () => $("large").close();
    $("earlier").onclick = () => this.step(-1);
    $("later").onclick = () => this.step(1);
    $("reset").onclick = () => this.load();
    $("face").onchange = () => {
      this.changes = {};
      this.fill();
    };
    $("recipe").onsubmit = (event) => event.preventDefault();
    $("recipe").oninput = (event) => this.changed(event.target);
    $("draw").onsubmit = (event) => {
      event.preventDefault();
      this.draw();
    };
    $("draw").oninput = () => this.tellCommand();
  }

  async open(number, numbers) {
    [this.number, this.numbers] = [number, numbers];
    if (!$("large").open) $("large").showModal();
    await this.load();
  }

  async step(by) {
    const next = this.numbers[this.numbers.indexOf(this.number) + by];
    if (next !== undefined) await this.open(next, this.numbers);
  }

  async load() {
    const mine = ++this.asked;
    clearTimeout(this.timer);
    try {
      const whole = await ask(`/api/data/triplets/${this.number}`);
      if (mine !== this.asked) return;
      this.faces = whole.faces;
      this.changes = {};
      this.drawn = {};
      this.say("As it is in the dataset.");
      const place = this.numbers.indexOf(this.number);
      $("earlier").disabled = place <= 0;
      $("later").disabled = place >= this.numbers.length - 1;
      $("large-title").textContent = whole.row.key;
      this.pictures((kind) => `/api/data/triplets/${this.number}/${kind}`);
      $("triplet").style.aspectRatio = `${whole.row.width} / ${whole.row.height}`;
      this.tellRow(whole.row);
      $("face-choice").hidden = this.faces.length < 2;
      $("face").replaceChildren(...this.faces.map((_, index) => element("option", { value: index }, String(index + 1))));
      this.fill();
      this.slide();
      this.tellCommand();
    } catch (error) {
      if (mine === this.asked) this.say(error.message, true);
    }
  }

  say(words, wrong = false) {
    $("large-status").textContent = words;
    $("large-status").classList.toggle("wrong", wrong);
  }

  pictures(address) {
    for (const kind of ["clean", "map", "masked"]) {
      const image = this[kind];
      if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
      image.src = address(kind);
    }
  }

  // 0: masked, 100: map, 200: clean; in between the one is drawn aside to show the next.
  slide() {
    const value = Number($("slide").value);
    this.masked.style.setProperty("--over", Math.max(0, 100 - value));
    this.map.style.setProperty("--over", Math.min(100, 200 - value));
    const names = ["masked", "map", "clean"];
    const first = Math.min(1, Math.floor(value / 100));
    const text = value % 100 ? `${names[first]}, then ${names[first + 1]}` : names[value / 100];
    $("slide").setAttribute("aria-valuetext", text);
  }

  tellRow(row) {
    const marks = Object.entries(row).filter(([name, value]) => name.startsWith("attr_") && value === "1");
    const cells = Object.entries(row).filter(([name, value]) => value && !QUIET.test(name));
    if (marks.length) cells.push(["attributes", marks.map(([name]) => name.slice(5).replaceAll("_", " ")).join(", ")]);
    const pair = ([name, value]) => [element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, value)];
    $("row").replaceChildren(...cells.flatMap(pair));
  }

  // The form, with the values of a face; what has no effect on its template has none.
  fill() {
    const mask = this.faces[Number($("face").value) || 0];
    let part = "";
    const children = [];
    for (const field of this.fields) {
      const [section, name] = field.key.includes(".") ? field.key.split(".") : ["mask", field.key];
      const value = section === "mask" ? mask[name] : mask[section][name];
      if (value === undefined) continue;
      if (section !== part) children.push(element("h3", {}, section));
      part = section;
      children.push(control(field, name, value));
    }
    $("recipe").replaceChildren(...children);
  }

  changed(input) {
    const { key } = input.dataset;
    if (!key) return;
    const twin = input.parentElement.querySelectorAll("input");
    for (const other of twin) if (other !== input) other.value = input.value;
    if (input.type === "checkbox") this.changes[key] = input.checked;
    else if (input.type === "number" || input.type === "range") {
      if (input.value === "" || Number.isNaN(Number(input.value))) return;
      this.changes[key] = Number(input.value);
    } else this.changes[key] = input.value;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.change(key), PAUSE_MS);
  }

  async change(key) {
    const wish = { ...this.drawn, changes: this.changes, face: Number($("face").value) || 0 };
    if (!(await this.again(wish)) || key !== "template") return;
    this.faces = this.made.faces; // another template has other values
    this.fill();
    $("recipe").querySelector('[data-key="template"]').focus();
  }

  async again(wish) {
    const mine = ++this.asked;
    const headers = { "Content-Type": "application/json" };
    try {
      const made = await ask(`/api/data/triplets/${this.number}/again`, { method: "POST", headers, body: JSON.stringify(wish) });
      if (mine !== this.asked) return false;
      this.pictures((kind) => URL.createObjectURL(toBlob(made[kind])));
      const { summary } = made;
      const worn = `${summary.family.replaceAll("_", " ")}, ${summary.worn.replaceAll("_", " ")}`;
      this.say(`Made again in ${made.milliseconds.toFixed(0)} ms: ${worn}, covers ${(100 * summary.coverage).toFixed(1)} %.`);
      this.made = made;
      return true;
    } catch (error) {
      if (mine === this.asked) this.say(error.message, true);
      return false;
    }
  }

  async draw() {
    const pins = $("pins").value.trim().split(/\s+/).filter(Boolean);
    const wish = { pins, seed: Number($("seed").value) || 0, recipe: $("recipe-name").value };
    this.changes = {};
    if (!(await this.again(wish))) return;
    this.drawn = wish; // what is changed from here on is changed in that mask
    this.faces = this.made.faces;
    this.fill();
  }

  tellCommand() {
    const pins = $("pins").value.trim().split(/\s+/).filter(Boolean);
    const recipe = $("recipe-name").value;
    const parts = ["unmask-data build SOURCE OUT", `--seed ${Number($("seed").value) || 0}`];
    if (recipe !== "default") parts.push(`--recipe ${recipe}`);
    parts.push(...pins.map((pin) => `--set ${pin}`));
    $("command").textContent = parts.join(" ");
  }
}

function control(field, name, value) {
  const data = { "data-key": field.key };
  const label = element("label", {}, element("span", {}, name.replaceAll("_", " ")));
  if (field.kind === "choice") {
    const choices = field.choices.includes(value) ? field.choices : [value, ...field.choices];
    label.append(element("select", data, ...choices.map((one) => element("option", { selected: one === value }, one))));
  } else if (field.kind === "colour") label.append(element("input", { ...data, type: "color", value }));
  else if (field.kind === "flag") label.append(element("input", { ...data, type: "checkbox", checked: value }));
  else {
    const [low, high] = field.span;
    const whole = field.kind === "whole" || field.key === "shape.loose";
    const step = whole ? 1 : 10 ** Math.floor(Math.log10((high - low) / 100));
    const span = { min: Math.min(low, value), max: Math.max(high, value) };
    label.append(element("input", { ...data, type: "range", ...span, step, value }));
    label.append(element("input", { ...data, type: "number", ...span, step: "any", value, "aria-label": `${name}, number` }));
  }
  return label;
}
