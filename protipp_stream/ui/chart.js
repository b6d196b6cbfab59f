// A line chart in SVG, without any library: it looks the same in every notebook.
//
//   makeChart({ label, height, tell, picked }) -> { element, show(spec), cursor(x), describe(text), dispose() }
//
// A spec is { x: [from, to], xTicks(width) -> [[x, text]], scale: { low, high, ticks, log },
// lines: [{ className, step, runs: [{ className, points: [[x, y]] }] }],
// unit, rules: [[y, text, className]], bands: [[from, to, text]], stops: [x] }. Between two runs
// nothing is drawn: nothing is known there. The crosshair goes from stop to stop, by the
// pointer or the arrow keys; tell(x) -> { title, rows: [[className, name, text]] } says
// what stands there. A click, or Enter, calls picked(x).

const EDGE = { left: 42, right: 14, top: 16, bottom: 20 }; // px around the lines
let chartsMade = 0;

function makeChart({ label, height, tell, picked }) {
  const svg = draft("svg", { "aria-hidden": "true" });
  const told = make("div", "told");
  told.hidden = true;
  const plot = make("div", "plot", svg, told);
  const clip = `plot-${chartsMade++}`;
  plot.style.height = height;
  plot.tabIndex = 0;
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-label", `${label}: crosshair, moved by the arrow keys`);
  const figure = make("div", "", plot);
  figure.setAttribute("role", "group");
  figure.setAttribute("aria-label", label);

  let spec = null;
  let cross = null; // where the crosshair stands
  let mark = null; // the cursor that the owner set
  const crossLine = draft("line", { class: "cross" });
  const markLine = draft("line", { class: "now" });

  const size = () => ({ width: Math.max(plot.clientWidth, 160), height: Math.max(plot.clientHeight, 80) });
  const inner = () => {
    const { width, height: tall } = size();
    return { left: EDGE.left, right: width - EDGE.right, top: EDGE.top, bottom: tall - EDGE.bottom };
  };
  const across = (box, [from, to]) => (x) => box.left + ((x - from) / (to - from || 1)) * (box.right - box.left);
  const upward = (box, { low, high, log }) => {
    const of = log ? Math.log : (y) => y;
    const [least, most] = [of(low), of(high)];
    return (y) => box.bottom - ((of(log ? Math.max(y, low) : y) - least) / (most - least || 1)) * (box.bottom - box.top);
  };

  function draw() {
    if (!spec || !plot.clientWidth) return;
    const box = inner();
    const [right, up] = [across(box, spec.x), upward(box, spec.scale)];
    const frame = draft("clipPath", { id: clip }, draft("rect", { x: box.left, y: box.top - 4, width: box.right - box.left, height: box.bottom - box.top + 8 }));
    const grid = spec.scale.ticks.filter(([y]) => y >= spec.scale.low && y <= spec.scale.high).flatMap(([y, text]) => [
      draft("line", { class: "tick", x1: box.left, x2: box.right, y1: up(y), y2: up(y) }),
      label_(text, { class: "end y", x: box.left - 6, y: up(y) + 4 }),
    ]);
    const times = spec.xTicks(box.right - box.left).filter(([x]) => x >= spec.x[0] && x <= spec.x[1]).flatMap(([x, text]) => [
      draft("line", { class: "tick axis", x1: right(x), x2: right(x), y1: box.bottom, y2: box.bottom + 4 }),
      label_(text, { class: right(x) > box.right - 24 ? "end x" : "middle x", x: Math.min(right(x), box.right + EDGE.right - 2), y: box.bottom + 15 }),
    ]);
    const bands = (spec.bands ?? []).flatMap(([from, to, text]) => {
      const [begin, end] = [Math.max(right(from), box.left), Math.min(right(to), box.right)];
      if (end < begin) return [];
      const width = Math.max(end - begin, 2);
      const name = width > text.length * 6.5 ? [label_(text, { class: "middle band-name", x: begin + width / 2, y: box.top + 12 })] : [];
      return [draft("rect", { class: "band", x: begin, y: box.top, width, height: box.bottom - box.top }), ...name];
    });
    const rules = (spec.rules ?? []).flatMap(([y, text, name]) => [
      draft("line", { class: `limit ${name}`, x1: box.left, x2: box.right, y1: up(y), y2: up(y) }),
      label_(text, { class: `limit-name ${name}`, x: box.left + 4, y: up(y) - 3 }),
    ]);
    const traces = spec.lines.flatMap((line) => line.runs.map((run) => trace(line, run, right, up)));
    const unit = spec.unit ? [label_(spec.unit, { class: "end unit", x: box.left - 6, y: box.top })] : [];
    const axis = draft("line", { class: "tick axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom });
    svg.replaceChildren(frame, ...unit, ...grid, axis, ...times, ...bands, draft("g", { "clip-path": `url(#${clip})` }, ...traces), ...rules, markLine, crossLine);
    place();
  }

  function trace(line, run, right, up) {
    const name = `${line.className} ${run.className ?? ""}`;
    const { points } = run;
    // One point alone is no line, and would not be seen.
    if (points.length === 1) return draft("circle", { class: `dot ${name}`, r: 1.8, cx: right(points[0][0]), cy: up(points[0][1]) });
    let path = "";
    for (const [x, y] of points) {
      const [px, py] = [right(x).toFixed(1), up(y).toFixed(1)];
      path += !path ? `M${px},${py}` : line.step ? `H${px}V${py}` : `L${px},${py}`;
    }
    return draft("path", { class: `trace ${name}`, d: path });
  }

  function stand(line, x) {
    const shown = spec && x !== null && x >= spec.x[0] && x <= spec.x[1];
    line.style.display = shown ? "" : "none";
    if (!shown) return null;
    const box = inner();
    const at = across(box, spec.x)(x);
    for (const [name, value] of [["x1", at], ["x2", at], ["y1", box.top], ["y2", box.bottom]]) line.setAttribute(name, value.toFixed(1));
    return at;
  }

  function place() {
    stand(markLine, mark);
    const at = stand(crossLine, cross);
    told.hidden = at === null;
    if (at === null) return;
    const { title, rows } = tell(cross);
    const list = make("dl", "", ...rows.flatMap(([name, what, text]) => [written("dt", name, what), written("dd", "", text)]));
    told.replaceChildren(written("div", "dimmed", title), list);
    const isLeft = at < size().width / 2;
    told.style.insetInlineStart = isLeft ? `${at + 10}px` : "auto";
    told.style.insetInlineEnd = isLeft ? "auto" : `${size().width - at + 10}px`;
    plot.setAttribute("aria-valuenow", Math.round(cross));
    plot.setAttribute("aria-valuetext", `${title}: ${rows.map(([, what, text]) => `${what} ${text}`).join(", ")}`);
  }

  const atPointer = (event) => {
    const box = inner();
    const share = (event.clientX - plot.getBoundingClientRect().left - box.left) / (box.right - box.left);
    const x = spec.x[0] + Math.min(Math.max(share, 0), 1) * (spec.x[1] - spec.x[0]);
    return spec.stops ? nearest(spec.stops, x) : x;
  };
  const move = (x) => {
    cross = x;
    place();
  };
  plot.addEventListener("pointermove", (event) => spec && move(atPointer(event)));
  plot.addEventListener("pointerleave", () => move(null));
  plot.addEventListener("blur", () => move(null));
  plot.addEventListener("click", (event) => spec && picked?.(atPointer(event)));
  plot.addEventListener("keydown", (event) => {
    const stops = spec?.stops?.filter((x) => x >= spec.x[0] && x <= spec.x[1]) ?? [];
    if (!stops.length) return;
    const here = cross === null ? stops.length : stops.indexOf(nearest(stops, cross));
    const there = { ArrowLeft: here - 1, ArrowRight: here + 1, PageUp: here - 10, PageDown: here + 10, Home: 0, End: stops.length - 1 }[event.key];
    if (there !== undefined) move(stops[Math.min(Math.max(there, 0), stops.length - 1)]);
    else if (event.key === "Escape") move(null);
    else if (event.key === "Enter" && cross !== null) picked?.(cross);
    else return;
    event.preventDefault();
  });
  const observer = new ResizeObserver(() => requestAnimationFrame(draw));
  observer.observe(plot);

  return {
    element: figure,
    show(given) {
      spec = given;
      plot.setAttribute("aria-valuemin", Math.round(spec.x[0]));
      plot.setAttribute("aria-valuemax", Math.round(spec.x[1]));
      if (cross === null) plot.setAttribute("aria-valuetext", "not set");
      if (cross === null) plot.setAttribute("aria-valuenow", Math.round(spec.x[1]));
      draw();
    },
    cursor(x) {
      mark = x;
      stand(markLine, mark);
    },
    describe: (text) => figure.setAttribute("aria-label", `${label}. ${text}`),
    dispose: () => observer.disconnect(),
  };
}

function nearest(stops, x) {
  let [low, high] = [0, stops.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (stops[middle] <= x) low = middle;
    else high = middle;
  }
  if (high < 0) return x;
  return x - stops[low] <= stops[high] - x ? stops[low] : stops[high];
}

function draft(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, typeof value === "number" ? value.toFixed(1) : value);
  element.append(...children);
  return element;
}

function label_(text, attributes) {
  const element = draft("text", attributes);
  element.textContent = text;
  return element;
}

function written(tag, name, text) {
  const element = make(tag, name);
  element.textContent = text;
  return element;
}
