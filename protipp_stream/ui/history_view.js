// The lines of one outcome, a slider over time, and the board at the moment it stands on.
// Drawn from the bodies that history_view.py makes; what to show is asked of it.

const PLAY_MS = 100; // between two steps of the replay
const PLAY_STILL_MS = 1000; // where somebody wants little to move
const ANSWER_MS = 5000; // after so long without an answer it is asked again
const MANY_EVENTS = 8; // from here on there is a box to search them
const SPEEDS = [1, 10, 60, 600];

function component(root, options, python) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let drawing = null;
  let token = "";
  let chosen = {};
  let events = [];
  let moment = null; // { at, rows } as Python read it
  let at = null; // where the slider stands; null: the live end
  let asked = null; // { at, since } of the question on its way
  let waits = null; // the moment to ask for when the answer is there
  let playing = 0;
  let strong = ""; // the bookmaker that is pointed at
  let problem = "Waiting for Python …";
  let note = "";

  const search = make("input", "");
  search.type = "search";
  search.placeholder = "Search events …";
  search.setAttribute("aria-label", "Search events");
  search.hidden = true;
  const [event, market, outcome, speed] = [make("select", ""), make("select", ""), make("select", ""), make("select", "")];
  speed.append(...SPEEDS.map((times) => new Option(`${times}×`, times)));
  speed.value = "60";
  const found = make("span", "dimmed");
  found.setAttribute("role", "status");
  const play = make("button", "");
  const live = make("button", "");
  play.type = live.type = "button";
  live.textContent = "Live end";
  live.title = "Follow the trail as it grows";
  const slider = make("input", "time");
  slider.type = "range";
  slider.step = "1";
  slider.setAttribute("aria-label", "Moment");
  const when = make("span", "when");
  const chart = makeChart({ label: "Odds over time", height: options.height, tell, picked: (x) => goTo(x) });
  const caption = make("caption", "");
  const rows = make("tbody", "");
  const table = make("table", "", caption, make("thead", "", make("tr", "", ...["Bookmaker", "Odds", "Age"].map(headOf))), rows);
  const warning = make("p", "note");
  warning.hidden = true;
  const side = make("div", "moment", table, warning);
  const [said, lost] = [make("span", "note"), make("span", "note")];
  lost.setAttribute("role", "alert");
  const top = make("div", "said", said, lost);
  top.setAttribute("role", "status");
  said.hidden = lost.hidden = true;
  const empty = make("p", "empty");
  empty.setAttribute("role", "status");
  const foot = make("footer", "");
  const tools = make("div", "tools", search, labelled("Event", event), labelled("Market", market), labelled("Outcome", outcome), found);
  const transport = make("div", "tools transport", play, labelled("Speed", speed), slider, when, live);
  const shown = make("div", "history", make("div", "lines", chart.element), side);
  const panel = make("section", "panel past", top, tools, transport, shown, empty, foot);
  panel.setAttribute("aria-label", "History of odds");
  root.append(panel);
  event.addEventListener("change", () => choose({ event: event.value }));
  market.addEventListener("change", () => choose({ event: chosen.event, market: market.value }));
  outcome.addEventListener("change", () => choose({ event: chosen.event, market: chosen.market, outcome: outcome.value }));
  search.addEventListener("input", offerEvents);
  search.addEventListener("keydown", (key) => {
    const first = event.options[0];
    if (key.key === "Enter" && first && search.value) choose({ event: first.value });
  });
  slider.addEventListener("input", () => goTo(Number(slider.value)));
  live.addEventListener("click", () => goLive());
  play.addEventListener("click", () => (playing ? pause() : begin()));
  redrawPlay();

  // One question at a time: the newest moment is asked for when the last was answered.
  function choose(what) {
    chosen = what;
    asked = waits = null;
    ask(at);
  }

  function ask(moment_) {
    if (asked && Date.now() - asked.since < ANSWER_MS) {
      waits = { at: moment_ };
      return;
    }
    waits = null;
    asked = { at: moment_, since: Date.now() };
    const what = { ...chosen, have: token };
    if (moment_ !== null) what.at = moment_;
    python.choose(what);
    // So that a long reading is said, and what was lost is asked again.
    for (const ms of [400, ANSWER_MS + 50]) setTimeout(python.redraw, ms);
  }

  function goTo(x) {
    if (!drawing) return;
    at = Math.round(Math.min(Math.max(x, drawing.begin), drawing.end));
    ask(at);
    python.redraw();
  }

  function goLive() {
    pause();
    at = null;
    ask(null);
    python.redraw();
  }

  function begin() {
    if (!drawing) return;
    if (at === null || at >= drawing.end) goTo(drawing.begin);
    const period = still.matches ? PLAY_STILL_MS : PLAY_MS;
    let last = performance.now();
    playing = setInterval(() => {
      const now = performance.now();
      const next = at + (now - last) * Number(speed.value);
      last = now;
      if (next >= drawing.end) goLive();
      else goTo(next);
    }, period);
    redrawPlay();
  }

  function pause() {
    clearInterval(playing);
    playing = 0;
    redrawPlay();
  }

  function redrawPlay() {
    play.textContent = playing ? "❚❚ Pause" : "▶ Play";
    play.setAttribute("aria-label", playing ? "Pause the replay" : "Play the replay");
  }

  function offerEvents() {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = events.filter(([id, name]) => words.every((word) => `${name} ${id}`.toLowerCase().includes(word)));
    const twice = new Set(events.map(([, name]) => name)).size < events.length;
    offer(event, fits.map(([id, name]) => [id, twice && name !== id ? `${name} (${id})` : name]), chosen.event);
    search.hidden = events.length <= MANY_EVENTS && !search.value;
    write(found, search.value ? `${fits.length} of ${events.length} events` : "");
  }

  function tell(x) {
    const gap = missingAt(x);
    return { title: wholeMoment(x), rows: [
      ...drawing.lines.map((line, place) => [lookOf(place), line.name, textOf(oddsAt(line, x))]),
      ...(gap ? [["none", gap, "nothing known"]] : []),
    ] };
  }

  const textOf = (odds) => (odds === null ? "no price" : decimal(odds));
  const missingAt = (x) => drawing?.bands.find(([begin_, end]) => begin_ <= x && x < end)?.[2];

  function draw() {
    if (asked && Date.now() - asked.since >= ANSWER_MS) ask(waits ? waits.at : asked.at);
    const slow = asked && Date.now() - asked.since > 350;
    write(said, note);
    write(empty, problem || (drawing ? "" : "Reading the trail …"));
    shown.hidden = transport.hidden = Boolean(problem) || !drawing;
    panel.classList.toggle("slow", Boolean(slow));
    offerEvents();
    if (shown.hidden) return;
    offer(market, drawing.markets.map((name) => [name, name]), chosen.market);
    offer(outcome, drawing.outcomes.map((name) => [name, name]), chosen.outcome);
    const stops = [...new Set(drawing.lines.flatMap((line) => line.runs.flatMap((run) => run.map(([x]) => x))))].sort((a, b) => a - b);
    chart.cursor(at ?? drawing.end);
    chart.show({
      x: [drawing.begin, drawing.end], xTicks: (width) => ticksOfTime([drawing.begin, drawing.end], width), scale: drawing.scale,
      lines: drawing.lines.map((line, place) => ({ className: `${lookOf(place)}${line.name === strong ? " strong" : ""}`, step: true, runs: line.runs.map((points) => ({ points })) })),
      bands: drawing.bands, stops,
    });
    drawMoment(slow);
    chart.describe(`${outcome.selectedOptions[0]?.textContent ?? ""}, ${wholeMoment(drawing.begin)} to ${wholeMoment(drawing.end)}. ${moment?.rows.map(([name, odds]) => `${name} ${odds === null ? "suspended" : decimal(odds)}`).join(", ") ?? ""}`);
    const thinned = drawing.left_out ? `${drawing.left_out.toLocaleString()} of ${drawing.points.toLocaleString()} points left out: no screen could show them` : `${drawing.points.toLocaleString()} points, all drawn`;
    foot.replaceChildren(written("span", "", thinned), written("span", "", `trail up to ${wholeMoment(drawing.trail_end)}`), written("span", "", "times of this computer's zone"));
  }

  function drawMoment(slow) {
    const stands = at ?? drawing.end;
    slider.min = Math.round(drawing.begin);
    slider.max = Math.round(drawing.end);
    slider.value = Math.round(stands);
    slider.setAttribute("aria-valuetext", wholeMoment(stands));
    when.textContent = wholeMoment(at ?? drawing.trail_end);
    live.setAttribute("aria-pressed", String(at === null));
    const order = [...(moment?.rows ?? [])].sort((a, b) => (b[1] ?? -1) - (a[1] ?? -1));
    const best = order[0]?.[1];
    rows.replaceChildren(...order.map(([name, odds, age]) => {
      const place = drawing.lines.findIndex((line) => line.name === name);
      const who = make("td", "", written("span", `key-line ${place < 0 ? "" : lookOf(place)}`, name));
      const row = make("tr", odds !== null && odds === best ? "best" : "", who, written("td", odds === null ? "dimmed" : "", odds === null ? "susp." : decimal(odds)), written("td", "dimmed", ago(age)));
      row.addEventListener("pointerenter", () => point(name));
      row.addEventListener("pointerleave", () => point(""));
      return row;
    }));
    write(caption, moment ? `Board at ${wholeMoment(moment.at)}${slow ? " · reading …" : ""}` : "Reading …");
    const gap = moment && missingAt(moment.at);
    write(warning, gap ? `${gap}: these are the last prices before` : moment && !order.length ? "No price at this moment." : "");
  }

  function point(name) {
    if (strong === name) return;
    strong = name;
    for (const path of chart.element.querySelectorAll(".trace")) {
      const place = drawing.lines.findIndex((line) => line.name === name);
      path.classList.toggle("strong", place >= 0 && path.classList.contains(`c${place % LOOKS_OF_LINES}`) && path.classList.contains("dash") === lookOf(place).includes("dash"));
    }
  }

  return {
    take(body) {
      if (body.reading) return;
      const isOfMoment = !asked || (body.asked_at ?? null) === asked.at;
      const isOfEvent = !asked || !body.chosen || !chosen.event || body.chosen.event === chosen.event;
      if (!isOfMoment || !isOfEvent) return; // of an earlier question
      if (!asked) at = body.asked_at ?? null; // another view of this page has moved it
      asked = null;
      problem = body.problem ?? "";
      note = body.note ?? "";
      events = body.drawing?.events ?? body.events ?? events;
      if (body.chosen) chosen = body.chosen;
      moment = body.moment ?? (problem ? null : moment);
      if (body.drawing) [drawing, token] = [body.drawing, body.token];
      else if (body.token && body.token !== token) {
        token = "";
        waits = { at }; // another view of this page has it, and this one has not
      }
      if (waits) ask(waits.at);
    },
    draw,
    silence(text) {
      write(lost, text);
      panel.classList.toggle("old", Boolean(text));
    },
    dispose() {
      clearInterval(playing);
      chart.dispose();
    },
  };
}

const headOf = (text) => {
  const cell = written("th", "", text);
  cell.scope = "col";
  return cell;
};
