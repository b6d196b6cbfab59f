// The feed of moves: every significant change, the newest first. Drawn from the bodies
// that moves.py makes; the filter and "steam only" are this viewer's own.

const FADE_MS = 1600; // how long a new move is tinted, as in moves.css
const FADE_CAP = 12; // more at once is a burst, not news

function component(root, options, python) {
  const events = new Map(); // id -> { name, sport }
  const panel = make("section", "panel moves");
  const said = saidLine(panel);
  let waiting = null;
  let counts = { seen: 0, left_out: 0, missing: 0 };
  let emptyWords = "";
  let latest = 0; // each move's place in the order in which they came

  const grid = makeGrid({
    label: "Moves", columns: moveColumns(events), height: options.max_height ?? "24rem",
    order: (a, b) => b.place - a.place, keep: "moves", redraw: python.redraw,
    rowClass: (row) => (performance.now() < row.freshUntil ? "fresh" : ""),
  });

  const text = make("input", "");
  text.type = "search";
  text.placeholder = "Filter …";
  text.setAttribute("aria-label", "Filter by event, outcome, market, bookmaker, reason");
  const steam = make("button", "");
  steam.type = "button";
  steam.textContent = "Steam only";
  steam.title = "Several independent bookmakers moved one way at once";
  steam.setAttribute("aria-pressed", "false");
  const count = make("span", "dimmed");
  count.setAttribute("role", "status");
  const left = make("span", "note");
  left.hidden = true;
  const tools = make("div", "tools", text, steam, count, left, make("span", "gap"), ...gridTools(grid, python.redraw));
  const empty = make("p", "empty");
  const footer = make("footer", "");
  footer.append(...["▲ longer  ▼ shorter  ⇈ steam · points: change of the implied probability 1/odds", "Information only. 18+"].map((words) => {
    const span = make("span", "");
    span.textContent = words;
    return span;
  }));
  panel.append(said.element, tools, grid.element, empty, footer);
  root.append(panel);
  empty.textContent = "Waiting for Python …";
  grid.element.hidden = tools.hidden = true;

  const isSteamOnly = () => steam.getAttribute("aria-pressed") === "true";
  steam.addEventListener("click", () => {
    steam.setAttribute("aria-pressed", String(!isSteamOnly()));
    refilter();
  });
  text.addEventListener("input", refilter);

  function refilter() {
    const words = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const only = isSteamOnly();
    const searched = (row) => {
      const { name = row.event, sport = "" } = events.get(row.event) ?? {};
      return [name, sport, row.market, marketLabel(row.market), row.outcome, row.bookmaker, row.reason].join("\n").toLowerCase();
    };
    grid.filter(!words.length && !only ? null : (row) => (!only || row.steam) && words.every((word) => searched(row).includes(word)));
    python.redraw();
  }

  function take(body) {
    if (body.whole) waiting = { whole: true, events: [], moves: [], state: waiting?.state };
    waiting ??= { whole: false, events: [], moves: [] };
    waiting.events.push(...(body.events ?? []));
    waiting.moves.push(...(body.moves ?? []));
    if (waiting.moves.length > options.keep) waiting.moves.splice(0, waiting.moves.length - options.keep);
    if (waiting.events.length > options.keep) waiting.events = [...new Map(waiting.events.map((event) => [event[0], event])).values()];
    for (const name of ["seen", "left_out", "missing"]) counts[name] = body[name] ?? counts[name];
    waiting.state = body.state ?? waiting.state;
  }

  function draw() {
    const news = waiting;
    waiting = null;
    if (news) put(news);
    const at = Math.floor(grid.element.scrollTop / ROW);
    const anchor = at > 0 ? grid.shown()[at] : null; // who reads further down is not pushed on
    grid.draw();
    if (anchor && news?.moves.length && !grid.layout.sort) {
      const now = grid.shown().indexOf(anchor);
      if (now > at) grid.element.scrollTop += (now - at) * ROW;
    }
    const shown = grid.shown().length;
    const all = grid.rows.size;
    write(count, shown === all ? `${plural(all, "move")}${counts.seen > all ? `, the newest of ${counts.seen}` : ""}` : `${shown} of ${plural(all, "move")}`);
  }

  function put(news) {
    for (const [id, name, sport] of news.events) events.set(id, { name, sport });
    if (news.events.length) {
      grid.refresh();
      grid.repaint();
    }
    const isNews = !news.whole && news.moves.length <= FADE_CAP;
    if (news.whole) {
      const kept = new Set(news.moves.map(([id]) => id));
      for (const key of [...grid.rows.keys()]) if (!kept.has(key)) grid.drop(key);
    }
    for (const said of news.moves) {
      if (grid.rows.has(said[0])) continue;
      const row = moveRow(said);
      row.place = latest += 1;
      row.freshUntil = isNews ? performance.now() + FADE_MS : 0;
      grid.put(row);
    }
    const over = grid.rows.size - options.keep;
    if (over > 0) for (const key of [...grid.rows.keys()].slice(0, over)) grid.drop(key);
    if (events.size > 4 * options.keep) forgetEvents(grid.rows, events);
    if (isNews && news.moves.length) setTimeout(() => { grid.repaint(); python.redraw(); }, FADE_MS + 50);
    if (news.state) {
      said.say(news.state);
      emptyWords = news.state.empty || "No significant move yet: each appears here when it comes.";
    }
    write(left, leftWords(counts));
    write(empty, grid.rows.size ? "" : emptyWords);
    grid.element.hidden = tools.hidden = !grid.rows.size;
  }

  return { take, draw, silence: said.silence, dispose: () => grid.dispose() };
}

