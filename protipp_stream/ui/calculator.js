// The calculator below the table: a line a bet, some of them given. It shows what Python
// worked out and asks Python to work it out anew; it has no formula of its own.

const CALCULATOR_HEADS = ["Bookmaker", "Bet", "Odds", "Commission", "Stake", "At risk", "Returns", "Given stake"];

function makeCalculator({ lock, close }) {
  const title = make("h3", "");
  const shut = make("button", "");
  shut.type = "button";
  shut.textContent = "Close";
  const status = make("p", "note");
  status.setAttribute("role", "status");
  const body = make("tbody", "");
  const head = make("tr", "");
  for (const text of CALCULATOR_HEADS) {
    const cell = make("th", ["Bookmaker", "Bet", "Given stake"].includes(text) ? "" : "figure");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
  }
  const wrong = make("p", "refusal");
  wrong.setAttribute("role", "alert");
  wrong.textContent = "A given stake is a number above 0: the split below is of the stakes before.";
  wrong.hidden = true;
  const table = make("table", "bets", make("thead", "", head), body);
  const sums = make("dl", "sums");
  const element = make("section", "calculator", make("header", "", title, shut), status, wrong, make("div", "aside-scroll", table), sums);
  element.setAttribute("aria-label", "Calculator");
  element.hidden = status.hidden = true;
  shut.addEventListener("click", close);
  const lines = new Map(); // bookmaker, outcome, side -> line
  const facts = new Map(); // label -> the element of its value

  function makeLine(key, bet) {
    const cells = CALCULATOR_HEADS.map((text) => make("td", ["Bookmaker", "Bet", "Given stake"].includes(text) ? "" : "figure"));
    const box = make("input", "");
    box.type = "checkbox";
    const stake = make("input", "");
    stake.type = "number";
    stake.min = "0";
    stake.step = "any";
    stake.setAttribute("aria-label", `Stake on ${bet.outcome} at ${bet.bookmaker}`);
    box.setAttribute("aria-label", `Give the stake on ${bet.outcome} at ${bet.bookmaker}`);
    const given = make("label", "", box, stake);
    cells.at(-1).append(given);
    const line = { element: make("tr", "", ...cells), cells, box, stake, name: [bet.bookmaker, bet.outcome, bet.side], odds: bet.odds, taken: null };
    box.addEventListener("change", () => tell(line));
    stake.addEventListener("change", () => {
      box.checked ||= Number(stake.value) > 0;
      tell(line);
    });
    lines.set(key, line);
    return line;
  }

  function tell(line) {
    // A bet that is placed stays at the odds at which it was.
    line.taken = line.box.checked ? (line.taken ?? line.odds) : null;
    const given = [...lines.values()].filter(({ box }) => box.checked);
    for (const { box, stake } of lines.values()) {
      const isWrong = box.checked && !(Number(stake.value) > 0);
      stake.setAttribute("aria-invalid", String(isWrong));
      stake.title = isWrong ? "A stake is a number above 0" : "";
    }
    wrong.hidden = given.every(({ stake }) => Number(stake.value) > 0);
    if (!wrong.hidden) return;
    lock(given.map(({ name, stake }) => [...name, Number(stake.value)]), given.map(({ taken }) => taken));
  }

  function show(said, endedAgo) {
    element.hidden = false;
    const isOver = said.status === "expired";
    element.classList.toggle("over", isOver);
    write(title, `${said.event} · ${marketLabel(said.market)}`);
    const words = [...(said.words ?? [])];
    if (isOver) words.unshift(`This is over${endedAgo ? `, ${endedAgo}` : ""}: these are its last figures.`);
    else if (said.status === "suppressed") words.unshift("Suppressed: this only looks like an arbitrage.");
    write(status, words.join(" · "));
    const keys = said.bets.map((bet) => JSON.stringify([bet.bookmaker, bet.outcome, bet.side]));
    for (const [key, line] of lines) {
      if (keys.includes(key)) continue;
      line.element.remove();
      lines.delete(key);
    }
    said.bets.forEach((bet, at) => {
      const line = lines.get(keys[at]) ?? makeLine(keys[at], bet);
      if (body.children[at] !== line.element) body.insertBefore(line.element, body.children[at] ?? null);
      paintLine(line, bet, said.total === null || said.total === undefined, isOver);
    });
    const hasStakes = said.total !== null && said.total !== undefined;
    fact("Total at risk", hasStakes ? money(said.total) : "–");
    fact("Worst case", hasStakes ? signed(said.worst) : "–", said.worst < 0 ? "loss" : "");
    fact("On a push, at the least", said.floor === null || said.floor === undefined ? "" : signed(said.floor));
    fact("Margin after rounding", hasStakes ? percent(said.rounded) : "–", said.rounded < 0 ? "loss" : "");
    fact("Margin before rounding", percent(said.margin));
  }

  function paintLine(line, bet, isBare, isOver) {
    const over = bet.limit ? ` ⚠ more than ${money(bet.limit)}` : "";
    const texts = [
      bet.bookmaker, `${bet.side === "lay" ? "Lay" : "Back"} ${bet.outcome}`, `${money(bet.odds)}${bet.now ? ` (now ${money(bet.now)})` : ""}`,
      bet.commission ? percent(bet.commission) : "–", isBare ? "–" : money(bet.stake), isBare ? "–" : `${money(bet.risk)}${over}`, isBare ? "–" : money(bet.returns),
    ];
    texts.forEach((text, at) => {
      if (line.cells[at].textContent !== text) line.cells[at].textContent = text;
    });
    line.odds = bet.now ?? bet.odds;
    line.box.disabled = line.stake.disabled = isBare || isOver;
    if (line.stake.matches(":focus") || line.stake.getAttribute("aria-invalid") === "true") return; // somebody is writing there
    line.box.checked = Boolean(bet.is_locked);
    line.stake.value = bet.is_locked || !isBare ? String(bet.stake) : "";
  }

  function fact(label, text, name = "") {
    let value = facts.get(label);
    if (!value) {
      const term = make("dt", "");
      term.textContent = label;
      value = make("dd", "");
      facts.set(label, value);
      sums.append(make("div", "", term, value));
    }
    if (value.textContent !== text) value.textContent = text;
    value.className = name;
    value.parentNode.hidden = !text;
  }

  return {
    element,
    show,
    // Nothing is known of what was asked for.
    lose() {
      element.hidden = false;
      element.classList.add("over");
      write(status, "This is over, and its figures are kept no more.");
    },
    clear() {
      element.hidden = true;
      element.classList.remove("over");
      for (const line of lines.values()) line.element.remove();
      lines.clear();
      wrong.hidden = true;
      for (const name of facts.keys()) fact(name, "");
      write(title, "");
    },
    title,
  };
}

const signed = (value) => (value > 0 ? `+${money(value)}` : money(value));
