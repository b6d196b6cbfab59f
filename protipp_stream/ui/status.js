// One line of pills that say how the connection is. Drawn from the bodies of status.py.

function component(root) {
  const line = makePills("State of the connection");
  root.append(line.element);
  let waiting = null;

  return {
    take(body) {
      waiting = body;
    },
    draw() {
      if (waiting) line.show(waiting.pills, waiting.error, waiting.now);
      waiting = null;
    },
    silence: line.silence,
    dispose: line.dispose,
  };
}
