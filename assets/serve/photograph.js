// The page of photographs: what is chosen, what is seen of it, and what a person corrects.

import { ask, counted, element, form, save, toBitmap, toBlob } from "./api.js";
import { saveAll, stem, tellEntry, tellProgress, thumbnail } from "./batch.js";
import { listen as takeFrom } from "./intake.js";
import { MapEditor } from "./map_editor.js";
import { Queue, SKIPPED } from "./queue.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const stage = new Stage($("stage"), $("view"));
const editor = new MapEditor(stage.map);
const FACE_WORDS = { ok: "mask taken off", no_mask: "no mask found", too_small: "too small, left as it is", turned_away: "turned away too far, left: mark its mask to take it off", unsure: "not sure to be a face, left" };
const TIPS = {
  brush: "Paint where the mask is.",
  eraser: "Erase what is no mask.",
  add: "Press on a face whose mask was missed.",
  leave: "Press on a mask that shall stay.",
};
const SHORTCUTS = { c: "compare", b: "brush", e: "eraser", a: "add", l: "leave" };
const LOWER_FACE = 0.25; // of a box's width below its middle: where a mask is
const MASK_REACH = 0.6; // and how far from there one may begin
const PRESS_REACH_PX = 14;

let about = { max_bytes: Infinity, presets: ["perceptual"] };
let shown = null; // the entry of the photograph on the stage
let opening = 0;
let changed = false; // the map, since the result was made
let cursor = [0, 0];
const queue = new Queue({ unmask, opened, told: () => tellProgress(queue, shown, open) });

function say(words, wrong = false) {
  $("status").textContent = words;
  $("status").classList.toggle("wrong", wrong);
}

function tool() {
  return document.querySelector("input[name=tool]:checked").value;
}

function diameter() {
  const most = Math.max(stage.width, stage.height) / 3;
  return Math.max(2, Math.round(2 * (most / 2) ** ($("size").value / 100)));
}

function setDiameter(wanted) {
  const most = Math.max(stage.width, stage.height) / 3;
  $("size").value = (100 * Math.log(Math.max(1, wanted / 2))) / Math.log(Math.max(2, most / 2));
  showTool();
}

// One photograph through the server; with a map of one's own where there is one.
async function unmask(entry, signal) {
  const { file, map } = entry;
  if (file.size > about.max_bytes)
    throw new Error(`${(file.size / 1e6).toFixed(0)} MB are too much: at most ${about.max_bytes / 1e6} MB`);
  const sent = performance.now();
  const parts = { image: file, map, preset: $("preset").value };
  const answer = await ask("/api/unmask", { ...form(parts), signal });
  entry.result = {
    ...answer,
    image: toBlob(answer.image),
    map: toBlob(answer.overlays.both),
    overlays: null,
    seen: () => (performance.now() - sent) / 1000,
  };
}

// A photograph of the queue is done: it is shown where it is the chosen one, and then, or else, its small picture made.
async function opened(entry) {
  if (entry === shown) await open(entry);
  if (entry.result && !entry.thumbnail) entry.thumbnail = await thumbnail(entry.result.image).catch(() => null);
  tellEntry(entry, shown, open);
}

async function open(entry) {
  const mine = ++opening;
  if (shown && shown !== entry && changed) shown.map = editor.empty ? null : await editor.toBlob();
  shown = entry;
  tellProgress(queue, shown, open);
  if (entry.state === "failed") {
    $("work").classList.toggle("single", queue.entries.length < 2);
    say(`${entry.name}: ${entry.words}`, true);
    if (queue.entries.length < 2) $("work").hidden = true;
    return;
  }
  const { result } = entry;
  const before = await toBitmap(entry.file).catch(() => null);
  const [after, map] = result ? await Promise.all([toBitmap(result.image), toBitmap(entry.map || result.map)]) : [];
  if (mine !== opening || !(before || after)) return;
  $("work").hidden = false;
  stage.show(before || after, after);
  editor.reset(stage.width, stage.height, map);
  changed = false;
  cursor = [stage.width / 2, stage.height / 2];
  const face = result && result.faces[0];
  setDiameter(face ? (face.right - face.left) / 5 : Math.max(stage.width, stage.height) / 16);
  tellResult(entry);
}

