// The gateway's own figures: sections of names and values, and a list of its connections.
// Drawn from the bodies that gateway_view.py makes.

function component(root, options, python) {
  let [skew, gatewaySkew] = [0, 0]; // seconds that their clocks are ahead of the page's
  const seconds = () => Date.now() / 1000 + skew; // by Python's clock
  const gatewaySeconds = () => Date.now() / 1000 + gatewaySkew;
  const asked = make("span", "dimmed");
  const title = make("strong", "");
  write(title, "Gateway");
  const address = make("span", "dimmed");
  write(address, options.url);
  const trouble = make("span", "note");
  trouble.setAttribute("role", "alert");
  const age = make("span", "note");
  const limited = make("span", "note");
  limited.setAttribute("role", "status");
  const figures = make("div", "sections");
  const list = connectionList({ label: "Connections of the gateway", height: options.height, keep: "gateway", redraw: python.redraw, seconds: gatewaySeconds });
  const empty = make("p", "empty");
  write(empty, `Asking ${options.url} how it is …`);
  const panel = make("section", "panel gateway", make("div", "own", title, address, asked), make("div", "said", trouble, age, limited), figures, list.grid.element, empty);
  panel.setAttribute("aria-label", "The gateway's own figures");
  trouble.hidden = age.hidden = limited.hidden = true;
  root.append(panel);
  const tools = make("div", "tools", make("span", "gap"), ...gridTools(list.grid, python.redraw));
  list.grid.element.before(tools);
  list.grid.element.hidden = tools.hidden = true;
  const cards = new Map(); // title -> card
  let body = null;
  let lost = "";

  function drawSections() {
    const named = new Set(body.sections.map((section) => section.title));
    for (const [name, card] of cards) {
      if (named.has(name)) continue;
      card.el.remove();
      cards.delete(name);
    }
    for (const section of body.sections) {
      const card = cards.get(section.title) ?? addCard(section.title);
      const figures = new Map(section.figures.map((figure) => [figure.name, figure]));
      for (const [name, line] of card.lines) {
        if (figures.has(name)) continue;
        line.name.remove();
        line.value.remove();
        card.lines.delete(name);
      }
      section.figures.forEach((figure, at) => {
        const line = card.lines.get(figure.name) ?? addLine(card, figure.name);
        line.said = figure;
        line.value.className = figure.level ?? "";
        line.name.title = line.value.title = figure.hint ?? "";
        // Moved only where it must: a moved element loses what is selected in it.
        const there = card.list.children[2 * at];
        if (there === line.name) return;
        card.list.insertBefore(line.name, there ?? null);
        line.name.after(line.value);
      });
      card.trend.show(section.rates ?? []);
      card.trend.element.classList.toggle("none", !section.rates?.length);
      card.trend.element.setAttribute("aria-label", `Updates a second: ${card.trend.words("")}`);
    }
  }

  function addCard(name) {
    const heading = make("h3", "");
    write(heading, name);
    const card = { trend: makeTrend(60), list: make("dl", ""), lines: new Map() };
    card.trend.element.setAttribute("role", "img");
    card.trend.element.removeAttribute("aria-hidden");
    card.el = make("section", "card", make("header", "", heading, card.trend.element), card.list);
    cards.set(name, card);
    figures.append(card.el);
    return card;
  }

  function addLine(card, name) {
    const line = { name: make("dt", ""), value: make("dd", "") };
    write(line.name, name);
    card.lines.set(name, line);
    return line;
  }

  // What counts seconds is written here, so nothing has to come from Python for it.
  function tick() {
    if (!body) return;
    const [now, itsNow] = [seconds(), gatewaySeconds()];
    for (const card of cards.values()) {
      for (const { value, said } of card.lines.values()) {
        const icon = said.icon ? `${said.icon} ` : "";
        const text = said.at == null ? said.value : said.value ? `${said.value} ${ago(itsNow - said.at)}` : `${ago(itsNow - said.at)} ago`;
        write(value, icon + text);
      }
    }
    write(age, !lost && body.trouble && body.since != null ? `No answer for ${ago(now - body.since)}.${body.answered_at == null ? "" : ` These figures are ${ago(now - body.answered_at)} old.`}` : "");
    write(asked, body.answered_at == null ? "" : `told ${ago(now - body.answered_at)} ago`);
  }

  const ticking = setInterval(tick, 1000);

  return {
    take(news) {
      body = news;
      skew = news.now - Date.now() / 1000;
      gatewaySkew = news.gateway_now - Date.now() / 1000;
      list.take(news);
    },
    draw() {
      if (body) {
        drawSections();
        tick();
        write(limited, body.limited);
        list.grid.element.hidden = tools.hidden = !body.rows.length;
        write(empty, body.sections.length ? "" : body.trouble ? "It has told nothing yet." : `Asking ${options.url} how it is …`);
      }
      write(trouble, lost || (body?.trouble ? `The gateway does not tell how it is: ${body.trouble}` : ""));
      panel.classList.toggle("old", Boolean(lost || body?.trouble));
      list.grid.draw();
    },
    silence(words) {
      if (words === lost) return;
      lost = words;
      tick();
      python.redraw();
    },
    dispose() {
      clearInterval(ticking);
      list.dispose();
    },
  };
}
