// The wall of a dataset's triplets, its filters, and the address that keeps them.

import { ask, counted, element } from "./api.js";
import { Large } from "./large.js";

const $ = (id) => document.getElementById(id);
const CHOICES = { family: "families", worn: "worn", split: "splits" };
const SPANS = ["coverage_min", "coverage_max", "yaw_min", "yaw_max", "pitch_min", "pitch_max", "roll_min", "roll_max"];
const PER_PAGE = 48;
const THUMB_PX = 218;

let asked = 0;
let page = 1;
let attributes = [];
let large;

function say(words, wrong = false) {
  $("status").textContent = words;
  $("status").classList.toggle("wrong", wrong);
}

// What is asked for, as the address of this page has it.
function wanted() {
  const query = new URLSearchParams();
  for (const name of Object.keys(CHOICES))
    for (const box of $(name).querySelectorAll(":checked")) query.append(name, box.value);
  for (const name of attributes) query.append("attribute", name);
  for (const name of SPANS) {
    const { value } = $("filters").elements[name];
    if (value !== "") query.append(name, value);
  }
  if (page > 1) query.append("page", page);
  return query;
}

// The server has shares where the page has percent.
function question(query) {
  const asking = new URLSearchParams(query);
  for (const name of ["coverage_min", "coverage_max"]) if (asking.has(name)) asking.set(name, asking.get(name) / 100);
  asking.set("per_page", PER_PAGE);
  return asking;
}

async function show() {
  const mine = ++asked;
  const query = wanted();
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  try {
    const found = await ask(`/api/data/triplets?${question(query)}`);
    if (mine !== asked) return;
    if (found.page > found.pages) {
      page = found.pages;
      await show();
      return;
    }
    say(found.total ? `${counted(found.total, "triplet")}.` : "No triplet fits all of these filters.");
    $("place").textContent = `Page ${found.page} of ${found.pages}`;
    $("previous").disabled = found.page <= 1;
    $("next").disabled = found.page >= found.pages;
    const numbers = found.triplets.map(({ number }) => number);
    $("wall").replaceChildren(...found.triplets.map((triplet) => tile(triplet, numbers)));
  } catch (error) {
    if (mine === asked) say(error.message, true);
  }
}

function tile(triplet, numbers) {
  const picture = (kind) =>
    element("img", { src: `/api/data/triplets/${triplet.number}/${kind}?height=${THUMB_PX}`, alt: "", loading: "lazy" });
  const percent = triplet.coverage === null ? "" : `, ${(100 * triplet.coverage).toFixed(0)} %`;
  const words = `${triplet.family.replaceAll("_", " ")}, ${triplet.worn.replaceAll("_", " ")}${percent}`;
  return element(
    "li",
    {},
    element(
      "button",
      { class: "tile", type: "button", title: triplet.key, onclick: () => large.open(triplet.number, numbers) },
      picture("masked"),
      picture("map"),
      picture("clean"),
      element("span", {}, words),
    ),
  );
}

function restart() {
  page = 1;
  show();
}

function showAttributes() {
  $("attributes").replaceChildren(
    ...attributes.map((name) => {
      const words = name.startsWith("-") ? `without ${name.slice(1)}` : `with ${name}`;
      const button = element("button", { type: "button", onclick: () => drop(name) }, `${words} ×`);
      button.setAttribute("aria-label", `Remove: ${words}`);
      return button;
    }),
  );
}

function drop(name) {
  attributes = attributes.filter((one) => one !== name);
  showAttributes();
  restart();
}

function offer(about, query) {
  for (const [name, key] of Object.entries(CHOICES)) {
    const chosen = new Set(query.getAll(name));
    $(name).replaceChildren(
      ...Object.entries(about[key]).map(([value, count]) =>
        element(
          "label",
          {},
          element("input", { type: "checkbox", value, checked: chosen.has(value) }),
          element("span", {}, value.replaceAll("_", " ")),
          element("span", { class: "count" }, String(count)),
        ),
      ),
    );
  }
  $("split-field").hidden = !Object.keys(about.splits).length;
  $("attribute-field").hidden = !Object.keys(about.attributes).length;
  $("attribute-name").replaceChildren(
    ...Object.keys(about.attributes).map((value) => element("option", { value }, value.replaceAll("_", " "))),
  );
  attributes = query.getAll("attribute");
  showAttributes();
  for (const name of SPANS) $("filters").elements[name].value = query.get(name) ?? "";
  page = Math.max(1, Number.parseInt(query.get("page"), 10) || 1);
}

function listen(about) {
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("change", (event) => {
    if (!event.target.id.startsWith("attribute-")) restart();
  });
  $("attribute-add").onclick = () => {
    const name = $("attribute-has").value + $("attribute-name").value;
    if (!attributes.includes(name)) attributes.push(name);
    showAttributes();
    restart();
  };
  $("clear").onclick = () => {
    offer(about, new URLSearchParams());
    restart();
  };
  const turn = (by) => {
    page += by;
    show();
    scrollTo({ top: 0 });
  };
  $("previous").onclick = () => turn(-1);
  $("next").onclick = () => turn(1);
}

async function start() {
  try {
    const { data } = await ask("/api/about");
    if (!data) {
      say("No dataset is open. Start the server with one: unmask-serve --data DATASET, a folder of unmask-data build.");
      return;
    }
    const about = await ask("/api/data");
    $("title").textContent = `${about.name}: ${counted(about.triplets, "triplet")}`;
    document.title = `unmask: ${about.name}`;
    if (matchMedia("(max-width: 860px)").matches) $("filter-details").open = false;
    offer(about, new URLSearchParams(location.search));
    large = new Large(about);
    listen(about);
    $("page").hidden = false;
    await show();
  } catch (error) {
    say(error.message, true);
  }
}

start();
