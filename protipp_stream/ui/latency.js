// Latency over the last minutes, drawn from the samples that latency.py takes.

const SAMPLE_GAP_MS = 3500; // further apart: nobody looked in between, so nothing is known
const LOOKS = ["c0 light", "c0 strong", "c1 thin", "c2 thin dash", "c3 thin"]; // of the lines, in Python's order

function component(root, options) {
  const kept = options.seconds * 1000;
  let samples = []; // [at, down, [[ms, isBound, text] | null, …]]
  let said = null;
  let scale = null;
  let ahead = 0; // ms that Python's clock is ahead of the page's

  const icon = make("span", "icon");
  icon.setAttribute("aria-hidden", "true");
  const words = make("span", "");
  const verdict = make("span", "verdict grey", icon, words);
  verdict.setAttribute("role", "status");
  const lost = make("span", "note");
  lost.setAttribute("role", "alert");
  lost.hidden = true;
  const chart = makeChart({ label: "Latency by stage", height: options.height, tell });
  const keys = options.lines.map((name, at) => {
    const value = make("b", "");
    const key = make("li", `key-line ${LOOKS[at]}`, written("span", "", `${name} `), value);
    return { key, value };
  });
  // Told from the quickest to read to the finest; drawn the other way round.
  const legend = make("ul", "legend", ...[1, 0, 2, 3, 4].map((at) => keys[at].key));
  const table = make("tbody", "");
  const head = make("tr", "", ...["Stage", "p50", "p95", "p99", "Measured"].map((text) => column(text)));
  const figures = make("details", "figures", written("summary", "", "All figures"), make("table", "", make("thead", "", head), table));
  const foot = make("footer", "");
  const panel = make("section", "panel latency", make("div", "said", verdict, lost), chart.element, legend, figures, foot);
  panel.setAttribute("aria-label", "Latency");
  root.append(panel);
  words.textContent = "Waiting for Python …";

  function tell(x) {
    const sample = samples.find(([at]) => at === x);
    if (!sample) return { title: clockTime(x), rows: [] };
    const [at, down, values] = sample;
    const rows = down ? [["none", down, "nothing measured"]] : values.map((value, line) => [LOOKS[line], options.lines[line], value?.[2] ?? "not known"]);
    return { title: clockTime(at), rows };
  }

  // A line is cut where a figure is missing, and its look changes where it is a bound only.
  function runs(line) {
    const made = [];
    let run = null;
    let before = null;
    for (const [at, , values] of samples) {
      const value = values[line];
      if (!value || (before && at - before[0] > SAMPLE_GAP_MS)) run = before = null;
      if (!value) continue;
      const className = value[1] ? "bound" : "";
      if (!run || run.className !== className) {
        run = { className, points: before ? [before] : [] };
        made.push(run);
      }
      before = [at, value[0]];
      run.points.push(before);
    }
    return made;
  }

  function bands() {
    const found = [];
    for (const [at, down] of samples) {
      const last = found.at(-1);
      if (!down) {
        if (last?.open) [last.open, last[1]] = [false, at];
        continue;
      }
      if (last?.open && at - last[1] < SAMPLE_GAP_MS) [last[1], last[2]] = [at, `✕ ${down}`];
      else found.push(Object.assign([at, at, `✕ ${down}`], { open: true }));
    }
    return found;
  }

  function draw() {
    if (!said) return;
    const now = Date.now() + ahead;
    samples = samples.filter(([at]) => at >= now - kept);
    const from = now - kept;
    chart.show({
      x: [from, now], xTicks: (width) => ticksAgo(now, kept, width), scale, unit: "ms",
      lines: options.lines.map((_, line) => ({ className: LOOKS[line], runs: runs(line) })),
      rules: options.rules.map(([y, text], at) => [y, text, at ? "faint" : ""]),
      bands: bands(), stops: samples.map(([at]) => at),
    });
    const newest = samples.at(-1);
    keys.forEach(({ value }, line) => (value.textContent = newest?.[2][line]?.[2] ?? "—"));
    write(icon, said.icon);
    write(words, said.verdict);
    verdict.className = `verdict ${said.level}`;
    panel.classList.toggle("old", said.old);
    foot.replaceChildren(...said.words.map((text) => written("span", "", text)));
    table.replaceChildren(...said.rows.map((row) => make("tr", "", ...row.map((text) => written("td", "", text)))));
    chart.describe([said.verdict, ...options.lines.map((name, line) => `${name} ${newest?.[2][line]?.[2] ?? "not known"}`)].join(", "));
  }

  return {
    take(body) {
      ahead = body.now * 1000 - Date.now();
      samples = body.whole ? body.samples : [...samples, ...body.samples];
      samples = samples.slice(-2 * options.seconds);
      [said, scale] = [body.said, body.scale];
    },
    draw,
    silence(text) {
      write(lost, text.replace("prices", "figures"));
      panel.classList.toggle("old", Boolean(text) || Boolean(said?.old));
    },
    dispose: chart.dispose,
  };
}

function column(text) {
  const cell = written("th", "", text);
  cell.scope = "col";
  return cell;
}

const clockTime = (ms) => new Date(ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// Two to six round times ago.
function ticksAgo(now, span, width) {
  const most = Math.max(2, Math.min(5, Math.floor(width / 70)));
  const step = [2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800].find((seconds) => span / (seconds * 1000) <= most) ?? 3600;
  const ticks = [];
  for (let back = 0; back <= span; back += step * 1000) {
    const seconds = back / 1000;
    ticks.push([now - back, !back ? "now" : seconds < 120 && step % 60 ? `−${seconds} s` : `−${+(seconds / 60).toFixed(1)} min`]);
  }
  return ticks;
}
