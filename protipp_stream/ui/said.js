// The line above a list: whose prices these are, and why they may be old.

function saidLine(panel) {
  const [origin, note, lost] = [make("span", "origin"), make("span", "note"), make("span", "note")];
  const element = make("div", "said", origin, note, lost);
  element.setAttribute("role", "status");
  for (const each of [origin, note, lost]) each.hidden = true;
  let old = false; // as Python has it
  const show = () => panel.classList.toggle("old", old || Boolean(lost.textContent));
  return {
    element,
    say(state) {
      old = Boolean(state.old);
      write(origin, state.origin);
      write(note, state.note);
      show();
    },
    silence(words) {
      write(lost, words);
      show();
    },
  };
}
