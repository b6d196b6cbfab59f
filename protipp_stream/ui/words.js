// How numbers, moments and markets are written, everywhere the same.

const decimal = (odds) => (odds >= 1000 ? odds.toFixed(0) : odds.toFixed(2));

function clock(ms, seconds = false) {
  if (typeof ms !== "number" || !Number.isFinite(ms)) return "";
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "";
  const time = { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : { weekday: "short", day: "numeric", month: "short" }) };
  return date.toLocaleString(undefined, time);
}

function ago(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

// A spread's line is the home side's handicap: say whose, and with its sign.
function marketLabel(market) {
  const [kind, line] = split(market);
  if (!line) return kind;
  if (!kind.startsWith("spreads") || !Number.isFinite(Number(line))) return `${kind} ${line}`;
  return `${kind} home ${Number(line) > 0 ? "+" : ""}${line}`;
}

function split(market) {
  const at = market.indexOf("@");
  return at < 0 ? [market, ""] : [market.slice(0, at), market.slice(at + 1)];
}
