// A line of pills, each one statement: an icon, words and a level. Drawn from the bodies
// that pills.py makes. Every text from outside is set as text, never as markup.
//
//   makePills(label) -> { element, show(pills, error, now), silence(words), seconds(), dispose() }

function makePills(label) {
  const line = make("div", "line");
  const pills = new Map(); // name -> { el, icon, words, said }
  const error = make("span", "error");
  const lost = make("span", "error");
  error.setAttribute("role", "alert");
  lost.setAttribute("role", "alert");
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", label);
  line.append(error, lost);
  error.hidden = lost.hidden = true;
  let skew = 0; // seconds that Python's clock is ahead of the page's

  const seconds = () => Date.now() / 1000 + skew;

  function add(name) {
    const pill = { icon: make("span", "icon"), words: make("span", "words"), time: make("span", "words") };
    pill.icon.setAttribute("aria-hidden", "true");
    pill.el = make("span", "pill", pill.icon, pill.words, pill.time);
    // A screen reader is told of what changes, not of every second.
    if (name === "state" || name === "plan") pill.words.setAttribute("role", "status");
    pills.set(name, pill);
    return pill;
  }

  function tick({ time, said }) {
    const now = seconds();
    if (said.ago != null) write(time, `${ago(now - said.ago)} ago`);
    else if (said.since != null) write(time, `for ${ago(now - said.since)}`);
    else if (said.due != null) write(time, said.due > now ? `in ${ago(Math.ceil(said.due - now))}` : "now");
    else write(time, "");
  }

  const ticking = setInterval(() => pills.forEach(tick), 1000);

  return {
    element: line,
    seconds,
    show(list, words, now) {
      skew = now - Date.now() / 1000;
      const named = new Set(list.map((pill) => pill.name));
      for (const [name, pill] of pills) {
        if (named.has(name)) continue;
        pill.el.remove();
        pills.delete(name);
      }
      list.forEach((said, at) => {
        const pill = pills.get(said.name) ?? add(said.name);
        pill.said = said;
        pill.el.className = `pill ${said.level ?? "grey"}${said.name === "state" ? " state" : ""}${said.origin ? " origin" : ""}`;
        pill.el.title = said.hint ?? "";
        write(pill.icon, said.icon);
        write(pill.words, said.text);
        tick(pill);
        // Moved only where it must: a moved element loses what is selected in it.
        if (line.children[at] !== pill.el) line.insertBefore(pill.el, line.children[at] ?? error);
      });
      write(error, words);
    },
    silence(words) {
      write(lost, words);
      line.classList.toggle("old", Boolean(words));
    },
    dispose: () => clearInterval(ticking),
  };
}
