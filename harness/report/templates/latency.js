// Every turn of a cell and of its source as a dot, in the order they were taken, on a logarithmic scale of time.
const TURNS = { width: 640, height: 90, room: 8 };

function seriesOf(latency, side) {
  const found = plainObject(latency[side]);
  return found && Array.isArray(found.series) ? found.series.filter((item) => Number.isFinite(item) && item > 0) : [];
}

function turns(target, source) {
  const all = [...target, ...source].map(Math.log);
  const low = Math.min(...all);
  const span = Math.max(...all) - low || 1;
  const dots = (series, name) => series.map((item, place) => svg("circle", {
    class: name, r: 2.5, cx: (TURNS.room + (place / Math.max(1, series.length - 1)) * (TURNS.width - 2 * TURNS.room)).toFixed(1),
    cy: (TURNS.height - TURNS.room - ((Math.log(item) - low) / span) * (TURNS.height - 2 * TURNS.room)).toFixed(1),
  }));
  return svg("svg", { class: "turns", viewBox: `0 0 ${TURNS.width} ${TURNS.height}`, preserveAspectRatio: "none", role: "img",
    "aria-label": "times of the turns of target and source" }, ...dots(source, "src"), ...dots(target, "in"));
}

function latencyBlock(record) {
  const latency = plainObject(record.latency);
  if (!latency) return null;
  const target = seriesOf(latency, "target");
  const source = seriesOf(latency, "source");
  const bare = Object.fromEntries(Object.entries(latency).map(([key, item]) => [key, plainObject(item) ? without(item, "series") : item]));
  const gate = plainObject(latency.gate);
  const span = [...target, ...source];
  return [
    h("h4", {}, "Latency"),
    gate && h("p", { class: gate.outcome === "slower" ? "problem" : "" }, `Baseline: ${number(gate.outcome)}: ${number(gate.reason)}`),
    target.length > 0 && [turns(target, source), h("p", { class: "muted" },
      `Medians of turns in the order they were taken, ${number(Math.min(...span))} to ${number(Math.max(...span))} s, logarithmic; `,
      "green the target, grey its source.")],
    h("details", { class: "sub" }, h("summary", {}, "all that was measured"), facts("", without(bare, "gate"))),
  ];
}
