// A list of connections: each with icon and word, ages that tick, and what went wrong.
//
//   connectionList({ label, height, keep, redraw, seconds }) -> { grid, take(body), tick(), dispose() }
//   `seconds()` is the gateway's clock; a body is { rows, gone, whole } of connection_rows.py.

const GROUPS = { client: "Client", source: "Source", bookmaker: "Bookmaker" };

function connectionList({ label, height, keep, redraw, seconds }) {
  const grid = makeGrid({
    label, height, keep, redraw,
    columns: connectionColumns(seconds),
    order: (a, b) => Object.keys(GROUPS).indexOf(a.said.group) - Object.keys(GROUPS).indexOf(b.said.group) || (a.said.name < b.said.name ? -1 : a.said.name > b.said.name ? 1 : 0),
    rowClass: (row) => (row.said.level === "grey" ? "dimmed" : ""),
  });
  // Ages grow by themselves.
  const ticking = setInterval(() => {
    grid.repaint();
    redraw();
  }, 1000);

  return {
    grid,
    take(body) {
      if (body.whole) {
        const named = new Set(body.rows.map((row) => row.key));
        for (const key of [...grid.rows.keys()]) if (!named.has(key)) grid.drop(key);
      }
      for (const key of body.gone ?? []) grid.drop(key);
      for (const said of body.rows) {
        const row = grid.rows.get(said.key) ?? { key: said.key, seen: [], measured: null };
        // A reading is one that came with a sign of life: the same figure again is one, too.
        if (said.latency_ms != null && said.heard !== row.measured) {
          row.measured = said.heard;
          row.seen = [...row.seen, said.latency_ms].slice(-40);
        }
        row.said = said;
        grid.put(row);
        grid.touch(row);
      }
    },
    dispose() {
      clearInterval(ticking);
      grid.dispose();
    },
  };
}

function connectionColumns(seconds) {
  const age = (id, name, title) => ({
    id, label: name, title, width: 6, kind: "number", sort: (row) => row.said[id] ?? null, csv: (row) => (row.said[id] == null ? null : new Date(row.said[id] * 1000).toISOString()),
    paint: (cell, row) => cell.show(row.said[id] == null ? "never" : `${ago(seconds() - row.said[id])} ago`, "dimmed", row.said[id] == null ? "" : new Date(row.said[id] * 1000).toLocaleString()),
  });
  const number = (id, name, title, width) => ({
    id, label: name, title, width, kind: "number", sort: (row) => row.said[id] ?? 0, csv: (row) => row.said[id] ?? 0,
    paint: (cell, row) => cell.show(row.said[id] ? String(row.said[id]) : "–", row.said[id] ? "" : "dimmed", "", row.said[id] ? "" : "none"),
  });
  const text = (id, name, width, more = {}) => ({
    id, label: name, width, sort: (row) => row.said[id] || null, csv: (row) => row.said[id] ?? "",
    paint: (cell, row) => cell.show(row.said[id] ?? "", "dimmed", row.said[id] ?? ""), ...more,
  });
  return [
    {
      id: "name", label: "Connection", width: 10, narrow: 8, frozen: true, sort: (row) => row.said.name, csv: (row) => row.said.name,
      paint: (cell, row) => cell.show(row.said.name, row.said.group === "source" ? "strong" : "", `${GROUPS[row.said.group]} ${row.said.name}`),
    },
    {
      id: "state", label: "State", width: 12, narrow: 9, sort: (row) => row.said.state, csv: (row) => row.said.state,
      paint: (cell, row) => cell.show(`${row.said.icon} ${row.said.state}`, `graded ${row.said.level}`, row.said.error || row.said.state),
    },
    {
      id: "kind", label: "Way", title: "How it gets its prices", width: 6.5, sort: (row) => row.said.kind, csv: (row) => row.said.kind,
      paint: (cell, row) => cell.show(row.said.kind, row.said.origin ? "made" : "dimmed", row.said.origin ? "No bookmaker's prices" : ""),
    },
    age("heard", "Heard", "Its last sign of life that we know of"),
    age("updated", "Price changed", "When a price of it changed last"),
    {
      id: "latency_ms", label: "Latency", title: "Of a request to it; a stream is not asked", width: 5.5, kind: "number", sort: (row) => row.said.latency_ms ?? null, csv: (row) => row.said.latency_ms ?? null,
      paint: (cell, row) => cell.show(row.said.latency_ms == null ? "–" : `${row.said.latency_ms.toFixed(row.said.latency_ms < 10 ? 1 : 0)} ms`, row.said.latency_ms == null ? "dimmed" : "", "", row.said.latency_ms == null ? "not measured" : ""),
    },
    {
      id: "trend", label: "Trend", title: "Its last latencies, as long as you look", width: 5, kind: "spark",
      paint(cell, row) {
        cell.trend ??= makeTrend(40);
        if (!cell.trend.element.parentNode) cell.el.append(cell.trend.element);
        cell.trend.show(row.seen);
        const words = row.seen.length ? cell.trend.words("ms") : "not measured";
        cell.show("", "", words, words);
      },
    },
    number("errors", "Errors", "Failures since it was made", 4.25),
    number("attempts", "Attempts", "Tries since it last worked", 4.75),
    text("quota", "Quota", 8),
    text("error", "Last error", 18, { grow: 18 }),
  ];
}
