// The board as rows: what each outcome is priced at by each bookmaker, who is best, and
// what moved when. It takes facts, whether Python or the gateway said them, and draws nothing.

const MOVES = 24; // prices that a sparkline shows

function boardRows({ flat = false, choice = {} }) {
  const rows = new Map(); // key -> row
  const events = new Map(); // id -> event
  const bookmakers = []; // { name, index }
  const byName = new Map();
  const places = new Map(); // bookmaker, event, market, outcome -> { row, cell }
  const wants = Object.fromEntries(["sports", "events", "markets", "bookmakers"].map((name) => [name, choice[name] ? new Set(choice[name]) : null]));

  function describe(id, name, starts, sport) {
    const event = events.get(id) ?? { id, name: id, starts: null, sport: "", rows: new Set() };
    Object.assign(event, { name: name || id, starts, sport: sport || "", stands: true });
    events.set(id, event);
    for (const row of event.rows) row.search = searched(row);
    return event;
  }

  function isWanted(bookmaker, event, market) {
    const kind = market.split("@", 1)[0];
    if (wants.bookmakers && !wants.bookmakers.has(bookmaker)) return false;
    if (wants.markets && !wants.markets.has(market) && !wants.markets.has(kind)) return false;
    if (wants.sports && !wants.sports.has(event.sport)) return false;
    return !wants.events || wants.events.has(event.id) || wants.events.has(event.name);
  }

  function bookmakerOf(name) {
    let bookmaker = byName.get(name);
    if (!bookmaker) {
      bookmaker = { name, index: bookmakers.length };
      byName.set(name, bookmaker);
      bookmakers.push(bookmaker);
    }
    return bookmaker;
  }

  // Returns the place of a selection on the board; null if it is not to be shown.
  function find(key, name) {
    let place = places.get(key);
    if (place) return place;
    const [bookmaker, id, market, outcome] = name;
    const event = events.get(id) ?? describe(id, id, null, "");
    if (!isWanted(bookmaker, event, market)) return null; // now: the event may get another name
    const rowKey = flat ? key : keyOf([id, market, outcome]);
    let row = rows.get(rowKey);
    if (!row) {
      row = { key: rowKey, event, market, outcome, bookmaker: flat ? bookmaker : null, low: market.includes("_lay"), cells: [], best: null, moves: [], moved: 0, at: null, strongAt: 0 };
      row.search = searched(row);
      row.place = placeOf(row);
      event.rows.add(row);
      rows.set(rowKey, row);
    }
    const { index } = bookmakerOf(bookmaker);
    const cell = (row.cells[flat ? 0 : index] ??= { odds: undefined, before: null, move: 0, at: 0, strong: false, best: false, glow: 0, stands: true, row });
    place = { row, cell };
    places.set(key, place);
    return place;
  }

  // `since`: when it became so, in ms of the page's clock; `now` is that of the screen.
  function price({ row, cell }, odds, strong, since, now) {
    cell.stands = true;
    if (odds === cell.odds) return false;
    const before = cell.odds;
    const known = typeof before === "number";
    cell.odds = odds;
    cell.move = odds === null || !known ? 0 : Math.sign(odds - before);
    cell.at = now;
    cell.strong = Boolean(strong) && cell.move !== 0;
    if (known) cell.before = before;
    if (since !== null && (row.at === null || since > row.at)) row.at = since;
    if (strong) row.strongAt = Date.now();
    return true;
  }

  // Best means better than another's: one price alone, or all equal, is not framed.
  function judge(row) {
    let high = -Infinity;
    let low = Infinity;
    let count = 0;
    for (const cell of row.cells) {
      if (typeof cell?.odds !== "number") continue;
      count += 1;
      if (cell.odds > high) high = cell.odds;
      if (cell.odds < low) low = cell.odds;
    }
    const best = count ? (row.low ? low : high) : null;
    for (const cell of row.cells) if (cell) cell.best = high > low && cell.odds === best;
    if (best !== null && best !== row.best) {
      row.moves.push(best);
      row.moved += 1;
      if (row.moves.length > MOVES) row.moves.shift();
    }
    row.best = best;
  }

  return {
    rows, events, describe, find, price, judge,
    // Who prices anything now: a column each.
    present() {
      const priced = new Set();
      for (const row of rows.values()) row.cells.forEach((cell, index) => cell?.odds !== undefined && priced.add(index));
      return bookmakers.filter(({ index }) => priced.has(index)).sort((a, b) => compare(a.name, b.name));
    },
    known: () => bookmakers.length,
    // A whole board follows: what it does not name is taken off by `settle`.
    doubt() {
      for (const event of events.values()) event.stands = false;
      for (const row of rows.values()) for (const cell of row.cells) if (cell) cell.stands = false;
    },
    settle() {
      const [gone, changed] = [[], []];
      for (const row of rows.values()) {
        const lost = row.cells.filter((cell) => cell && !cell.stands && cell.odds !== undefined);
        for (const cell of lost) Object.assign(cell, { odds: undefined, move: 0, strong: false });
        if (row.cells.every((cell) => !cell || cell.odds === undefined)) gone.push(row);
        else if (lost.length) changed.push(row);
      }
      for (const row of gone) {
        rows.delete(row.key);
        row.event.rows.delete(row);
      }
      for (const event of events.values()) if (!event.stands && !event.rows.size) events.delete(event.id);
      if (gone.length) places.clear(); // some of them lead nowhere now
      return { gone, changed };
    },
  };
}

// Names have no line breaks (model.py).
const keyOf = (names) => names.join("\n");

const searched = (row) => [row.event.name, row.event.sport, row.market, row.outcome, row.bookmaker ?? ""].join("\n").toLowerCase();

// Rows by start, event, market; outcomes as the event's name has them.
function placeOf(row) {
  const [kind, line = ""] = split(row.market);
  return { kind, line, number: line !== "" && Number.isFinite(Number(line)) ? Number(line) : -Infinity };
}

const compare = (x, y) => (x < y ? -1 : x > y ? 1 : 0);

function usualOrder(a, b) {
  const [x, y] = [a.event, b.event];
  if (x !== y) return compare(x.starts ?? Infinity, y.starts ?? Infinity) || compare(x.name, y.name) || compare(x.id, y.id);
  const [p, q] = [a.place, b.place];
  return compare(p.kind, q.kind) || compare(p.number, q.number) || compare(p.line, q.line) || compare(side(a), side(b)) || compare(a.outcome, b.outcome) || compare(a.bookmaker ?? "", b.bookmaker ?? "");
}

function side(row) {
  const at = row.event.name.indexOf(row.outcome);
  return at >= 0 ? at : row.event.name.length;
}
