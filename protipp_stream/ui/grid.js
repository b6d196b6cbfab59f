// A grid for rows that change all the time: only what is in sight is in the document,
// and of that only what changed is painted. Used by the board and by every list.
//
//   makeGrid({ label, columns, height, order, keep, redraw, rowClass })
//
// A column is { id, label, width, kind, frozen, hidden, run(row), sort(row), csv(row), paint(cell, row, at) }:
// `paint` calls cell.show(text, classes, title); `run` names a stretch of rows that share
// one label, and `at` is the row's place in it, counted from the first one in sight.

const ROW = 24; // px, as in grid.css
const NARROW = 736; // px: below it columns are `narrow`, and `loose` ones scroll aside
const BEYOND = 8; // rows kept above and below what is in sight
const SORT_MS = 1000; // rows that race are put in order once a second, or nobody could read them

function makeGrid({ label, columns: first, height, order: usual, keep, redraw, rowClass = () => "" }) {
  const head = make("div", "head row");
  const canvas = make("div", "canvas");
  const grid = make("div", "grid", head, canvas);
  const scroll = make("div", "scroll", grid);
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", label);
  grid.setAttribute("aria-readonly", "true");
  head.setAttribute("role", "row");
  head.setAttribute("aria-rowindex", "1");
  canvas.setAttribute("role", "rowgroup");
  scroll.style.maxHeight = height;

  const layout = keptLayout(keep);
  const rows = new Map(); // key -> row, all of them
  const slots = new Map(); // row -> what is drawn of it
  const spare = [];
  const touched = new Set();
  let keys = null;
  let columns = [];
  let known = [];
  let usually = []; // rows that pass the filter, in their usual order
  let shown = []; // the same, as they are sorted
  let test = null;
  let stale = true; // `shown` is to be made anew
  let racing = false; // the sort column has changed
  let sortedAt = 0;
  let waking = 0;
  let sized = -1;
  let laid = {}; // what the rows were placed for
  let narrow = false;
  const isNarrow = () => scroll.clientWidth > 0 && scroll.clientWidth < NARROW;
  const widthOf = (column) => (narrow && column.narrow) || column.width;
  const track = (column) => `minmax(${widthOf(column)}rem, ${column.grow ?? column.width}fr)`;

  function setColumns(given) {
    known = given;
    narrow = isNarrow();
    columns = layout.arranged(known);
    keys?.rebuilding();
    head.replaceChildren(...columns.map(heading));
    const frozen = columns.filter((column) => column.frozen && !(narrow && column.loose));
    grid.style.setProperty("--columns", columns.map(track).join(" "));
    grid.setAttribute("aria-colcount", columns.length);
    let left = 0;
    for (const column of frozen) {
      column.left = `${left}rem`;
      left += widthOf(column);
    }
    columns.forEach((column, at) => {
      column.name = `cell ${column.kind ?? "text"}${frozen.includes(column) ? " frozen" : ""}${column === frozen.at(-1) ? " last-frozen" : ""}`;
      head.children[at].className = column.name;
      if (frozen.includes(column)) head.children[at].style.setProperty("--left", column.left);
    });
    for (const slot of [...slots.values(), ...spare]) slot.el.remove();
    slots.clear();
    spare.length = 0;
    stale = true;
  }

  function heading(column) {
    const words = make("span", "");
    words.textContent = column.label.replaceAll("_", "_\u200b"); // where a long name may break
    const cell = make("div", "cell", words);
    cell.setAttribute("role", "columnheader");
    cell.tabIndex = -1;
    cell.title = column.title ?? column.label;
    cell.draggable = true;
    cell.dataset.column = column.id;
    if (layout.sort?.id === column.id) cell.setAttribute("aria-sort", layout.sort.down ? "descending" : "ascending");
    return cell;
  }

  function makeSlot() {
    const el = make("div", "row");
    el.setAttribute("role", "row");
    const cells = columns.map((column) => {
      const cell = makeCell(column.name);
      if (column.name.includes(" frozen")) cell.el.style.setProperty("--left", column.left);
      return cell;
    });
    el.append(...cells.map((cell) => cell.el));
    canvas.append(el);
    return { el, cells, index: -1, name: "", places: [] };
  }

  function paint(slot, row) {
    for (let at = 0; at < columns.length; at++) columns[at].paint(slot.cells[at], row, slot.places[at]);
    const name = `row ${rowClass(row)}${slot.edge}`;
    if (name !== slot.name) slot.el.className = slot.name = name;
  }

  function arrange(now) {
    const sort = layout.sort && known.find((column) => column.id === layout.sort.id);
    if (!stale && !(racing && sort && now - sortedAt >= SORT_MS)) return false;
    if (stale) {
      usually = [...rows.values()].filter((row) => !test || test(row));
      if (usual) usually.sort(usual);
    }
    shown = sort ? [...usually].sort(bySort(sort, layout.sort.down)) : usually;
    stale = racing = false;
    sortedAt = now;
    if (sized !== shown.length) {
      sized = shown.length;
      canvas.style.height = `${sized * ROW}px`;
      grid.setAttribute("aria-rowcount", sized + 1);
    }
    for (const slot of slots.values()) slot.index = -1;
    return true;
  }

  function draw() {
    const isNew = arrange(performance.now());
    const above = Math.max(0, scroll.scrollTop);
    const top = Math.floor((above + ROW * 0.4) / ROW); // the first whose text can be read
    const to = Math.min(shown.length, top + Math.ceil((scroll.clientHeight || 600) / ROW) + BEYOND);
    const pinned = keys.pinned(); // it has the focus
    // Most frames only change what is in the rows.
    if (isNew || top !== laid.top || to !== laid.to || pinned !== laid.pinned) {
      laid = { top, to, pinned };
      lay(top, to, pinned);
    }
    for (const row of touched) {
      const slot = slots.get(row);
      if (slot) paint(slot, row);
    }
    touched.clear();
    keys.refresh();
    if (racing && layout.sort && !waking) waking = setTimeout(() => { waking = 0; redraw(); }, SORT_MS);
  }

  function lay(top, to, pinned) {
    const from = Math.max(0, top - BEYOND);
    const wanted = new Set(shown.slice(from, to));
    const pinnedAt = pinned ? shown.indexOf(pinned) : -1;
    if (pinnedAt >= 0) wanted.add(pinned);
    for (const [row, slot] of slots) {
      if (wanted.has(row)) continue;
      slots.delete(row);
      slot.el.hidden = true;
      spare.push(slot);
    }
    for (let index = from; index < to; index++) place(shown[index], index, top);
    if (pinnedAt >= 0 && (pinnedAt < from || pinnedAt >= to)) place(pinned, pinnedAt, top);
  }

  function place(row, index, top) {
    let slot = slots.get(row);
    if (!slot) {
      slot = spare.pop() ?? makeSlot();
      slot.el.hidden = false;
      slots.set(row, slot);
      slot.index = -1;
    }
    const places = columns.map((column) => (column.run ? placeInRun(column, index, top) : 0));
    if (slot.index === index && places.every((at, column) => at === slot.places[column])) return;
    slot.index = index;
    slot.places = places;
    const lead = columns.find((column) => column.run);
    const before = shown[index - 1];
    slot.edge = `${lead && (!before || lead.run(before) !== lead.run(row)) ? " first" : ""}${index ? "" : " top"}`;
    slot.el.style.transform = `translateY(${index * ROW}px)`;
    slot.el.setAttribute("aria-rowindex", index + 2);
    paint(slot, row);
  }

  // Where in its run a row stands, counted from the first that is in sight: so a label
  // that has scrolled away is said again at the top.
  function placeInRun(column, index, top) {
    const name = column.run(shown[index]);
    let at = 0;
    while (at < 3 && index - at > top && index - at - 1 >= 0 && column.run(shown[index - at - 1]) === name) at += 1;
    if (index < top) {
      at = 0;
      while (at < 3 && index - at - 1 >= 0 && column.run(shown[index - at - 1]) === name) at += 1;
    }
    return at;
  }

  const self = {
    element: scroll, grid, head, rows, layout, columns: () => columns, known: () => known, shown: () => shown,
    slot: (row) => slots.get(row),
    put(row) {
      if (rows.get(row.key) !== row) stale = true;
      rows.set(row.key, row);
      touched.add(row);
    },
    drop(key) {
      stale = rows.delete(key) || stale;
    },
    clear() {
      rows.clear();
      stale = true;
    },
    touch(row) {
      touched.add(row);
      racing = true;
    },
    repaint() {
      for (const [row] of slots) touched.add(row);
    },
    filter(given) {
      test = given;
      stale = true;
    },
    refresh() {
      stale = true;
    },
    setColumns,
    reveal(index) {
      const at = index * ROW;
      const room = scroll.clientHeight - head.offsetHeight - ROW;
      if (at < scroll.scrollTop) scroll.scrollTop = at;
      else if (at > scroll.scrollTop + room) scroll.scrollTop = at - room;
    },
    draw,
    dispose() {
      clearTimeout(waking);
      watch.disconnect();
    },
  };
  keys = gridKeys(self, redraw);
  setColumns(first);

  scroll.addEventListener("scroll", () => {
    grid.classList.toggle("aside", scroll.scrollLeft > 0);
    redraw();
  }, { passive: true });
  const watch = new ResizeObserver(() => {
    if (isNarrow() !== narrow) setColumns(known);
    redraw();
  });
  watch.observe(scroll);
  return self;
}

