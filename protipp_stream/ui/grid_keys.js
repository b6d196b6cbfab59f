// The keyboard and the pointer in a grid: walk, sort, move columns, copy.

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-15, 0], PageDown: [15, 0], Home: [0, -Infinity], End: [0, Infinity] };

function gridKeys(grid, redraw) {
  const { grid: table, head, layout } = grid;
  let focus = { row: null, column: null }; // row null: the heading
  let current = null; // the element that Tab leads to
  let wasLost = false; // it had the focus when its column was made anew

  const cellOf = ({ row, column }) => {
    const at = Math.max(0, grid.columns().indexOf(column));
    return row ? grid.slot(row)?.cells[at]?.el : head.children[at];
  };

  // One cell can be reached with Tab; arrows do the rest.
  function refresh() {
    if (!grid.columns().includes(focus.column)) {
      focus.column = grid.columns().find((column) => column.id === focus.column?.id) ?? grid.columns()[0];
    }
    if (focus.row && grid.rows.get(focus.row.key) !== focus.row) focus.row = null;
    const el = cellOf(focus) ?? head.firstChild;
    if (el === current && el?.tabIndex === 0) return;
    if (current) current.tabIndex = -1;
    current = el;
    if (el) el.tabIndex = 0;
    if (wasLost) el?.focus({ preventScroll: true });
    wasLost = false;
  }

  function go(row, column) {
    focus = { row, column };
    if (row) grid.reveal(grid.shown().indexOf(row));
    grid.draw(); // or there might be no cell to focus
    const el = cellOf(focus);
    el?.focus({ preventScroll: true });
    if (el) aside(el);
  }

  // scrollIntoView would hide the cell under the frozen columns and scroll the page.
  function aside(el) {
    if (el.classList.contains("frozen")) return;
    const box = grid.element.getBoundingClientRect();
    const at = el.getBoundingClientRect();
    const left = Math.max(box.left, ...[...el.parentNode.children].filter((each) => each.classList.contains("last-frozen")).map((each) => each.getBoundingClientRect().right));
    if (at.left < left) grid.element.scrollLeft -= left - at.left;
    else if (at.right > box.right) grid.element.scrollLeft += at.right - box.right + 12;
  }

  function sortBy(column) {
    if (!column.sort) return;
    const sort = layout.sort?.id === column.id ? layout.sort : null;
    // First as one would look: names from A, numbers from the highest; then the other way; then not.
    const first = column.kind === "number" || column.kind === "price";
    layout.sort = !sort ? { id: column.id, down: first } : sort.down === first ? { id: column.id, down: !first } : null;
    layout.save();
    for (const el of head.children) el.removeAttribute("aria-sort");
    const el = head.children[grid.columns().indexOf(column)];
    if (layout.sort) el?.setAttribute("aria-sort", layout.sort.down ? "descending" : "ascending");
    grid.refresh();
    redraw();
  }

  function move(column, to) {
    const ids = grid.columns().filter((each) => !each.frozen).map((each) => each.id);
    const at = ids.indexOf(column.id);
    if (at < 0 || to < 0 || to >= ids.length) return;
    ids.splice(to, 0, ...ids.splice(at, 1));
    layout.order = ids;
    layout.save();
    grid.setColumns(grid.known());
    redraw();
  }

  const columnAt = (target) => {
    const el = target instanceof Element ? target.closest(".head .cell") : null;
    return el && grid.columns()[[...head.children].indexOf(el)];
  };

  table.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "c") {
      if (String(getSelection())) return; // what is marked is meant
      event.preventDefault();
      event.stopPropagation();
      copyText(gridCsv(grid));
      return;
    }
    const { row, column } = focus;
    if (!row && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      sortBy(column);
      return;
    }
    const step = STEPS[event.key];
    if (!step || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook would change cells
    let [down, right] = step;
    if (event.altKey) {
      if (row || !right || !Number.isFinite(right)) return;
      const free = grid.columns().filter((each) => !each.frozen);
      move(column, free.indexOf(column) + right);
      return go(null, column);
    }
    if (event.ctrlKey && !Number.isFinite(right)) down = right; // the first cell of all, or the last
    const shown = grid.shown();
    const from = row ? shown.indexOf(row) : -1;
    const highest = event.key === "ArrowUp" ? -1 : Math.min(0, from + Math.max(down, 0)); // one step leads to the heading, a leap does not
    const at = Math.min(shown.length - 1, Math.max(highest, from + down));
    const columns = grid.columns();
    const across = Math.max(0, Math.min(columns.length - 1, columns.indexOf(column) + right));
    go(at < 0 ? null : shown[at], columns[across]);
  });
  table.addEventListener("focusin", (event) => {
    const el = event.target;
    const inHead = columnAt(el);
    if (inHead) focus = { row: null, column: inHead };
    else {
      const row = grid.shown().find((each) => grid.slot(each)?.el === el.parentNode);
      if (row) focus = { row, column: grid.columns()[[...el.parentNode.children].indexOf(el)] };
    }
    refresh();
  });
  head.addEventListener("click", (event) => {
    const column = columnAt(event.target);
    if (column) sortBy(column);
  });

  let dragged = null;
  head.addEventListener("dragstart", (event) => {
    dragged = columnAt(event.target);
    if (dragged?.frozen) event.preventDefault();
    else event.dataTransfer?.setData("text/plain", dragged?.label ?? ""); // Firefox drags nothing without
  });
  head.addEventListener("dragover", (event) => {
    const column = columnAt(event.target);
    for (const el of head.children) el.classList.toggle("over", el.dataset.column === column?.id);
    if (dragged && column && !column.frozen) event.preventDefault();
  });
  head.addEventListener("drop", (event) => {
    event.preventDefault();
    const onto = columnAt(event.target);
    if (dragged && onto) move(dragged, grid.columns().filter((each) => !each.frozen).indexOf(onto));
    dragged = null; // its heading is gone, so no `dragend` will be heard
  });
  head.addEventListener("dragend", () => {
    dragged = null;
    for (const el of head.children) el.classList.remove("over");
  });

  return { refresh, rebuilding: () => (wasLost ||= Boolean(current?.matches(":focus"))), pinned: () => (focus.row && (wasLost || current?.matches(":focus")) ? focus.row : null) };
}

