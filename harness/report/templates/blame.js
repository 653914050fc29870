// Who is to blame: the hop, the layer, what would explain it, and the error over depth.
const TOLD = [
  "sentence", "hop", "layer", "type", "own_error", "inherited_error", "inputs_agree", "suspects", "curve", "note", "at", "graph", "guilty",
  "probing_changed_result",
];
const WIDE = 760;
const LEFT = 52;
const PANELS = [
  { top: 30, height: 124, title: "times the error the layer may add", series: ["own", "inherited"], line: 1 },
  { top: 196, height: 88, title: "error / rms of what the layer makes", series: ["total"], line: null },
];
const SERIES = { own: "own error", inherited: "inherited error", total: "total error" };

function cut(text, limit) {
  return text.length > limit ? `${text.slice(0, limit / 2)}…${text.slice(1 - limit / 2)}` : text;
}

function points(curve) {
  const rows = Array.isArray(curve) ? curve.filter((item) => item && typeof item === "object" && !Array.isArray(item)) : [];
  return rows.map((item) => ({ path: String(item.path), own: real(item.own), inherited: real(item.inherited), total: real(item.total) }));
}

const GAP = 14;

// Decades that hold every finite value of a panel; 0 lies on a floor of its own below them, infinity on the ceiling.
function axis(rows, panel) {
  const values = [...rows.flatMap((row) => panel.series.map((key) => row[key])), panel.line].filter((v) => v > 0 && Number.isFinite(v));
  const high = Math.ceil(Math.log10(Math.max(...values, 1e-8)) + 0.1);
  const low = Math.max(high - 12, Math.min(high - 2, Math.floor(Math.log10(Math.min(...values, 1)) - 0.1)));
  const y = (value) => {
    if (!(value > 0)) return panel.top + panel.height;
    return panel.top + (panel.height - GAP) * (1 - Math.min(1, Math.max(0, (Math.log10(value) - low) / (high - low))));
  };
  const step = Math.ceil((high - low) / 4);
  const ticks = [];
  for (let decade = high; decade >= low; decade -= step) ticks.push(decade);
  return { y, ticks };
}

function word(attributes, text) {
  const node = svg("text", attributes);
  node.textContent = text;
  return node;
}

