"use strict";
// Sorting and filtering of tables. The page is complete without it: nothing is fetched, nothing is taken away.
(() => {
  const FEW = 6;
  const number = text => {
    const found = text.trim().replaceAll("−", "-").replaceAll(",", "").match(/^[<+]?\s*(-?[\d.]+(?:e-?\d+)?)/);
    return found ? Number(found[1]) : NaN;
  };
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = (cell.querySelector("strong, bdi") || cell).textContent;
    return [number(text), text];
  };
  const compare = ([a, one], [b, other]) =>
    Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) || one.localeCompare(other) : a - b;

  const make = (tag, words, css) => {
    const made = document.createElement(tag);
    if (words) made.textContent = words;
    if (css) made.className = css;
    return made;
  };

  const sorting = (table, body, first) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.classList.contains("plot")) return;
      const button = make("button", "", "sort");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort") || ""] ?? "ascending";
        heads.forEach(other => other.removeAttribute("aria-sort"));
        if (next) head.setAttribute("aria-sort", next);
        const turn = next === "descending" ? -1 : 1;
        const keyed = first.map(row => [row, key(row, column)]);
        if (next) keyed.sort((a, b) => turn * compare(a[1], b[1]));
        body.append(...keyed.map(pair => pair[0]));
      });
    });
  };

  const filtering = (table, rows, place) => {
    const tools = make("div", "", "tools");
    const text = make("label", "Only rows with ");
    const field = make("input");
    field.type = "search";
    text.append(field);
    const failed = make("label", " Only what failed");
    const box = make("input");
    box.type = "checkbox";
    failed.prepend(box);
    const shown = make("output");
    tools.append(text, failed, shown);
    place.before(tools);
    const apply = () => {
      const wanted = field.value.trim().toLowerCase();
      let left = 0;
      rows.forEach(row => {
        const off = (wanted && !row.textContent.toLowerCase().includes(wanted))
          || (box.checked && !row.querySelector(".badge.fail, .badge.error, .badge.waived"));
        row.classList.toggle("off", off);
        left += off ? 0 : 1;
      });
      shown.textContent = left === rows.length ? "" : `${left} of ${rows.length} rows`;
    };
    field.addEventListener("input", apply);
    box.addEventListener("change", apply);
  };

  document.querySelectorAll("table.slices").forEach(table => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 2) return;
    sorting(table, body, rows);
    if (rows.length >= FEW) filtering(table, rows, table.closest(".scroll"));
  });
})();