function tellResult(entry) {
  const { result } = entry;
  const faces = result ? result.faces : [];
  showFaces(faces);
  for (const id of ["save", "save-map"]) $(id).disabled = !result;
  $("took").textContent = "";
  if (!result) {
    say(`${entry.name}: looking for faces …`);
    return;
  }
  const took = result.seen();
  if (!result.told) $("took").textContent = `${took.toFixed(2)} s, ${result.seconds.toFixed(2)} s of them on the server`;
  result.told = true;
  const masks = faces.filter((face) => face.status === "ok").length;
  const none = faces.length
    ? "no mask to take off. “Add a face” looks again where you press; the brush paints a mask."
    : "nobody found. “Add a face” looks again where you press; the brush paints a mask.";
  say(`${entry.name}: ${masks ? `${counted(masks, "mask")} taken off ${counted(faces.length, "face")}.` : none}`);
}

function showFaces(faces) {
  stage.setFaces($("show-faces").checked ? faces : [], (_, index) => String(index + 1));
  $("faces").replaceChildren(
    ...faces.map((face, index) => {
      const words = `Face ${index + 1}: ${FACE_WORDS[face.status] || face.status.replaceAll("_", " ")}`;
      const leave = element("button", { type: "button", class: "slight", onclick: () => leaveFace(face) }, "Leave this mask");
      leave.setAttribute("aria-label", `Leave the mask of face ${index + 1}`);
      const sure = element("span", { class: "quiet" }, ` (score ${face.score.toFixed(1)}) `);
      return element("li", {}, words, sure, face.status === "ok" ? leave : null);
    }),
  );
  if (!faces.length) $("faces").append(element("li", { class: "quiet" }, "None."));
}

// The result for the map as it is now.
async function again() {
  const entry = shown;
  if (!entry || entry.state === "working") return;
  editor.end();
  const own = changed || entry.map; // else the same question with another preset
  if (own) entry.map = editor.empty ? null : await editor.toBlob();
  changed = false;
  showTool();
  if (own && !entry.map) {
    const before = await toBitmap(entry.file).catch(() => null);
    if (!before) return;
    stage.setAfter(before);
    entry.result.image = await new Promise((resolve) => stage.before.toBlob(resolve, "image/png"));
    entry.result.map = await editor.toBlob();
    entry.result.faces = entry.result.faces.map((face) => ({ ...face, status: "no_mask" }));
    showFaces(entry.result.faces);
    say(`${entry.name}: no mask is marked, so the photograph stays as it is.`);
    return;
  }
  await work(entry, "taking masks off again …", async () => {
    await unmask(entry);
    if (entry !== shown) return;
    stage.setAfter(await toBitmap(entry.result.image));
    tellResult(entry);
  });
}

// Something that the server does with the photograph on the stage.
async function work(entry, words, call) {
  say(`${entry.name}: ${words}`);
  stage.root.classList.add("busy");
  stage.root.setAttribute("aria-busy", "true");
  try {
    await call();
  } catch (error) {
    say(`${entry.name}: ${error.message}`, true);
  } finally {
    stage.root.classList.remove("busy");
    stage.root.removeAttribute("aria-busy");
  }
}

async function addFace(x, y) {
  const entry = shown;
  let found = false;
  await work(entry, "looking closer …", async () => {
    const answer = await ask("/api/find", form({ image: entry.file, x: x.toFixed(1), y: y.toFixed(1) }));
    found = answer.found && entry === shown;
    if (found) editor.add(await toBitmap(toBlob(answer.map)));
    else if (entry === shown) {
      choose("brush");
      say(`${entry.name}: no mask is found there. Paint it with the brush, then choose “Unmask again”.`);
    }
  });
  if (found) await again();
}

async function leaveFace(face) {
  const { left, top, right, bottom } = face;
  const width = right - left;
  await leaveAt(left + width / 2, (top + bottom) / 2 + LOWER_FACE * width, MASK_REACH * width);
}

async function leaveAt(x, y, reach) {
  if (editor.remove(x, y, reach)) await again();
  else say("There is no mask at that place.");
}

function choose(name) {
  document.querySelector(`input[name=tool][value=${name}]`).checked = true;
  showTool();
}

function showTool() {
  const name = tool();
  const draws = name !== "compare";
  const brush = name === "brush" || name === "eraser";
  stage.root.classList.toggle("draws", draws);
  stage.root.setAttribute("aria-label", draws ? `Photograph: ${TIPS[name]}` : "Photograph, before and after");
  $("edit").hidden = !draws;
  $("size-row").hidden = !brush;
  $("tip").textContent = TIPS[name] || "";
  $("size-px").textContent = `${diameter()} px`;
  stage.after.hidden = (draws && brush) || !(shown && shown.result);
  stage.map.hidden = !(draws || $("show-map").checked);
  stage.cursor.hidden = !draws;
  $("undo").disabled = !editor.undoable;
  $("redo").disabled = !editor.redoable;
  $("again").disabled = !changed;
  stage.setCursor(...cursor, brush ? diameter() : 24 * stage.scale);
}

