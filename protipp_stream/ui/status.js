// One line of pills that say how the connection is. Drawn from the bodies that
// status.py makes. Every text from outside is set as text, never as markup.

function component(root) {
  const style = document.createElement("style");
  style.textContent = STYLE;
  const line = make("div", "line");
  const pills = new Map(); // name -> { el, icon, words, said }
  const error = make("span", "error");
  const lost = make("span", "error");
  error.setAttribute("role", "alert");
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", "State of the connection");
  line.append(error, lost);
  error.hidden = lost.hidden = true;
  root.append(style, line);
  let waiting = null;
  let skew = 0; // seconds that Python's clock is ahead of the page's

  function draw() {
    if (!waiting) return;
    const body = waiting;
    waiting = null;
    const named = new Set(body.pills.map((pill) => pill.name));
    for (const [name, pill] of pills) {
      if (named.has(name)) continue;
      pill.el.remove();
      pills.delete(name);
    }
    for (const said of body.pills) {
      const pill = pills.get(said.name) ?? add(said.name);
      pill.said = said;
      pill.el.className = `pill ${said.level ?? "grey"}${said.name === "state" ? " state" : ""}${said.origin ? " origin" : ""}`;
      pill.el.title = said.hint ?? "";
      write(pill.icon, said.icon);
      tick(pill);
      line.insertBefore(pill.el, error);
    }
    write(error, body.error);
  }

  function add(name) {
    const pill = { icon: make("span", "icon"), words: make("span", "words") };
    pill.icon.setAttribute("aria-hidden", "true");
    pill.el = make("span", "pill", pill.icon, pill.words);
    if (name === "state") pill.el.setAttribute("role", "status");
    pills.set(name, pill);
    return pill;
  }

  function tick({ words, said }) {
    const age = said.ago == null ? "" : ` ${ago(Date.now() / 1000 + skew - said.ago)} ago`;
    write(words, said.text + age);
  }

  const ticking = setInterval(() => pills.forEach(tick), 1000);

  return {
    take(body) {
      waiting = body;
      skew = body.now - Date.now() / 1000;
    },
    draw,
    silence: (words) => write(lost, words),
    dispose: () => clearInterval(ticking),
  };
}

function ago(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}
