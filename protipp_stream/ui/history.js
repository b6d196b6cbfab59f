// What a history's page knows of lines: what stood when, and which times an axis tells.

const LOOKS_OF_LINES = 8; // hues in chart.css; more lines are dashed
const lookOf = (at) => `c${at % LOOKS_OF_LINES}${Math.floor(at / LOOKS_OF_LINES) % 2 ? " dash" : ""}`;

// The odds that a line shows at a moment: null where nothing is known or it was suspended.
function oddsAt(line, x) {
  for (const run of line.runs) {
    if (!run.length || x < run[0][0] || x > run.at(-1)[0]) continue;
    let found = run[0];
    for (const point of run) {
      if (point[0] > x) break;
      found = point;
    }
    return found[1];
  }
  return null;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 345600, 604800];

// Two to six round moments of the reader's own clock.
function ticksOfTime([from, to], width) {
  const most = Math.max(2, Math.min(6, Math.floor(width / 85)));
  const step = 1000 * (STEPS_S.find((seconds) => (to - from) / (seconds * 1000) <= most) ?? Math.ceil((to - from) / most / 86400_000) * 86400);
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const ticks = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to && ticks.length < 6; at += step) ticks.push([at, tickText(at, step)]);
  return ticks;
}

function tickText(at, step) {
  const date = new Date(at);
  if (step >= 86400_000 || (step >= 3600_000 && !date.getHours() && !date.getMinutes())) return date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", ...(step < 60_000 ? { second: "2-digit" } : {}) });
}

const wholeMoment = (at) => (Number.isFinite(at) ? new Date(at).toLocaleString(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }) : "");

// A list to choose from that is only made anew when something else is in it.
function offer(select, entries, chosen) {
  const have = [...select.options].map((option) => `${option.value}\n${option.textContent}`).join("\0");
  if (have !== entries.map(([value, text]) => `${value}\n${text}`).join("\0")) {
    select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  }
  if (select.value !== chosen) select.value = chosen ?? "";
}

function labelled(text, control) {
  control.setAttribute("aria-label", text);
  return make("label", "", text, control);
}
