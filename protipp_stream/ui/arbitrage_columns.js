// The columns of the table of arbitrage. Figures come from Python: nothing is reckoned here
// but how long ago a moment was.

const percent = (part) => (part === null || part === undefined ? "" : `${part < 0 ? "−" : ""}${Math.abs(part * 100).toFixed(2)} %`);

// To the cent, and further where there is more: figures that are added up must add up.
function money(value) {
  if (value === null || value === undefined) return "";
  const [whole, part = ""] = Math.abs(value).toFixed(6).split(".");
  return `${value < 0 ? "−" : ""}${whole.replace(/\B(?=(\d{3})+$)/g, "\u2009")}.${part.replace(/0{1,4}$/, "")}`;
}

function countdown(seconds) {
  const s = Math.ceil(seconds);
  return s < 3600 ? `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}` : ago(s);
}

const STATUS_WORDS = { active: "● active", suppressed: "◌ suppressed", expired: "■ over" };

function arbitrageColumns(screen) {
  const since = (ms) => Math.max(0, (screen.now() - ms) / 1000);
  const end = (row) => row.ended ?? screen.now();
  const names = (row) => row.bets.map(([bookmaker]) => bookmaker).join(" / ");
  const bets = (row) => row.bets.map(([bookmaker, outcome, side, odds]) => `${side === "lay" ? "lay " : ""}${outcome} ${decimal(odds)} at ${bookmaker}`).join("\n");
  const plain = (id, label, width, text, more = {}) => ({
    id, label, width, sort: text, csv: text,
    paint: (cell, row) => cell.show(text(row), more.name ?? "", text(row)),
    ...more,
  });
  const expires = (row) => {
    if (row.status === "expired") return "over";
    const left = (row.until - screen.now()) / 1000;
    return left > 0 ? `in ${countdown(left)}` : "too old";
  };
  return [
    {
      id: "event", label: "Match", width: 14, narrow: 8, frozen: true, sort: (row) => row.event, csv: (row) => row.event,
      paint: (cell, row) => cell.show(row.event, "strong", [row.event, row.sport, row.id[0]].filter(Boolean).join(" · ")),
    },
    plain("market", "Market", 6, (row) => row.market, { paint: (cell, row) => cell.show(marketLabel(row.market), "dimmed", row.market) }),
    plain("bookmakers", "Bookmakers", 10, names, { paint: (cell, row) => cell.show(names(row), "", bets(row)) }),
    {
      id: "margin", label: "Margin", title: "Return on the total before rounding", width: 4.75, kind: "number", sort: (row) => row.margin, csv: (row) => row.margin,
      paint: (cell, row) => cell.show(percent(row.margin), row.status === "active" ? "strong" : ""),
    },
    {
      id: "profit", label: "Profit", title: "What the worst outcome leaves of the rounded stakes", width: 4.75, kind: "number", sort: (row) => row.profit, csv: (row) => row.profit,
      paint: (cell, row) => cell.show(money(row.profit), row.profit > 0 ? "" : "dimmed", row.floor === null || row.floor === undefined ? "" : `at the least ${money(row.floor)}, a push included`),
    },
    {
      id: "stake", label: "Stake", title: "Money at risk in all: stakes of backs, liabilities of lays, rounded", width: 5, kind: "number", sort: (row) => row.stake, csv: (row) => row.stake,
      paint: (cell, row) => cell.show(money(row.stake), "dimmed"),
    },
    {
      id: "until", label: "Expires", title: "When its oldest price counts as too old, unless it is confirmed before; a price may go sooner", width: 4.75, kind: "number",
      sort: (row) => row.until, csv: (row) => new Date(row.until).toISOString(), paint: (cell, row) => cell.show(expires(row), ""),
    },
    {
      id: "oldest", label: "Oldest price", title: "How long ago its oldest price was last said or confirmed", width: 4.75, kind: "number",
      sort: (row) => row.oldest, csv: (row) => Math.round(since(row.oldest)), paint: (cell, row) => cell.show(ago(since(row.oldest)), "dimmed"),
    },
    {
      id: "standing", label: "For", title: "How long it has stood, or stood", width: 4, kind: "number",
      sort: (row) => end(row) - row.first, csv: (row) => Math.round((end(row) - row.first) / 1000),
      paint: (cell, row) => cell.show(ago((end(row) - row.first) / 1000), "dimmed", `first seen ${clock(row.first)} ${clock(row.first, true)}`),
    },
    plain("status", "Status", 6.75, (row) => row.status, { paint: (cell, row) => cell.show(STATUS_WORDS[row.status] ?? row.status, row.status, row.reasons) }),
    {
      id: "starts", label: "Starts", width: 9, sort: (row) => row.starts ?? null, csv: (row) => (row.starts ? new Date(row.starts).toISOString() : null),
      paint: (cell, row) => cell.show(row.in_play ? "▸ in play" : clock(row.starts), row.in_play ? "strong" : "dimmed", row.in_play ? `in play since ${clock(row.starts)}` : ""),
    },
    plain("sport", "Sport", 6, (row) => row.sport, { name: "dimmed" }),
    plain("reasons", "Reasons", 16, (row) => row.reasons, { name: "dimmed" }),
    plain("in_play", "In play", 4.5, (row) => (row.in_play ? "yes" : "no"), { hidden: true }),
    { id: "first", label: "First seen", width: 8, hidden: true, sort: (row) => row.first, csv: (row) => new Date(row.first).toISOString(), paint: (cell, row) => cell.show(clock(row.first, true), "dimmed", clock(row.first)) },
  ];
}
