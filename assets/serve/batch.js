// The list of photographs beside the chosen one: what is done, how long the rest takes, and all results in one file.

import { element, save } from "./api.js";
import { zip } from "./zip.js";

const $ = (id) => document.getElementById(id);

export function tellProgress(queue, shown, open) {
  const { entries } = queue;
  $("batch").hidden = entries.length < 2;
  const count = (state) => entries.filter((entry) => entry.state === state).length;
  const [done, failed, left] = [count("done"), count("failed"), count("waiting") + count("working")];
  $("progress").max = Math.max(1, entries.length);
  $("progress").value = done + failed;
  const parts = [`${done + failed} of ${entries.length} done`];
  if (failed) parts.push(`${failed} failed`);
  if (queue.eta) parts.push(`about ${queue.eta} s left`);
  $("progress-words").textContent = parts.join(", ");
  $("stop").disabled = !left;
  $("save-all").disabled = !done;
  for (const entry of entries) tellEntry(entry, shown, open);
}

// Its line in the list: made once, so that it keeps the keyboard's focus.
export function tellEntry(entry, shown, open) {
  if (!entry.line) {
    entry.line = element(
      "button",
      { type: "button", onclick: () => open(entry) },
      element("span", { class: "blank" }),
      element("span", { class: "name" }, entry.name),
      element("span"),
    );
    $("photographs").append(element("li", {}, entry.line));
  }
  const { line } = entry;
  if (entry.thumbnail && line.firstChild.tagName !== "IMG")
    line.firstChild.replaceWith(element("img", { src: entry.thumbnail, alt: "" }));
  if (line.lastChild.textContent !== entry.words) line.lastChild.textContent = entry.words;
  line.lastChild.className = entry.state === "failed" ? "quiet wrong" : "quiet";
  if (entry === shown) line.setAttribute("aria-current", "true");
  else line.removeAttribute("aria-current");
}

// The file's name, below the folder that was chosen, without its ending.
export function stem(entry) {
  return entry.name.replace(/\.[^./]*$/, "");
}

export async function thumbnail(blob) {
  const bitmap = await createImageBitmap(blob, { resizeWidth: 104, resizeQuality: "medium" });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return URL.createObjectURL(await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8)));
}

// All results and their maps, in the folders of unmask-run.
export async function saveAll(queue) {
  const done = queue.entries.filter((entry) => entry.result);
  const files = done.flatMap((entry) => [
    [`restored/${stem(entry)}.png`, entry.result.image],
    [`map/${stem(entry)}.png`, entry.map || entry.result.map],
  ]);
  save(await zip(files), "unmasked.zip");
}
