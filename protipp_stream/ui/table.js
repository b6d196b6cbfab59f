// The board: a row an outcome, a column a bookmaker. Drawn from the bodies that
// board.py makes. Every text from outside is set as text, never as markup.

const ARROW_MS = 6000; // how long ▲▼ stay after a move
const GLOW_MS = 1200; // how long a significant move glows
const SWEEP_MS = 300; // how often the tints are renewed: one timer for all cells
const GLOW_CAP = 40; // more at once is a Christmas tree

function component(root, options) {
  const style = document.createElement("style");
  style.textContent = STYLE;
  const board = make("section", "board");
  const origin = make("span", "origin");
  const note = make("span", "note");
  const lost = make("span", "note");
  const said = make("div", "said", origin, note, lost);
  said.setAttribute("role", "status");
  const head = tableRow();
  const grid = make("div", "grid", rowgroup("head", head));
  const scroll = make("div", "scroll", grid);
  const empty = make("p", "empty");
  board.append(said, scroll, empty, footer());
  root.append(style, board);
  scroll.style.maxHeight = options.max_height ?? "34rem";
  origin.hidden = note.hidden = lost.hidden = true;
  empty.textContent = "Waiting for Python …";

  for (const [kind, text] of [["event", "Event"], ["market", "Market"], ["outcome", "Outcome"]]) {
    const th = make("th", kind);
    th.textContent = text;
    th.setAttribute("role", "columnheader");
    head.append(th);
  }
  for (const [name, value] of [["role", "grid"], ["aria-label", "Odds"], ["aria-readonly", "true"]]) {
    grid.setAttribute(name, value);
  }

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const events = new Map(); // id -> { box, body, th, name, when, markets: Map(market -> th) }
  const rows = new Map(); // number -> { tr, event, market, outcome, low, cells: [] }
  const columns = []; // { th, name, faded }
  const moving = new Set(); // cells with an arrow or a glow
  let glowing = 0;
  let sweeper = 0;
  let order = [];
  let focused = null;
  let waiting = nothing();

  function take(body) {
    if (body.whole) waiting = nothing();
    waiting.whole ||= Boolean(body.whole);
    waiting.columns = body.columns ?? waiting.columns;
    waiting.order = body.order ?? waiting.order;
    waiting.state = body.state ?? waiting.state;
    for (const event of body.events ?? []) waiting.events.set(event[0], event);
    for (const row of body.rows ?? []) waiting.rows.set(row[0], row);
    const cells = body.cells ?? [];
    for (let i = 0; i + 3 < cells.length; i += 4) {
      const key = `${cells[i]}:${cells[i + 1]}`;
      const strong = cells[i + 3] || waiting.cells.get(key)?.[3];
      waiting.cells.set(key, [cells[i], cells[i + 1], cells[i + 2], strong]);
    }
  }

  function draw() {
    const { whole, ...news } = waiting;
    waiting = nothing();
    if (whole) forget(new Set(news.order));
    news.columns?.slice(columns.length).forEach(addColumn);
    for (const event of news.events.values()) describe(event);
    for (const row of news.rows.values()) addRow(row);
    if (news.order) arrange(news.order);
    const touched = new Set();
    const now = performance.now();
    for (const [number, column, odds, strong] of news.cells.values()) {
      const row = rows.get(number);
      const cell = row?.cells[column];
      if (!cell) continue;
      price(cell, typeof odds === "number" && Number.isFinite(odds) ? odds : null, strong, now, whole);
      touched.add(row);
    }
    for (const row of touched) frameBest(row);
    if (news.state) say(news.state);
    if (moving.size && !sweeper) sweeper = setInterval(sweep, SWEEP_MS);
  }

  function forget(kept) {
    for (const [number, row] of rows) {
      if (kept.has(number)) {
        for (const cell of row.cells) blank(cell);
        continue;
      }
      row.cells.forEach((cell) => moving.delete(cell));
      if (focused?.row === row) focused = null;
      row.tr.remove();
      rows.delete(number);
    }
  }

  function addColumn(name) {
    const th = make("th", "price");
    th.textContent = name.replaceAll("_", "_\u200b"); // where a long name may break
    th.title = name;
    th.setAttribute("role", "columnheader");
    head.append(th);
    columns.push({ th, name, faded: false });
    board.style.setProperty("--columns", columns.length);
    for (const row of rows.values()) fill(row);
  }

  function describe([id, name, starts, sport]) {
    let event = events.get(id);
    if (!event) {
      const th = make("th", "event");
      th.setAttribute("role", "rowheader");
      const table = rowgroup("");
      event = { th, name: make("div", "name"), when: make("div", "when"), box: make("div", "group", table), body: table.firstChild, markets: new Map() };
      th.append(make("div", "", event.name, event.when));
      events.set(id, event);
    }
    event.name.textContent = name;
    event.name.title = [name, sport, id].filter(Boolean).join(" · ");
    event.when.textContent = clock(starts);
  }

  function addRow([number, id, market, outcome, low]) {
    if (rows.has(number) || !events.has(id)) return;
    const th = make("th", "outcome");
    th.textContent = outcome;
    th.title = outcome;
    th.setAttribute("role", "rowheader");
    const row = { tr: tableRow(th), th, event: events.get(id), market, outcome, low: Boolean(low), cells: [] };
    rows.set(number, row);
    fill(row);
  }

  function fill(row) {
    while (row.cells.length < columns.length) {
      const column = columns[row.cells.length];
      const td = make("td", "none");
      const cell = { td, row, text: document.createTextNode(""), column, odds: undefined, move: 0, at: 0, strong: false, glow: 0, best: false, drawn: "none" };
      td.append(cell.text);
      td.setAttribute("role", "gridcell");
      td.tabIndex = -1;
      blank(cell);
      row.cells.push(cell);
      row.tr.append(td);
    }
  }

  // Rows already in place are not touched: moving a node would take the focus away.
  function arrange(numbers) {
    order = numbers.map((number) => rows.get(number)).filter(Boolean);
    const groups = new Map();
    for (const row of order) {
      if (!groups.has(row.event)) groups.set(row.event, []);
      groups.get(row.event).push(row);
    }
    for (const [id, event] of events) {
      if (groups.has(event)) continue;
      event.box.remove();
      events.delete(id);
    }
    inPlace(grid, [...groups.keys()].map((event) => event.box), 1);
    for (const [event, members] of groups) {
      inPlace(event.body, members.map((row) => row.tr), 0);
      event.box.style.setProperty("--rows", members.length);
      heads(event, members);
    }
    grid.setAttribute("aria-rowcount", order.length + 1);
    if (!focused && order.length) focusable(order[0].cells[0]);
  }

  // One heading cell for the event and one for each market, over all their rows.
  function heads(event, members) {
    const spans = new Map();
    for (const row of members) spans.set(row.market, [...(spans.get(row.market) ?? []), row]);
    for (const [market, th] of event.markets) {
      if (!spans.has(market)) {
        th.remove();
        event.markets.delete(market);
      }
    }
    for (const [market, group] of spans) {
      let th = event.markets.get(market);
      if (!th) {
        const label = make("div", "");
        label.textContent = marketLabel(market);
        label.title = market;
        th = make("th", "market", label);
        th.setAttribute("role", "rowheader");
        event.markets.set(market, th);
      }
      th.rowSpan = group.length;
      if (th.parentNode !== group[0].tr || th.nextSibling !== group[0].th) group[0].th.before(th);
    }
    event.th.rowSpan = members.length;
    if (members[0].tr.firstChild !== event.th) members[0].tr.prepend(event.th);
  }

  function blank(cell) {
    cell.odds = undefined;
    cell.move = cell.glow = 0;
    moving.delete(cell);
    cell.text.data = "";
    cell.td.setAttribute("aria-label", "no price");
    paint(cell);
  }

  function price(cell, odds, strong, now, quiet) {
    const before = cell.odds;
    if (odds === before) return;
    cell.odds = odds;
    cell.text.data = odds === null ? "susp." : decimal(odds);
    cell.td.title = odds === null ? "suspended" : String(odds);
    if (odds === null) cell.td.setAttribute("aria-label", "suspended");
    else if (typeof before !== "number") cell.td.removeAttribute("aria-label");
    cell.move = quiet || odds === null || typeof before !== "number" ? 0 : Math.sign(odds - before);
    cell.at = now;
    cell.strong = Boolean(strong) && cell.move !== 0 && !still.matches && (cell.glow > 0 || glowing < GLOW_CAP);
    if (cell.move) moving.add(cell);
    else moving.delete(cell);
    tint(cell, now);
  }

  function tint(cell, now) {
    const age = now - cell.at;
    const glow = cell.strong && age < GLOW_MS ? Math.ceil(3 * (1 - age / GLOW_MS)) : 0;
    glowing += Number(glow > 0) - Number(cell.glow > 0);
    cell.glow = glow;
    if (age >= ARROW_MS) {
      cell.move = 0;
      moving.delete(cell);
    }
    paint(cell);
  }

  function sweep() {
    const now = performance.now();
    for (const cell of moving) tint(cell, now);
    if (moving.size) return;
    clearInterval(sweeper);
    sweeper = glowing = 0;
  }

  function paint(cell) {
    let name = cell.odds === undefined ? "none" : cell.odds === null ? "susp" : "";
    if (cell.move) name += cell.move > 0 ? " up" : " down";
    if (cell.glow) name += ` g${cell.glow}`;
    if (cell.best) name += " best";
    if (cell.column.faded) name += " faded";
    if (name !== cell.drawn) cell.td.className = cell.drawn = name;
  }

  // Best means better than another's: one price alone, or all equal, is not framed.
  function frameBest(row) {
    const prices = row.cells.map((cell) => cell.odds).filter((odds) => typeof odds === "number");
    const high = Math.max(...prices);
    const low = Math.min(...prices);
    const best = high > low ? (row.low ? low : high) : null;
    for (const cell of row.cells) {
      const is = best !== null && cell.odds === best;
      if (is === cell.best) continue;
      cell.best = is;
      paint(cell);
    }
  }

  function say(state) {
    write(origin, state.origin);
    write(note, state.note);
    write(empty, state.empty);
    grid.hidden = Boolean(state.empty);
    board.classList.toggle("old", Boolean(state.old));
    const faded = new Set(state.faded ?? []);
    columns.forEach((column, index) => {
      if (column.faded === faded.has(index)) return;
      column.faded = faded.has(index);
      column.th.classList.toggle("faded", column.faded);
      for (const row of rows.values()) paint(row.cells[index]);
    });
    board.dataset.old = String(Boolean(state.old));
  }

  function silence(words) {
    write(lost, words);
    board.classList.toggle("old", Boolean(words) || board.dataset.old === "true");
  }

  function focusable(cell) {
    if (!cell) return;
    if (focused) focused.td.tabIndex = -1;
    focused = cell;
    cell.td.tabIndex = 0;
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-15, 0], PageDown: [15, 0], Home: [0, -Infinity], End: [0, Infinity] };

  grid.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || !focused || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook would change cells
    let [down, right] = step;
    if (event.ctrlKey && right && !Number.isFinite(right)) down = right;
    const at = clamp(order.indexOf(focused.row) + down, order.length);
    const cell = order[at].cells[clamp(focused.row.cells.indexOf(focused) + right, columns.length)];
    focusable(cell);
    cell.td.focus({ preventScroll: true });
    reveal(cell.td);
  });
  grid.addEventListener("focusin", (event) => {
    for (const row of order) {
      const cell = row.cells.find(({ td }) => td === event.target);
      if (cell) return focusable(cell);
    }
  });

  // scrollIntoView would hide the cell under the frozen columns and scroll the page.
  function reveal(td) {
    const box = scroll.getBoundingClientRect();
    const at = td.getBoundingClientRect();
    const left = td.parentNode.querySelector(".outcome").getBoundingClientRect().right;
    const top = head.getBoundingClientRect().bottom;
    if (at.left < left) scroll.scrollLeft -= left - at.left;
    else if (at.right > box.right) scroll.scrollLeft += at.right - box.right + 12;
    if (at.top < top) scroll.scrollTop -= top - at.top;
    else if (at.bottom > box.bottom) scroll.scrollTop += at.bottom - box.bottom + 12;
  }

  return { take, draw, silence, dispose: () => clearInterval(sweeper) };
}