// The menu of columns and the button that copies.
function gridTools(grid, redraw) {
  const copy = make("button", "");
  copy.type = "button";
  copy.textContent = "Copy CSV";
  copy.title = "Copy the rows as they stand (Ctrl+C in the table)";
  let fading = 0;
  copy.addEventListener("click", async () => {
    const done = await copyText(gridCsv(grid));
    copy.textContent = done ? "Copied" : "The browser forbids it";
    clearTimeout(fading);
    fading = setTimeout(() => (copy.textContent = "Copy CSV"), 1500);
  });

  const list = make("div", "");
  const summary = make("summary", "menu");
  summary.textContent = "Columns";
  const menu = make("details", "", summary, list);
  menu.addEventListener("toggle", () => {
    if (menu.open) list.replaceChildren(...grid.known().filter((column) => !column.frozen).map(choice));
  });
  menu.addEventListener("focusout", (event) => {
    if (!menu.contains(event.relatedTarget)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    summary.focus();
  });
  list.addEventListener("mousedown", (event) => {
    if (!(event.target instanceof HTMLInputElement)) event.preventDefault(); // or the menu would lose the focus and close
  });

  function choice(column) {
    const box = make("input", "");
    box.type = "checkbox";
    box.checked = !grid.layout.isHidden(column);
    box.addEventListener("change", () => {
      grid.layout.hidden.delete(column.id);
      grid.layout.added.delete(column.id);
      if (!box.checked) grid.layout.hidden.add(column.id);
      else if (column.hidden) grid.layout.added.add(column.id);
      grid.layout.save();
      grid.setColumns(grid.known());
      redraw();
    });
    const name = make("span", "");
    name.textContent = column.label;
    return make("label", "", box, name);
  }
  return [menu, copy];
}

function gridCsv(grid) {
  const columns = grid.columns().filter((column) => column.csv);
  const lines = [columns.map((column) => csvField(column.label))];
  for (const row of grid.shown()) lines.push(columns.map((column) => csvField(column.csv(row))));
  return lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
}

// A spreadsheet runs what begins like a formula: the apostrophe makes it text.
function csvField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[\s\u200e\u200f\u202a-\u202e\u2066-\u2069]*[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    console.debug("protipp_stream: copied the old way", error); // no https, or not allowed
  }
  let was = document.activeElement;
  while (was?.shadowRoot?.activeElement) was = was.shadowRoot.activeElement;
  const box = make("textarea", "");
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  was?.focus({ preventScroll: true });
  return done;
}
