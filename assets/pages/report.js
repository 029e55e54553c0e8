"use strict";
document.documentElement.classList.add("scripted");

function valueOf(row, column, isNumber) {
  const cell = row.cells[column];
  if (isNumber) { return cell.hasAttribute("data-v") ? Number(cell.getAttribute("data-v")) : NaN; }
  return cell.textContent;
}

function compare(a, b, way) {
  if (a !== a) { return b !== b ? 0 : 1; }  // what is unknown stays last in both directions
  if (b !== b) { return -1; }
  if (typeof a === "number") { return way * (a - b); }
  return way * a.localeCompare(b, "en", { numeric: true });
}

function sortBy(table, head) {
  const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const isNumber = head.classList.contains("n");
  const rows = Array.from(table.tBodies[0].rows);
  const column = head.cellIndex;
  rows.sort((a, b) => compare(valueOf(a, column, isNumber), valueOf(b, column, isNumber), way));
  table.tBodies[0].append(...rows);
  for (const other of table.tHead.rows[0].cells) { other.removeAttribute("aria-sort"); }
  head.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
}

for (const table of document.querySelectorAll("table.sort")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, head));
    head.append(button);
  }
}

// Paper shows every part; what was folded is folded again.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = Array.from(document.querySelectorAll("details.part:not([open])"));
  for (const part of folded) { part.open = true; }
});
window.addEventListener("afterprint", () => {
  for (const part of folded) { part.open = false; }
});

const choice = document.getElementById("metric");
if (choice) {
  const parts = document.querySelectorAll("details.metric");
  const show = () => parts.forEach((part) => {
    part.open = true;
    part.hidden = part.dataset.metric !== choice.value;
  });
  choice.addEventListener("change", show);
  choice.closest(".choice").hidden = false;
  show();
}
