// How a board looks: its columns, its cells, and the filters above it.

function boardColumns(board, screen) {
  const prices = board.present().map(({ name, index }) => ({
    id: `bookmaker ${name}`, bookmaker: name, label: name, width: 4.75, kind: "price",
    title: screen.isFaded(name) ? `${name}: no news; its prices may be old` : name,
    paint: (cell, row) => paintPrice(cell, row.cells[index], screen.isFaded(name)),
    sort: (row) => row.cells[index]?.odds ?? null,
    csv: (row) => row.cells[index]?.odds ?? null,
  }));
  for (const column of prices) if (column.title !== column.label) column.label += " ⏸";
  return [eventColumn(), marketColumn(), outcomeColumn(true), ...prices, bestColumn(), movesColumn(), ageColumn(screen), ...plainColumns()];
}

function flatColumns(screen) {
  return [
    eventColumn(), marketColumn(), outcomeColumn(false),
    {
      id: "bookmaker", label: "Bookmaker", width: 8, sort: (row) => row.bookmaker, csv: (row) => row.bookmaker,
      paint: (cell, row) => cell.show(row.bookmaker, screen.isFaded(row.bookmaker) ? "dimmed" : "", row.bookmaker),
    },
    {
      id: "odds", label: "Odds", width: 5.5, kind: "price", sort: (row) => row.cells[0]?.odds ?? null, csv: (row) => row.cells[0]?.odds ?? null,
      paint: (cell, row) => paintPrice(cell, row.cells[0], screen.isFaded(row.bookmaker)),
    },
    {
      id: "before", label: "Before", width: 5, kind: "number", sort: (row) => row.cells[0]?.before ?? null, csv: (row) => row.cells[0]?.before ?? null,
      paint: (cell, row) => cell.show(row.cells[0]?.before ? decimal(row.cells[0].before) : "", "dimmed"),
    },
    movesColumn(), ageColumn(screen), ...plainColumns(),
  ];
}

const eventColumn = () => ({
  id: "event", label: "Event", width: 14.5, narrow: 7.5, frozen: true, run: (row) => row.event,
  sort: (row) => row.event.name, csv: (row) => row.event.name,
  paint(cell, row, at) {
    const { name, starts, sport, id } = row.event;
    const title = [name, sport, id].filter(Boolean).join(" · ");
    if (at === 0) cell.show(name, "strong", title);
    else if (at === 1) cell.show(clock(starts), "dimmed", title);
    else cell.show("", "", title, name);
  },
});

const marketColumn = () => ({
  id: "market", label: "Market", width: 6.5, narrow: 4.75, frozen: true, loose: true, run: (row) => `${row.event.id}\n${row.market}`,
  sort: (row) => row.market, csv: (row) => row.market,
  paint: (cell, row, at) => cell.show(at ? "" : marketLabel(row.market), "dimmed", row.market, at ? row.market : ""),
});

const outcomeColumn = (last) => ({
  id: "outcome", label: "Outcome", width: 10, narrow: 6.5, frozen: last, sort: (row) => row.outcome, csv: (row) => row.outcome,
  paint: (cell, row) => cell.show(row.outcome, "", row.outcome),
});

const bestColumn = () => ({
  id: "best", label: "Best", width: 4.5, kind: "number", hidden: true, sort: (row) => row.best, csv: (row) => row.best,
  paint: (cell, row) => cell.show(row.best === null ? "" : decimal(row.best), "strong"),
});

const ageColumn = (screen) => ({
  id: "age", label: "Changed", title: "How long ago a price of this row changed", width: 4.5, kind: "number",
  sort: (row) => row.at, csv: (row) => screen.age(row)?.toFixed(0) ?? null,
  paint: (cell, row) => cell.show(row.at === null ? "" : ago(screen.age(row)), "dimmed"),
});

const plainColumns = () => [
  { id: "sport", label: "Sport", width: 7, hidden: true, sort: (row) => row.event.sport, csv: (row) => row.event.sport, paint: (cell, row) => cell.show(row.event.sport, "dimmed", row.event.sport) },
  { id: "starts", label: "Starts", width: 9, hidden: true, sort: (row) => row.event.starts, csv: (row) => (row.event.starts ? new Date(row.event.starts).toISOString() : null), paint: (cell, row) => cell.show(clock(row.event.starts), "dimmed") },
];

const SPARK_MS = 500; // a line need not race: the table paints what is left once a second

