// The board: a row an outcome and a column a bookmaker, or (flat) a row a price. Drawn from
// the bodies that board.py makes, or from the gateway's own frames where the page can have them.

const ARROW_MS = 6000; // how long ▲▼ stay after a move
const GLOW_MS = 1200; // how long a significant move glows
const SWEEP_MS = 300; // how often the tints are renewed: one timer for all cells
const GLOW_CAP = 40; // more at once is a Christmas tree
const RECENT_MS = 300_000; // what "significant only" shows

function component(root, options, python) {
  const flat = Boolean(options.flat);
  const board = boardRows({ flat, choice: options.choice });
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const moving = new Set(); // cells with an arrow or a glow, and their rows
  let glowing = 0;
  let clockAhead = 0; // ms that the gateway's clock is ahead of the page's
  let waiting = nothing();
  const names = new Map(); // Python's numbers of selections -> { key, name }
  let told = { faded: [], empty: "" }; // by Python
  let viaGateway = false;
  let unmarked = true; // the columns are to be made anew

  const panel = make("section", "panel board");
  const said = saidLine(panel);
  const grid = makeGrid({
    label: flat ? "Prices" : "Odds", columns: [], height: options.max_height ?? "34rem", order: usualOrder,
    keep: flat ? "prices" : "odds", redraw: python.redraw,
  });
  const filters = boardFilters(board, options, () => {
    grid.filter(filters.test());
    python.redraw();
  });
  const empty = make("p", "empty");
  const tools = make("div", "tools", ...filters.elements, make("span", "gap"), ...gridTools(grid, python.redraw));
  panel.append(said.element, tools, grid.element, empty, footer());
  root.append(panel);
  empty.textContent = "Waiting for Python …";
  grid.element.hidden = true;
  const headings = () => grid.known().filter((column) => column.kind === "price").map((column) => column.bookmaker).join("\n");
  const layOut = () => grid.setColumns(flat ? flatColumns(screen) : boardColumns(board, screen));
  const screen = {
    age: (row) => (row.at === null ? null : Math.max(Date.now() - row.at, 0) / 1000),
    isFaded: (name) => told.faded.includes(name),
  };
  layOut();
  grid.filter(filters.test());

  const link = python.served && options.gateway
    ? gatewayLink({
        ask: () => python.act({ ticket: location.origin }),
        take: (frame) => { mergeGateway(waiting, frame, clockAhead); python.redraw(); },
        up: () => { if (!viaGateway) python.choose({ way: "gateway" }); viaGateway = true; },
        down: () => { if (viaGateway) python.choose({}); viaGateway = false; },
      })
    : null;
  link?.start();

  function take(body) {
    // As it comes, not as it is drawn: a hidden tab draws it much later.
    if (body.state?.now) clockAhead = body.state.now * 1000 - Date.now();
    // How it is, Python says; the prices may come from elsewhere.
    mergePython(waiting, viaGateway || body.way ? { state: body.state } : body, names);
  }

  function draw() {
    const news = waiting;
    waiting = nothing();
    const now = performance.now();
    if (news.whole) board.doubt();
    for (const [id, event] of news.events) board.describe(id, ...event);
    const before = board.known();
    const touched = new Set();
    const rowsBefore = board.rows.size;
    for (const { key, name, odds, strong, since } of news.prices.values()) {
      const place = board.find(key, name);
      if (!place || !board.price(place, sound(odds), strong, since, now)) continue;
      const { row, cell } = place;
      cell.strong &&= !still.matches && (cell.glow > 0 || glowing < GLOW_CAP);
      if (cell.move) moving.add(cell);
      tint(cell, now);
      touched.add(row);
    }
    if (news.whole) {
      const { gone, changed } = board.settle();
      for (const row of gone) grid.drop(row.key);
      for (const row of changed) touched.add(row);
      for (const row of gone) touched.delete(row);
    }
    for (const row of touched) {
      board.judge(row);
      if (grid.rows.has(row.key)) grid.touch(row);
      else grid.put(row);
    }
    if (news.events.size) {
      grid.refresh();
      grid.repaint();
    }
    if (news.state) say(news.state);
    if (!flat && (news.whole || board.known() !== before)) unmarked ||= headings() !== columnsOf(board);
    if (unmarked) layOut();
    if (board.rows.size !== rowsBefore || news.whole || news.events.size) {
      filters.offer();
      show();
    }
    unmarked = false;
    grid.draw();
    filters.tell(grid.shown().length);
  }

  function say(state) {
    const faded = state.faded ?? [];
    unmarked ||= faded.join("\n") !== told.faded.join("\n");
    told = { faded, empty: state.empty ?? "" };
    said.say(state);
    show();
  }

  function show() {
    const words = board.rows.size ? "" : told.empty || "Waiting for the first prices …";
    write(empty, words);
    grid.element.hidden = tools.hidden = Boolean(words);
  }

  // Returns whether the cell looks otherwise than before.
  function tint(cell, now) {
    const age = now - cell.at;
    const glow = cell.strong && age < GLOW_MS ? Math.ceil(3 * (1 - age / GLOW_MS)) : 0;
    const isOther = glow !== cell.glow;
    glowing += Number(glow > 0) - Number(cell.glow > 0);
    cell.glow = glow;
    if (cell.move && age < ARROW_MS) return isOther;
    cell.move = 0;
    return moving.delete(cell) || isOther;
  }

  const sweeper = setInterval(() => {
    const now = performance.now();
    let isOther = false;
    for (const cell of moving) {
      if (!tint(cell, now)) continue;
      grid.touch(cell.row);
      isOther = true;
    }
    if (isOther) python.redraw();
  }, SWEEP_MS);
  const ticker = setInterval(() => {
    filters.tick();
    grid.repaint();
    python.redraw();
  }, 1000);

  return {
    take, draw, silence: said.silence,
    hear: (answer) => { if ("ticket" in answer) link?.ticket(answer); },
    dispose() {
      clearInterval(sweeper);
      clearInterval(ticker);
      link?.dispose();
      grid.dispose();
    },
  };
}

