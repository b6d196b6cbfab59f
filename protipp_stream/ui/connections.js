// The client's own connection with its controls, and a list of all that is behind it.
// Drawn from the bodies that connections.py makes.

const WAYS = { auto: "Automatic", websocket: "WebSocket", sse: "SSE", polling: "Polling" };

function component(root, options, python) {
  const pills = makePills("State of the connection to the gateway");
  const trend = makeTrend(60);
  const address = make("span", "dimmed");
  write(address, options.url);
  const own = make("div", "own", pills.element, trend.element, address);
  const origin = make("span", "origin");
  const note = make("span", "note");
  note.setAttribute("role", "status");
  const said = make("div", "said", origin, note);
  let skew = 0; // seconds that the gateway's clock is ahead of the page's
  const list = connectionList({ label: "Sources and bookmakers behind the gateway", height: options.height, keep: "connections", redraw: python.redraw, seconds: () => Date.now() / 1000 + skew });
  const empty = make("p", "empty");
  const controls = options.controls ? connectionControls(python.act) : null;
  const tools = make("div", "tools", ...(controls ? [controls.element] : []), make("span", "gap"), ...gridTools(list.grid, python.redraw));
  const count = make("span", "");
  const panel = make("section", "panel connections", own, tools, said, list.grid.element, empty, make("footer", "", count));
  panel.setAttribute("aria-label", "Connections");
  root.append(panel);
  origin.hidden = note.hidden = true;
  let body = null;
  let lost = "";

  function showNote() {
    write(note, body?.own.controls?.note || "");
  }

  return {
    take(news) {
      body = news;
      pills.show(news.own.pills, news.own.error, news.now);
      skew = news.gateway_now - Date.now() / 1000;
      list.take(news);
      if (news.own.latency_ms != null) trend.add(news.own.latency_ms);
    },
    draw() {
      if (body) {
        const words = `Median latency ${trend.words("ms")}`;
        trend.element.setAttribute("role", "img");
        trend.element.removeAttribute("aria-hidden");
        trend.element.setAttribute("aria-label", words);
        write(origin, body.own.origin);
        controls?.show(body.own.controls, lost);
        panel.classList.toggle("old", Boolean(lost) || !body.own.live);
        const rows = [...list.grid.rows.values()];
        const well = rows.filter((row) => row.said.level === "good").length;
        write(count, rows.length ? `${well} of ${rows.length} live` : "");
        write(empty, rows.length ? "" : body.own.live ? "Waiting for the gateway to tell of its sources …" : "Sources and bookmakers come with the first connection …");
        list.grid.element.hidden = !rows.length;
      }
      showNote();
      list.grid.draw();
    },
    silence(words) {
      if (words === lost) return;
      lost = words;
      pills.silence(words);
      python.redraw();
    },
    dispose() {
      pills.dispose();
      list.dispose();
    },
  };
}

// Buttons that do what they say; one that makes no sense now says why instead.
function connectionControls(act) {
  const button = (words, title, what) => {
    const el = make("button", "");
    el.type = "button";
    write(el, words);
    el.dataset.says = title;
    el.addEventListener("click", () => act(what()));
    return el;
  };
  const connect = button("Connect", "Connect now, with everything since the last update", () => ({ do: "connect" }));
  const disconnect = button("Disconnect", "Leave the gateway until you connect again", () => ({ do: "disconnect" }));
  const refresh = button("Refresh", "Ask for the whole board anew", () => ({ do: "refresh" }));
  let told = -Infinity; // when: a frame that was on its way then does not know of it
  const say = (what) => {
    told = performance.now();
    act(what);
  };
  const way = make("select", "");
  for (const [value, words] of Object.entries(WAYS)) way.append(new Option(words, value));
  way.dataset.says = "How the updates travel; automatic takes the fastest that works";
  way.addEventListener("change", () => say({ do: "transport", to: way.value }));
  const auto = make("input", "");
  auto.type = "checkbox";
  auto.dataset.says = "Try again by itself when the connection breaks";
  auto.addEventListener("change", () => say({ do: "auto_reconnect", to: auto.checked }));
  const bar = make("div", "controls", connect, disconnect, refresh, make("label", "", "Transport", way), make("label", "", auto, "Reconnect automatically"));
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Control the connection to the gateway");

  const allow = (el, why) => {
    el.disabled = Boolean(why);
    el.title = why || el.dataset.says;
  };

  return {
    element: bar,
    show(state, lost) {
      allow(connect, lost || state.connect);
      allow(disconnect, lost || state.disconnect);
      allow(refresh, lost || state.refresh);
      allow(way, lost || state.choose);
      allow(auto, lost || state.choose);
      if (performance.now() - told < 1000) return;
      way.value = state.transport;
      auto.checked = state.auto_reconnect;
    },
  };
}