// The last best prices as a line; in words for who can't see it.
const movesColumn = () => ({
  id: "moves", label: "Moves", title: "The last changes of the best price", width: 5, kind: "spark",
  paint(cell, row) {
    const { moves } = row;
    const now = performance.now();
    if (cell.drawnRow === row && (cell.drawnMoves === row.moved || now - cell.drawnAt < SPARK_MS)) return;
    Object.assign(cell, { drawnMoves: row.moved, drawnRow: row, drawnAt: now });
    cell.line ??= sparkline(cell.el);
    const [low, high] = [Math.min(...moves), Math.max(...moves)];
    const [width, height] = [62, 14];
    const at = (odds, i) => `${((i * width) / (moves.length - 1)).toFixed(1)},${(high > low ? height - ((odds - low) / (high - low)) * height : height / 2).toFixed(1)}`;
    cell.line.setAttribute("points", moves.length < 2 ? "" : moves.map(at).join(" "));
    const words = moves.length < 2 ? "no move yet" : `${decimal(moves[0])} to ${decimal(moves.at(-1))} in ${moves.length - 1} moves`;
    cell.show("", moves.at(-1) < moves[0] ? "fell" : "rose", words, words);
  },
});

function sparkline(el) {
  const [svg, line] = ["svg", "polyline"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  svg.setAttribute("viewBox", "-1 -2 64 18");
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  el.append(svg);
  return line;
}

function paintPrice(cell, price, faded) {
  if (!price || price.odds === undefined) return cell.show("", "none", "", "no price");
  let name = price.odds === null ? "susp" : "";
  if (price.move) name += price.move > 0 ? " up" : " down";
  if (price.glow) name += ` g${price.glow}`;
  if (price.best) name += " best";
  if (faded) name += " faded";
  if (price.odds === null) return cell.show("susp.", name, "suspended", "suspended");
  const [text, exact] = [decimal(price.odds), String(price.odds)];
  cell.show(text, name.trim(), exact.length > text.length ? exact : "");
}

// Text, sport, market, and moves only: all decided here, without asking Python.
function boardFilters(board, options, changed) {
  const text = make("input", "");
  text.type = "search";
  text.placeholder = "Filter …";
  text.setAttribute("aria-label", "Filter by event, outcome, market");
  const sport = choices("All sports", "Sport");
  const market = choices("All markets", "Market");
  const significant = make("button", "");
  significant.type = "button";
  significant.textContent = "Significant only";
  significant.title = "Rows with a significant move in the last five minutes";
  significant.setAttribute("aria-pressed", String(Boolean(options.choice?.significant_only)));
  const isPressed = () => significant.getAttribute("aria-pressed") === "true";
  const count = make("span", "dimmed");
  count.setAttribute("role", "status");
  significant.addEventListener("click", () => {
    significant.setAttribute("aria-pressed", String(!isPressed()));
    changed();
  });
  text.addEventListener("input", changed);
  for (const each of [sport, market]) each.addEventListener("change", changed);

  const isOn = () => Boolean(text.value.trim() || sport.value || market.value || isPressed());

  function test() {
    const words = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const [itsSport, itsMarket, recent] = [sport.value, market.value, isPressed()];
    if (!isOn()) return null;
    return (row) =>
      words.every((word) => row.search.includes(word)) &&
      (!itsSport || row.event.sport === itsSport) &&
      (!itsMarket || row.place.kind === itsMarket) &&
      (!recent || Date.now() - row.strongAt < RECENT_MS);
  }

  return {
    elements: [text, sport, market, significant, count],
    test,
    offer() {
      offerIn(sport, [...board.events.values()].filter((event) => event.rows.size).map((event) => event.sport));
      offerIn(market, [...board.rows.values()].map((row) => row.place.kind));
    },
    // What is significant now changes by itself.
    tick() {
      if (isPressed()) changed();
    },
    tell(shown) {
      const all = board.rows.size;
      write(count, !isOn() ? "" : shown ? `${shown} of ${all} rows` : `None of ${all} rows fits the filter.`);
    },
  };
}

function choices(all, label) {
  const select = make("select", "", new Option(all, ""));
  select.setAttribute("aria-label", label);
  return select;
}

function offerIn(select, names) {
  const chosen = select.value; // stays, also while nothing has that name
  const wanted = [...new Set([...names, chosen])].filter(Boolean).sort();
  const have = [...select.options].slice(1).map((option) => option.value);
  select.hidden = wanted.length < 2 && !chosen;
  if (wanted.join("\n") === have.join("\n")) return;
  select.replaceChildren(select.options[0], ...wanted.map((name) => new Option(name, name)));
  select.value = chosen;
}