function setWipe(percent) {
  $("wipe").value = Math.min(100, Math.max(0, percent));
  stage.wipe = $("wipe").value;
}

function press(x, y) {
  if (!shown || !shown.result) return;
  const name = tool();
  if (name === "brush" || name === "eraser") editor.begin(x, y, diameter(), name === "eraser");
  else if (name === "add") addFace(x, y);
  else if (name === "leave") leaveAt(x, y, PRESS_REACH_PX * stage.scale);
  else setWipe((100 * x) / stage.width);
}

function move(x, y, pressed) {
  cursor = [Math.min(stage.width, Math.max(0, x)), Math.min(stage.height, Math.max(0, y))];
  if (pressed && tool() === "compare") setWipe((100 * x) / stage.width);
  else if (pressed) editor.extend(x, y);
  stage.setCursor(...cursor, tool() === "brush" || tool() === "eraser" ? diameter() : 24 * stage.scale);
}

// What was chosen, dropped or pasted: [name, File] each.
function take(files) {
  if (!files.length) return;
  $("intake").classList.remove("empty");
  const fresh = queue.add(files.filter(([name]) => !SKIPPED.test(name)));
  if (!fresh.length) {
    say("There is no picture in it.", true);
    return;
  }
  choose("compare");
  open(fresh[0]);
  queue.run();
}

function saveResult() {
  if (shown && shown.result) save(shown.result.image, `${stem(shown).split("/").pop()}-unmasked.png`);
}

async function saveMap() {
  if (shown && shown.result) save(await editor.toBlob(), `${stem(shown).split("/").pop()}-map.png`);
}

function onStageKey(event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (steps && tool() === "compare") setWipe(Number($("wipe").value) + 2 * steps[0]);
  else if (steps) {
    const step = (event.shiftKey ? 4 : 1) * Math.max(1, diameter() / 4);
    move(cursor[0] + step * steps[0], cursor[1] + step * steps[1], Boolean(editor.stroke));
  } else if (event.key === " ") {
    if (!event.repeat && tool() !== "compare") press(...cursor);
  } else return;
  event.preventDefault();
}

function onKey(event) {
  const typing = event.target.closest("input:not([type=range], [type=radio], [type=checkbox]), select, textarea");
  if (typing || $("work").hidden) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
    event.preventDefault();
    if (key === "y" || event.shiftKey) editor.redo();
    else editor.undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (SHORTCUTS[key]) choose(SHORTCUTS[key]);
  else if (key === "[" || key === "]") setDiameter(diameter() * (key === "]" ? 1.25 : 0.8));
  else if (key === "s") saveResult();
  else if (key === "+" || key === "=") $("closer").click();
  else if (key === "-") $("further").click();
  else if (key === "enter" && changed && !event.target.closest("button, a, summary")) again();
}

function listen() {
  takeFrom(take);
  $("tools").onchange = showTool;
  $("size").oninput = showTool;
  $("show-map").onchange = showTool;
  $("show-faces").onchange = () => shown?.result && showFaces(shown.result.faces);
  $("wipe").oninput = () => setWipe(Number($("wipe").value));
  $("closer").onclick = () => stage.enlarge(1.5);
  $("further").onclick = () => stage.enlarge(1 / 1.5);
  $("undo").onclick = () => editor.undo();
  $("redo").onclick = () => editor.redo();
  $("again").onclick = again;
  $("save").onclick = saveResult;
  $("save-map").onclick = saveMap;
  $("save-all").onclick = () => saveAll(queue).catch((error) => say(error.message, true));
  $("stop").onclick = () => queue.stop();
  $("preset").onchange = () => shown?.result && again();
  editor.onchange = () => {
    changed = true;
    showTool();
  };
  const { root } = stage;
  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    root.setPointerCapture(event.pointerId);
    press(...stage.point(event));
  });
  root.addEventListener("pointermove", (event) => move(...stage.point(event), event.buttons === 1));
  for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, () => editor.end());
  root.addEventListener("keydown", onStageKey);
  root.addEventListener("keyup", (event) => event.key === " " && editor.end());
  document.addEventListener("keydown", onKey);
}

async function start() {
  listen();
  setWipe(50);
  try {
    about = await ask("/api/about");
  } catch (error) {
    say(error.message, true);
    return;
  }
  $("preset").replaceChildren(...about.presets.map((name) => element("option", {}, name)));
  const kept = about.keeps ? "results are also kept in the server's folder." : "nothing is kept.";
  $("limits").textContent =
    `JPEG, PNG, WebP or BMP, up to ${about.max_bytes / 1e6} MB and ${about.max_pixels / 1e6} million pixels; ${kept}`;
}

start();