const nothing = () => ({ whole: false, columns: null, order: null, state: null, events: new Map(), rows: new Map(), cells: new Map() });

// A spread's line is the home side's handicap: say whose, and with its sign.
function marketLabel(market) {
  const at = market.indexOf("@");
  if (at < 0) return market;
  const [kind, line] = [market.slice(0, at), market.slice(at + 1)];
  if (!kind.startsWith("spreads") || !Number.isFinite(Number(line))) return `${kind} ${line}`;
  return `${kind} home ${Number(line) > 0 ? "+" : ""}${line}`;
}

const clamp = (index, length) => Math.max(0, Math.min(length - 1, index));

const decimal = (odds) => (odds >= 1000 ? odds.toFixed(0) : odds.toFixed(2));

function clock(ms) {
  if (typeof ms !== "number" || !Number.isFinite(ms)) return "";
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

// The head and every event are tables of their own, of the same columns, so that
// the browser can leave out whole events; to a screen reader they are one grid.
function rowgroup(name, ...rows) {
  const body = make("tbody", "", ...rows);
  const table = make("table", name, body);
  body.setAttribute("role", "none");
  table.setAttribute("role", "rowgroup");
  return table;
}

function tableRow(...cells) {
  const row = make("tr", "", ...cells);
  row.setAttribute("role", "row");
  return row;
}

// Puts `wanted` after the first `fixed` children of `parent`, moving as few as possible.
function inPlace(parent, wanted, fixed) {
  let at = parent.children[fixed] ?? null;
  for (const element of wanted) {
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
}

function footer() {
  const key = make("span", "key");
  const [up, down, best] = [["up", "▲ longer"], ["down", "▼ shorter"], ["best", "best"]].map(([name, text]) => {
    const mark = make("b", name);
    mark.textContent = text;
    return mark;
  });
  key.append(up, "  ", down, "  ", best);
  const words = make("span", "");
  words.textContent = "Information only. 18+";
  return make("footer", "", words, key);
}
