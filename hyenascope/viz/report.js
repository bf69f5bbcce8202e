"use strict";

const figures = [...document.querySelectorAll(".plotly-graph-div")];
const table = document.querySelector("table");
const body = table.tBodies[0];
const rows = [...body.rows];

// Scrolling the page must not zoom the figure under the mouse.
for (const figure of figures) {
  const guard = (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  };
  figure.addEventListener("wheel", guard, { capture: true, passive: true });
}

// Paper is narrower than most windows.
const fit = (width) => figures.forEach((figure) => Plotly.relayout(figure, width));
window.addEventListener("beforeprint", () => fit({ width: 980 }));
window.addEventListener("afterprint", () => fit({ width: null, autosize: true }));

function key(row, column) {
  const cell = row.cells[column];
  const isNumber = cell.classList.contains("number");
  return isNumber ? parseFloat(cell.dataset.value) : cell.textContent.toLowerCase();
}

function compare(a, b) {
  if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
  return a - b;
}

function sortBy(header) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  const column = header.cellIndex;
  const keyed = rows.map((row) => [key(row, column), row]);
  const known = keyed.filter(([value]) => !Number.isNaN(value));
  const unknown = keyed.filter(([value]) => Number.isNaN(value));
  known.sort(([a], [b]) => (descending ? compare(b, a) : compare(a, b)));
  body.append(...[...known, ...unknown].map(([, row]) => row));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
}

function filterBy(text) {
  const wanted = text.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
    shown += row.hidden ? 0 : 1;
  }
  const count = shown.toLocaleString("en");
  document.getElementById("shown").textContent = wanted ? `${count} match` : "";
}

function show(button) {
  const figure = document.getElementById(button.dataset.figure);
  const pos = Number(button.dataset.pos);
  const [first, last] = [figure.layout.xaxis.minallowed, figure.layout.xaxis.maxallowed];
  const range = [Math.max(first, pos - 40.5), Math.min(last, pos + 40.5)];
  Plotly.relayout(figure, { "xaxis.range": range });
  figure.scrollIntoView({ block: "nearest" });
}

for (const header of table.tHead.rows[0].cells) {
  header.querySelector("button").addEventListener("click", () => sortBy(header));
}
document.getElementById("filter").addEventListener("input", (event) => filterBy(event.target.value));
body.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) show(button);
});
