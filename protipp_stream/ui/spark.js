// The last values of something as a line; in words for who can't see it.
//
//   makeTrend(most) -> { element, add(value), show(values), words(unit) }

function makeTrend(most = 60) {
  const [svg, line] = ["svg", "polyline"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  svg.setAttribute("viewBox", "-1 -2 64 18");
  svg.setAttribute("class", "trend");
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  let values = [];

  function show(given) {
    values = given.slice(-most);
    const high = Math.max(...values);
    const low = Math.min(...values, 0); // from zero: a small quiver must not look like a storm
    const at = (value, i) => `${((i * 62) / (values.length - 1)).toFixed(1)},${(high > low ? 14 - ((value - low) / (high - low)) * 14 : 14).toFixed(1)}`;
    line.setAttribute("points", values.length < 2 ? "" : values.map(at).join(" "));
  }

  return {
    element: svg,
    show,
    add: (value) => show([...values, value]),
    words(unit) {
      if (values.length < 2) return "not measured twice yet";
      return `${Math.min(...values)} to ${Math.max(...values)} ${unit} in the last ${values.length} readings`;
    },
  };
}
