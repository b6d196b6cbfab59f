// The shim between a component and its two hosts: a notebook's anywidget and a
// served page's Panel component. A module is this file after a component's own
// style (as STYLE) and drawing, which must define
//
//   component(root, options, python) -> { take(body), draw(), silence(words), dispose() }
//
// and may define `hear(message)` for answers to its acts. `take` merges a body into
// what waits; `draw` puts it on the screen, at most once a display frame. A hidden
// tab draws nothing and its waiting state stays as small as the board.
//
// python.choose(what)  says what this viewer wants to see; a whole frame follows
// python.act(what)     says what shall be done
// python.redraw()      asks for a `draw` in the next display frame

const SILENCE_MS = 6000; // the pump gives a sign of life every 2 s (pump.py)
const ASK_AGAIN_MS = 1000; // and twice as long each time, until a whole frame comes

function render({ model, el }) {
  const get = (key) => (model.get ? model.get(key) : model[key]);
  const send = (message) => (model.send ? model.send(message) : model.send_msg(message));

  const place = document.createElement("div");
  const root = document.createElement("div");
  const style = document.createElement("style");
  style.textContent = STYLE;
  place.attachShadow({ mode: "open" }).append(style, root);
  el.append(place);

  const view = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const refusal = make("p", "refusal"); // what Python would not do, and why
  refusal.setAttribute("role", "alert");
  refusal.hidden = true;
  let number = null; // of the last frame; null before the first
  let asked = 0;
  let patience = ASK_AGAIN_MS;
  let heard = Date.now();
  let behind = true; // a frame is missing: what stands here may be old
  let drawing = 0;
  let chosen = null; // said again after a silence: it may not have arrived
  let disposed = false;

  const ask = (isLost = number === null) => {
    if (Date.now() - asked < patience) return;
    asked = Date.now();
    patience = Math.min(2 * patience, 30 * ASK_AGAIN_MS);
    send({ say: "want", view });
    if (chosen && isLost) send({ say: "choose", view, what: chosen });
  };

  const redraw = () => {
    if (disposed) return; // a timer of the component's was still running
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      shown.draw();
    });
  };

  const shown = component(root, JSON.parse(get("options") || "{}"), {
    choose(what) {
      chosen = what;
      write(refusal, "");
      send({ say: "choose", view, what });
    },
    act(what) {
      write(refusal, "");
      send({ say: "act", view, what });
    },
    redraw,
    served: !model.get,
  });
  root.append(refusal);

  const receive = (message) => {
    const text = message?.data ?? message;
    if (typeof text !== "string" || !text) return;
    const frame = JSON.parse(text);
    heard = Date.now();
    if (frame.n === undefined) {
      if (frame.refused) write(refusal, frame.refused);
      else shown.hear?.(frame);
      return;
    }
    if (frame.body?.whole) [behind, patience] = [false, ASK_AGAIN_MS];
    else if (number === null || frame.n !== number + 1) behind = true;
    number = frame.n;
    // Prices are absolute, so a frame after a hole still says true things.
    if (frame.body) shown.take(frame.body);
    if (behind) ask();
    shown.silence(behind ? "Catching up …" : "");
    redraw();
  };

  const watch = setInterval(() => {
    if (Date.now() - heard < SILENCE_MS) return;
    // Since when, not for how long: a screen reader would say it anew every second.
    shown.silence(`No word from Python since ${new Date(heard).toLocaleTimeString()}: prices may be old.`);
    ask(true);
  }, 1000);

  const unfollow = followTheme(place, root);
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    clearInterval(watch);
    cancelAnimationFrame(drawing);
    unfollow();
    shown.dispose();
    model.off("msg:custom", receive);
    try {
      send({ say: "gone", view });
    } catch (error) {
      console.debug("protipp_stream: could not say goodbye", error); // the host has gone first
    }
    place.remove();
  };

  model.on("msg:custom", receive);
  if (!model.get) model.on("remove", dispose);
  receive(get("first"));
  ask();
  if (model.get) return dispose;
}

// What components are built with. Text goes in as text, whatever it says.
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

function write(element, text) {
  if (element.textContent !== (text ?? "")) element.textContent = text ?? "";
  element.hidden = !text;
}

// The host's real background decides between light and dark: every notebook
// and every page has one, and none of them agree on a flag.
function followTheme(place, root) {
  const apply = () => {
    root.dataset.theme = isDark(place) ? "dark" : "light";
  };
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const soon = () => setTimeout(apply, 50); // after the host's own style has changed
  const observer = new MutationObserver(soon);
  observer.observe(document.documentElement, { attributes: true });
  observer.observe(document.body, { attributes: true });
  scheme.addEventListener("change", soon);
  apply();
  requestAnimationFrame(apply);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", soon);
  };
}

function isDark(from) {
  for (let node = from; node; node = node.parentNode ?? node.host) {
    if (!(node instanceof Element)) continue;
    const [r, g, b, a = 1] = getComputedStyle(node).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [];
    if (a > 0.5) return 0.299 * r + 0.587 * g + 0.114 * b < 128;
  }
  return false;
}

export { render };
export default { render };
