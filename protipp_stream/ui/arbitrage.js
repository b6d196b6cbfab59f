// The table of arbitrage, drawn from the bodies that arbitrage.py makes. Stake, unit, the
// suppressed ones and the calculator are this viewer's own: Python answers each of them.

const TYPING_MS = 500; // how long after a key a new stake is asked for
const STATUS_RANK = { active: 0, suppressed: 1, expired: 2 };

function component(root, options, python) {
  const panel = make("section", "panel arbitrage");
  const said = saidLine(panel);
  const asked = { stake: options.stake, unit: options.unit, suppressed: false, calculator: null };
  let waiting = null;
  let ahead = 0; // ms that Python's clock is ahead of the page's
  let counts = [0, 0];
  let emptyWords = "";
  let calculated = null;
  let typing = 0;

  const screen = { now: () => Date.now() + ahead };
  const chosenKey = () => asked.calculator && JSON.stringify(asked.calculator.key);
  const grid = makeGrid({
    label: "Arbitrage", columns: arbitrageColumns(screen), height: options.max_height ?? "28rem",
    order: (a, b) => STATUS_RANK[a.status] - STATUS_RANK[b.status] || b.margin - a.margin,
    keep: "arbitrage", redraw: python.redraw,
    rowClass: (row) => `${row.status}${row.key === chosenKey() ? " chosen" : ""}`,
  });

  const stake = numberInput("Stake", options.stake, "Money to put at risk in all");
  const unit = numberInput("Round to", options.unit, "Stakes are multiples of this");
  const suppressed = make("button", "");
  suppressed.type = "button";
  suppressed.setAttribute("aria-pressed", "false");
  suppressed.title = "What looks like an arbitrage and is none, with the reasons";
  const count = make("span", "dimmed");
  count.setAttribute("role", "status");
  const tools = make("div", "tools", stake.label, unit.label, suppressed, count, make("span", "gap"), ...gridTools(grid, python.redraw));
  const wrong = make("p", "refusal");
  wrong.setAttribute("role", "alert");
  wrong.textContent = "Stake and rounding are numbers above 0: the table is of those before.";
  wrong.hidden = true;
  const empty = make("p", "empty");
  const hint = make("p", "hint");
  hint.textContent = "Choose a row (click or Enter) to split its stakes.";
  const calculator = makeCalculator({
    lock: (locked, taken) => { Object.assign(asked.calculator, { locked, taken }); choose(); },
    close: () => { pick(null); grid.grid.querySelector("[tabindex='0']")?.focus(); },
  });
  const footer = make("footer", "");
  for (const text of ["Margin: return on the total. Profit: the worst outcome, after rounding. No bet is placed here.", "Information only. 18+"]) {
    const words = make("span", "");
    words.textContent = text;
    footer.append(words);
  }
  panel.append(said.element, tools, wrong, grid.element, empty, hint, calculator.element, footer);
  root.append(panel);
  empty.textContent = "Waiting for Python …";
  grid.element.hidden = tools.hidden = hint.hidden = true;

  const choose = () => python.choose(structuredClone(asked));
  const reckon = () => {
    clearTimeout(typing);
    const [money, step] = [Number(stake.input.value), Number(unit.input.value)];
    const isSound = money > 0 && step > 0;
    for (const each of [stake.input, unit.input]) each.setAttribute("aria-invalid", String(!(Number(each.value) > 0)));
    wrong.hidden = isSound;
    if (!isSound || (money === asked.stake && step === asked.unit)) return;
    [asked.stake, asked.unit] = [money, step];
    choose();
  };
  for (const { input } of [stake, unit]) {
    input.addEventListener("change", reckon);
    input.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(reckon, TYPING_MS);
    });
  }
  suppressed.addEventListener("click", () => {
    asked.suppressed = !asked.suppressed;
    suppressed.setAttribute("aria-pressed", String(asked.suppressed));
    choose();
  });

  function pick(row) {
    calculated = null;
    calculator.clear();
    asked.calculator = row && row.key !== chosenKey() ? { key: row.id, locked: [], taken: [] } : null;
    choose();
    grid.repaint();
    python.redraw();
    show();
  }
  const rowOf = (target) => {
    const el = target instanceof Element ? target.closest(".canvas .row") : null;
    return el && grid.shown().find((row) => grid.slot(row)?.el === el);
  };
  grid.grid.addEventListener("click", (event) => {
    const row = rowOf(event.target);
    if (row && !String(getSelection())) pick(row);
  });
  grid.grid.addEventListener("keydown", (event) => {
    const row = rowOf(event.target);
    if (!row || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    pick(row);
  });

  function take(body) {
    if (body.whole || !waiting) waiting = { whole: Boolean(body.whole) || Boolean(waiting?.whole), rows: new Map(), state: waiting?.state };
    for (const row of body.rows ?? []) waiting.rows.set(JSON.stringify(row.id), row);
    for (const id of body.gone ?? []) waiting.rows.set(JSON.stringify(id), null);
    if (typeof body.now === "number") ahead = body.now * 1000 - Date.now();
    counts = body.counts ?? counts;
    waiting.state = body.state ?? waiting.state;
    const mine = (body.calculator ?? []).find((each) => JSON.stringify(each.id) === chosenKey());
    if (mine) calculated = mine;
    else if (body.whole && asked.calculator && isAnswer(body)) waiting.isLost = !calculated;
  }

  // A frame of before the last choice may still be on its way: it has another stake or unit.
  const isAnswer = (body) => body.stake === asked.stake && body.unit === asked.unit && !body.calculator;

  function draw() {
    const news = waiting;
    waiting = null;
    if (news) put(news);
    if (calculated) calculator.show(calculated, calculated.ended ? `${ago((screen.now() - calculated.ended) / 1000)} ago` : "");
    grid.draw();
  }

  function put(news) {
    if (news.whole) for (const key of [...grid.rows.keys()]) if (!news.rows.get(key)) grid.drop(key);
    for (const [key, given] of news.rows) {
      if (!given) {
        grid.drop(key);
        continue;
      }
      const row = grid.rows.get(key) ?? { key };
      const isNew = !row.id;
      // What Python leaves out is at its default.
      Object.assign(row, { starts: null, in_play: false, ended: null, ...given });
      if (isNew) grid.put(row);
      else grid.touch(row);
    }
    if (news.isLost) calculator.lose();
    if (news.state) {
      said.say(news.state);
      emptyWords = news.state.empty;
    }
    show();
  }

  function show() {
    const [active, flawed] = counts;
    suppressed.textContent = `Suppressed (${flawed})`;
    write(count, `${active} active`);
    const why = emptyWords || (flawed && !asked.suppressed ? `No arbitrage now. ${flawed} only look${flawed === 1 ? "s" : ""} like one: see “Suppressed”.` : "No arbitrage now: each appears here while it stands.");
    write(empty, grid.rows.size ? "" : why);
    grid.element.hidden = !grid.rows.size;
    tools.hidden = false;
    hint.hidden = !grid.rows.size || Boolean(asked.calculator);
  }

  const ticker = setInterval(() => {
    grid.refresh();
    grid.repaint();
    python.redraw();
  }, 1000);

  return {
    take, draw, silence: said.silence,
    dispose() {
      clearTimeout(typing);
      clearInterval(ticker);
      grid.dispose();
    },
  };
}

function numberInput(name, value, title) {
  const input = make("input", "");
  input.type = "number";
  input.min = "0";
  input.step = "any";
  input.value = String(value);
  const text = make("span", "");
  text.textContent = name;
  const label = make("label", "", text, input);
  label.title = title;
  return { label, input };
}