function bySort(column, down) {
  const way = down ? -1 : 1;
  const empty = (value) => value === null || value === undefined || Number.isNaN(value);
  return (a, b) => {
    const [x, y] = [column.sort(a), column.sort(b)];
    if (empty(x) || empty(y)) return Number(empty(x)) - Number(empty(y)); // nothing goes last
    return x < y ? -way : x > y ? way : 0;
  };
}

function makeCell(base) {
  const node = document.createTextNode("");
  const el = make("div", base, node);
  el.setAttribute("role", "gridcell");
  el.tabIndex = -1;
  let [text, name, title, label] = ["", "", "", ""];
  return {
    el,
    show(newText, newName = "", newTitle = "", newLabel = "") {
      if (newText !== text) node.data = text = newText;
      if (newName !== name) {
        name = newName;
        el.className = name ? `${base} ${name}` : base;
      }
      if (newTitle !== title) el.title = title = newTitle;
      if (newLabel !== label) {
        label = newLabel;
        if (label) el.setAttribute("aria-label", label);
        else el.removeAttribute("aria-label");
      }
    },
  };
}

// Which columns are shown, in which order, and by which the rows are sorted: kept by the
// browser, so a reader finds the table as it was left.
function keptLayout(keep) {
  const name = `protipp_stream:${keep}`;
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(name) ?? "{}") ?? {};
  } catch (error) {
    console.debug("protipp_stream: the layout of the table is not kept", error);
  }
  const list = (value) => (Array.isArray(value) ? value : []);
  const layout = {
    hidden: new Set(list(kept.hidden)),
    added: new Set(list(kept.added)),
    order: list(kept.order),
    sort: kept.sort && typeof kept.sort.id === "string" ? kept.sort : null,
    isHidden: (column) => layout.hidden.has(column.id) || (Boolean(column.hidden) && !layout.added.has(column.id)),
    arranged(columns) {
      const place = (column) => {
        const at = layout.order.indexOf(column.id);
        return at < 0 ? layout.order.length + columns.indexOf(column) : at;
      };
      const kept = columns.filter((column) => !layout.isHidden(column));
      return [...kept.filter((c) => c.frozen), ...kept.filter((c) => !c.frozen).sort((a, b) => place(a) - place(b))];
    },
    save() {
      const { hidden, added, order, sort } = layout;
      try {
        localStorage.setItem(name, JSON.stringify({ hidden: [...hidden], added: [...added], order, sort }));
      } catch (error) {
        console.debug("protipp_stream: the layout of the table is not kept", error);
      }
    },
  };
  return layout;
}