const columnsOf = (board) => board.present().map(({ name }) => name).join("\n");

// What waits to be drawn, the newest of each selection: a hidden tab's stays as small as the board.
const nothing = () => ({ whole: false, events: new Map(), prices: new Map(), state: null });

function mergePython(waiting, body, names) {
  if (body.whole) {
    Object.assign(waiting, nothing(), { whole: true, state: waiting.state });
    names.clear();
  }
  for (const [id, ...event] of body.events ?? []) waiting.events.set(id, event);
  for (const [number, ...name] of body.selections ?? []) names.set(number, { key: keyOf(name), name });
  const cells = body.cells ?? [];
  for (let i = 0; i + 2 < cells.length; i += 3) {
    const named = names.get(cells[i]);
    const age = body.whole ? body.ages?.[i / 3] : 0;
    if (named) mergePrice(waiting, named.key, named.name, cells[i + 1], cells[i + 2], age == null ? null : Date.now() - age * 1000);
  }
  waiting.state = body.state ?? waiting.state;
}

function mergeGateway(waiting, frame, clockAhead) {
  if (frame.type === "snapshot") Object.assign(waiting, nothing(), { whole: true, state: waiting.state });
  for (const event of frame.events ?? []) waiting.events.set(event.event_id, [event.name, event.starts_at ? Date.parse(event.starts_at) : null, event.sport]);
  for (const quote of frame.quotes ?? []) {
    const name = nameOf(quote);
    mergePrice(waiting, keyOf(name), name, quote.odds, 0, quote.timestamp ? Date.parse(quote.timestamp) - clockAhead : null);
  }
  for (const update of frame.updates ?? []) {
    const name = nameOf(update);
    mergePrice(waiting, keyOf(name), name, update.new_odds, update.is_significant, Date.now());
  }
}

const nameOf = (said) => [said.bookmaker_id, said.event_id, said.market, said.outcome];

function mergePrice(waiting, key, name, odds, strong, since) {
  const said = waiting.prices.get(key);
  if (!said) {
    waiting.prices.set(key, { key, name, odds, strong, since });
    return;
  }
  said.odds = odds;
  said.strong ||= strong;
  said.since = since;
}

const sound = (odds) => (typeof odds === "number" && Number.isFinite(odds) && odds > 1 ? odds : null);

function footer() {
  const key = make("span", "key");
  for (const [name, text] of [["up", "▲ longer"], ["down", "▼ shorter"], ["best", "best"]]) {
    const mark = make("b", name);
    mark.textContent = text;
    key.append(mark, "  ");
  }
  const words = make("span", "");
  words.textContent = "Information only. 18+";
  return make("footer", "", words, key);
}