function drawPanel(rows, panel, x, slot) {
  const { y, ticks } = axis(rows, panel);
  const floor = panel.top + panel.height;
  const power = (decade) => (decade >= -3 && decade <= 4 ? number(10 ** decade) : `1e${decade}`);
  const nodes = [word({ class: "name", x: LEFT, y: panel.top - 8 }, panel.title)];
  for (const [height, text] of [...ticks.map((decade) => [y(10 ** decade), power(decade)]), [floor, "0"]]) {
    nodes.push(svg("line", { class: "grid", x1: LEFT, x2: WIDE, y1: height, y2: height }));
    nodes.push(word({ x: LEFT - 6, y: height + 4, "text-anchor": "end" }, text));
  }
  if (panel.line !== null) {
    nodes.push(svg("line", { class: "limit", x1: LEFT, x2: WIDE, y1: y(panel.line), y2: y(panel.line) }));
    nodes.push(word({ class: "limit-name", x: WIDE, y: y(panel.line) - 4, "text-anchor": "end" }, "its bound"));
  }
  for (const key of panel.series) {
    const shown = rows.map((row, place) => [row[key], place]).filter(([value]) => value !== undefined && !Number.isNaN(value));
    if (key === "own") {
      const width = Math.max(1.5, Math.min(12, slot * 0.6));
      for (const [value, place] of shown.filter(([one]) => one > 0)) {
        const top = Math.min(y(value), floor - 1);
        const box = { x: (x(place) - width / 2).toFixed(1), y: top.toFixed(1), width: width.toFixed(1), height: (floor - top).toFixed(1) };
        nodes.push(svg("rect", { class: "own", ...box }));
      }
      continue;
    }
    const path = shown.map(([value, place]) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    nodes.push(svg("polyline", { class: key, points: path }));
    if (slot > 7) for (const [value, place] of shown) nodes.push(svg("circle", { class: key, cx: x(place), cy: y(value), r: 2.5 }));
  }
  return nodes;
}

// The layer names along the bottom: the first, the last, and the one to blame.
function names(rows, guilty, x, bottom) {
  const marks = [[0, "start"], [rows.length - 1, "end"]].filter(([place]) => Math.abs(x(place) - x(guilty)) > 150 || guilty < 0);
  const side = x(guilty) < WIDE / 3 ? "start" : x(guilty) > (2 * WIDE) / 3 ? "end" : "middle";
  const found = marks.map(([place, anchor]) => word({ x: x(place), y: bottom, "text-anchor": anchor }, cut(rows[place].path, 22)));
  if (guilty >= 0) found.push(word({ class: "guilty", x: x(guilty), y: bottom, "text-anchor": side }, `▲ ${cut(rows[guilty].path, 36)}`));
  return found;
}

function greatest(rows, key) {
  const known = rows.filter((row) => row[key] > 0);
  return known.length ? known.reduce((a, b) => (b[key] > a[key] ? b : a)) : null;
}

function curveWords(rows, guilty) {
  const told = (key, unit) => {
    const most = greatest(rows, key);
    return most ? `${SERIES[key]} is greatest at ${most.path}, ${number(most[key])} ${unit}` : `${SERIES[key]} is 0 everywhere`;
  };
  return [`Error over the depth of ${rows.length} layers`, guilty >= 0 && `to blame is layer ${guilty + 1}, ${rows[guilty].path}`,
    told("own", "times its bound"), told("inherited", "times its bound"), told("total", "of the rms")].filter(Boolean).join("; ");
}

function curveBlock(culprit) {
  const rows = points(culprit.curve);
  if (!rows.length) return null;
  const layer = String(culprit.layer);
  let guilty = rows.findIndex((row) => row.path === layer);
  if (guilty < 0) guilty = rows.findIndex((row) => layer.startsWith("between ") && layer.endsWith(` and ${row.path}`));
  const slot = (WIDE - LEFT) / rows.length;
  const x = (place) => LEFT + slot * (place + 0.5);
  const bottom = PANELS[1].top + PANELS[1].height;
  const band = guilty < 0 ? [] : [svg("rect", { class: "band", x: x(guilty) - Math.max(slot, 6) / 2, y: PANELS[0].top,
    width: Math.max(slot, 6), height: bottom - PANELS[0].top })];
  const touch = rows.map((row, place) => {
    const title = svg("title", {});
    title.textContent = `${row.path}: own ${number(row.own)}, inherited ${number(row.inherited)}, total ${number(row.total)}`;
    return svg("rect", { class: "touch", x: (x(place) - slot / 2).toFixed(1), y: PANELS[0].top, width: slot.toFixed(1),
      height: bottom - PANELS[0].top }, title);
  });
  const picture = svg("svg", { class: "curve", viewBox: `0 0 ${WIDE} ${bottom + 22}`, role: "img", "aria-label": curveWords(rows, guilty) },
    ...band, ...PANELS.flatMap((panel) => drawPanel(rows, panel, x, slot)), ...names(rows, guilty, x, bottom + 17), ...touch);
  const legend = Object.entries(SERIES).map(([key, text]) => h("li", {}, h("i", { class: `key ${key}`, "aria-hidden": "true" }), text));
  const cells = (row) => [h("td", {}, row.path), ...Object.keys(SERIES).map((key) => h("td", {}, number(row[key])))];
  return [
    h("h4", {}, `Error over depth: ${rows.length} ${rows.length === 1 ? "layer" : "layers in the order they run"}`),
    h("ul", { class: "legend" }, legend), h("div", { class: "scroll" }, picture),
    h("details", { class: "sub" }, h("summary", {}, "the same as a table"), h("div", { class: "scroll tall" },
      h("table", { class: "metrics" },
        h("thead", {}, h("tr", {}, ["layer", "own / bound", "inherited / bound", "total / rms"].map((text) => h("th", {}, text)))),
        h("tbody", {}, rows.map((row, place) => h("tr", { class: place === guilty ? "bad" : "" }, cells(row))))))),
  ];
}

function suspectLine(suspect) {
  if (!suspect || typeof suspect !== "object" || Array.isArray(suspect)) return h("li", {}, number(suspect));
  const left = suspect.after === undefined ? ""
    : `explains it: of a difference of ${number(suspect.before)} of the rms ${number(suspect.after)} is left`;
  return h("li", {}, h("b", {}, number(suspect.sentence || suspect.name)), " ", h("span", { class: "muted" }, left));
}

function blameBlock(record) {
  const culprit = record.culprit;
  if (!culprit || !Object.keys(culprit).length) return null;
  const suspects = Array.isArray(culprit.suspects) ? culprit.suspects : [];
  const fed = culprit.inputs_agree === true ? "the source's own: the error begins here" : "differ already: the error may begin earlier";
  const ratio = (value) => (real(value) === undefined ? "" : value === 0 ? "none" : `${number(value)} × what the layer may add`);
  const lines = [
    ["hop", number(culprit.hop)], ["layer", joined(number(culprit.layer), number(culprit.type))], ["own error", ratio(culprit.own_error)],
    ["inherited error", ratio(culprit.inherited_error)], ["its inputs", typeof culprit.inputs_agree === "boolean" ? fed : ""],
    ["seen with", shape(culprit.at)], ["probing", culprit.probing_changed_result === true ? "changed the result: read this with care" : ""],
    ["note", number(culprit.note)],
  ].filter(([, text]) => text);
  const rest = Object.fromEntries(Object.entries(culprit).filter(([key]) => !TOLD.includes(key)));
  return [
    h("h4", {}, "Who is to blame"),
    culprit.sentence && h("p", { class: "sentence" }, number(culprit.sentence)),
    h("dl", { class: "kv" }, lines.map(([key, text]) => [h("dt", {}, key), h("dd", {}, text)])),
    suspects.length > 0 && [h("h4", {}, suspects.length === 1 ? "Suspect" : "Suspects, the likeliest first"),
      h("ul", {}, suspects.map(suspectLine))],
    facts("", rest), curveBlock(culprit),
  ];
}