function moveRow([id, at, event, bookmaker, market, outcome, before, odds, points, reason, steam]) {
  return { key: id, at, event, bookmaker, market, outcome, before, odds, points, reason, steam: Boolean(steam) };
}

function leftWords({ left_out, missing }) {
  const words = [];
  if (left_out) words.push(`${plural(left_out, "move")} left out: they came too fast.`);
  if (missing) words.push(`${plural(missing, "update")} did not come one by one: moves among them are not here.`);
  return words.join(" ");
}

function forgetEvents(rows, events) {
  const used = new Set([...rows.values()].map((row) => row.event));
  for (const id of events.keys()) if (!used.has(id)) events.delete(id);
}

const plural = (number, word) => `${number.toLocaleString("en-GB")} ${word}${number === 1 ? "" : "s"}`;

const timeOfDay = (ms) => new Date(ms).toLocaleTimeString("en-GB", { hour12: false });

function moveColumns(events) {
  const name = (row) => events.get(row.event)?.name ?? row.event;
  const way = (row) => (!row.before || !row.odds ? 0 : Math.sign(row.odds - row.before));
  const arrow = (row) => ["▼ ", "", "▲ "][way(row) + 1];
  const price = (odds) => (odds ? decimal(odds) : "susp.");
  const moved = (row) => `${row.before ? price(row.before) : "–"} → ${arrow(row)}${price(row.odds)}`;
  const points = (row) => (row.points === null ? "" : `${row.points > 0 ? "+" : row.points < 0 ? "−" : ""}${Math.abs(row.points).toFixed(1)}`);
  return [
    {
      id: "at", label: "Time", width: 5, frozen: true, sort: (row) => row.at, csv: (row) => new Date(row.at).toISOString(),
      paint: (cell, row) => cell.show(timeOfDay(row.at), "dimmed", clock(row.at)),
    },
    {
      id: "event", label: "Event", width: 14, narrow: 9, frozen: true, loose: true, sort: name, csv: name,
      paint: (cell, row) => cell.show(name(row), "strong", [name(row), events.get(row.event)?.sport, row.event].filter(Boolean).join(" · ")),
    },
    { id: "market", label: "Market", width: 6, sort: (row) => row.market, csv: (row) => row.market, paint: (cell, row) => cell.show(marketLabel(row.market), "dimmed", row.market) },
    { id: "outcome", label: "Outcome", width: 8, sort: (row) => row.outcome, csv: (row) => row.outcome, paint: (cell, row) => cell.show(row.outcome, "", row.outcome) },
    { id: "bookmaker", label: "Bookmaker", width: 6.5, sort: (row) => row.bookmaker, csv: (row) => row.bookmaker, paint: (cell, row) => cell.show(row.bookmaker, "", row.bookmaker) },
    {
      id: "odds", label: "Odds", width: 8.5, kind: "number", sort: (row) => row.odds, csv: moved,
      paint: (cell, row) => cell.show(moved(row), ["down", "", "up"][way(row) + 1], "", row.before && row.odds ? `${way(row) > 0 ? "longer" : "shorter"}, ${price(row.before)} to ${price(row.odds)}` : ""),
    },
    {
      id: "points", label: "Points", title: "Change of the implied probability 1/odds, in percentage points", width: 4.5, kind: "number",
      sort: (row) => Math.abs(row.points), csv: (row) => row.points, paint: (cell, row) => cell.show(points(row), ["down", "", "up"][way(row) + 1]),
    },
    {
      id: "reason", label: "Reason", width: 20, grow: 34, sort: (row) => row.reason, csv: (row) => row.reason,
      paint: (cell, row) => cell.show(`${row.steam ? "⇈ " : ""}${row.reason}`, row.steam ? "" : "dimmed", row.reason),
    },
    { id: "sport", label: "Sport", width: 7, hidden: true, sort: (row) => events.get(row.event)?.sport ?? "", csv: (row) => events.get(row.event)?.sport ?? "", paint: (cell, row) => cell.show(events.get(row.event)?.sport ?? "", "dimmed") },
  ];
}
