// Sort tables by a press on a column's head; show with the mouse how a number was made. The page reads as well without.
"use strict";
const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

// What a cell is sorted by: the number behind it, else its text; undefined where it says that there is none.
function keyOf(cell) {
  const key = cell.dataset.value ?? (cell.querySelector(".how") ? "" : cell.textContent.trim());
  return key === "" || key === "n/a" ? undefined : key;
}

const numberOf = (key) => Number(key.replaceAll(",", "").replace("−", "-"));

// Rows in the order of a column's keys, those without one last; as they came where the keys are equal.
function sorted(rows, column, direction) {
  if (direction === "none") return rows;
  const keys = new Map(rows.map((row) => [row, keyOf(row.cells[column])]));
  const present = rows.filter((row) => keys.get(row) !== undefined);
  const numeric = present.every((row) => !Number.isNaN(numberOf(keys.get(row))));
  const compare = numeric ? (a, b) => numberOf(a) - numberOf(b) : collator.compare;
  const sign = direction === "ascending" ? 1 : -1;
  present.sort((a, b) => sign * compare(keys.get(a), keys.get(b)));
  return [...present, ...rows.filter((row) => keys.get(row) === undefined)];
}

// Heads over each column, from top to bottom.
function headsByColumn(table) {
  const columns = [];
  for (const row of table.tHead.rows) {
    let column = 0;
    for (const head of row.cells)
      for (let k = 0; k < head.colSpan; k++) (columns[column++] ??= []).push(head);
  }
  return columns;
}

function makeSortable(table) {
  const bodies = [...table.tBodies].map((body) => [body, [...body.rows].filter((row) => !row.matches(".group"))]);
  if (bodies.every(([, rows]) => rows.length < 2)) return;
  headsByColumn(table).forEach((heads, column) => {
    const own = heads.filter((head) => head.colSpan === 1 && head.textContent.trim());
    const head = column ? own.at(-1) : own[0]; // under the stub's head stands what the other heads mean
    if (!head || bodies.every(([, rows]) => rows.every((row) => keyOf(row.cells[column]) === undefined))) return;
    const button = document.createElement("button");
    button.type = "button";
    const named = column ? heads : [head];
    button.title = `Sort by ${named.map((over) => over.textContent.trim()).filter(Boolean).join(", ")}`;
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const direction = NEXT[head.getAttribute("aria-sort") ?? "none"];
      table.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
      if (direction !== "none") head.setAttribute("aria-sort", direction);
      for (const [body, rows] of bodies) body.append(...sorted(rows, column, direction));
    });
  });
}

document.querySelectorAll("table[data-sort]").forEach(makeSortable);

for (const details of document.querySelectorAll("details.how")) {
  const notes = details.querySelectorAll("li");
  let region = details;
  while (region && !region.matches(".table")) region = region.previousElementSibling;
  region?.querySelectorAll("sup.how").forEach((mark) => {
    mark.parentElement.title = notes[Number(mark.textContent) - 1].textContent;
  });
}
