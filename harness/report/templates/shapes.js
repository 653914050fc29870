// Where a case was taken from, and the shapes it was tried at.
const MOST_LENGTHS = 16;

function plainObject(item) {
  return item && typeof item === "object" && !Array.isArray(item) ? item : null;
}

function originBlock(record) {
  const part = plainObject(shared(record.part));
  if (!part) {
    return record.made && h("p", { class: "muted" }, "Its modules and functions: ", h("a", { href: `#${record.home}` }, record.made));
  }
  const path = part.path ? String(part.path) : "the model itself";
  const place = h("code", {}, path);
  const calls = Number(part.calls) || 1;
  return [
    h("h4", {}, "Where it comes from"),
    h("p", {}, "Generated from ", h("b", {}, String(part.of || "?")), ": ", record.home ? h("a", { href: `#${record.home}` }, place) : place,
      part.type && ` (${number(part.type)})`, `, stands for ${calls} ${calls === 1 ? "call" : "calls that are alike"}.`),
    part.config && h("p", { class: "muted" }, "Settings: ", h("code", {}, number(part.config))),
    part.fixed && h("p", {}, h("b", {}, "At fixed shapes"), ` because ${number(part.fixed)}.`),
    part.drawn === false && h("p", { class: "muted" }, "Tried only with what it received inside the model: no drawn input is like that."),
  ];
}

// Of the shapes tried, null for those of a cell that was not fuzzed.
function fuzzedShapes(record) {
  const shapes = shared(record.shapes) || {};
  return typeof shapes.examples === "number" || shapes.region ? shapes : null;
}

function listOf(shapes, key) {
  return Array.isArray(shapes[key]) ? shapes[key].filter(plainObject) : [];
}

function without(shapes, ...keys) {
  return Object.fromEntries(Object.entries(shapes).filter(([key]) => !keys.includes(key)));
}

function shapesBlock(record) {
  if (fuzzedShapes(record)) return null;
  const shapes = shared(record.shapes) || {};
  const failing = listOf(shapes, "failing").map(shape);
  const tried = listOf(shapes, "tried").map(shape);
  const all = [...tried, ...failing.filter((text) => !tried.includes(text))].filter(Boolean);
  const rest = without(shapes, "tried", "failing");
  if (!all.length && !Object.keys(rest).length) return null;
  const chip = (text) => h("span", { class: failing.includes(text) ? "chip bad" : "chip" }, failing.includes(text) ? `≠ ${text}` : text);
  const bad = failing.filter((text) => tried.includes(text)).length || failing.length;
  const rungs = [...new Set(listOf(shapes, "failing").map((item) => item.rung).filter(Boolean))];
  const laddered = listOf(shapes, "tried").some((item) => item.rung);
  const title = `${laddered ? "Inputs" : "Shapes"} tried: ${tried.length}${bad ? `, failing: ${bad}` : ""}`;
  const more = all.length > 60 && `and ${all.length - 60} more`;
  const ordinary = rungs.length > 0 && !listOf(shapes, "failing").some((item) => !item.rung);
  return [h("h4", {}, title), h("div", { class: "chips" }, all.slice(0, 60).map(chip), more),
    rungs.length > 0 && h("p", { class: "muted" }, ordinary && "Ordinary inputs match. ",
      `Rungs of the input ladder that fail: ${rungs.map(number).join(", ")}`),
    facts("", rest)];
}

function fuzzedBlock(record) {
  const shapes = fuzzedShapes(record);
  if (!shapes) return null;
  const failing = listOf(shapes, "failing");
  const tried = listOf(shapes, "tried");
  const short = typeof shapes.planned === "number" && shapes.planned > shapes.examples;
  const told = [`${number(shapes.examples)} fuzzed${short ? ` of ${shapes.planned} planned` : ""}`, `${failing.length} failing`,
    shapes.refused > 0 && `${number(shapes.refused)} refused by the source itself`,
    typeof shapes.seconds === "number" && `${number(shapes.seconds)} s`];
  const causes = Array.isArray(shapes.causes) ? shapes.causes : [];
  const found = plainObject(shapes.smallest);
  const least = found && { ...plainObject(found.lengths), ...(found.rung && found.rung !== "normal" ? { rung: found.rung } : {}) };
  const handled = ["tried", "failing", "examples", "planned", "refused", "seconds", "region", "causes", "smallest", "judged", "comparisons",
    "session"];
  return [
    h("h4", {}, "Shapes"),
    shapes.region && h("p", { class: failing.length ? "sentence" : "sentence plain" }, number(shapes.region)),
    causes.map((cause) => h("p", {}, number(cause))),
    least && shape(least) && h("p", {}, "The smallest that fails: ", h("span", { class: "chip bad" }, `≠ ${shape(least)}`)),
    h("p", { class: "muted" }, joined(...told)),
    shapeTable(tried, failing, least),
    facts("", { ...without(shapes, ...handled), session: filled(shapes.session) }),
  ];
}

function filled(tree) {
  return Object.fromEntries(Object.entries(plainObject(tree) || {}).filter(([, part]) => !Array.isArray(part) || part.length));
}

// Some of many lengths: those that fail, what lies next to them, both ends, and others evenly.
function someOf(all, bad) {
  if (all.length <= MOST_LENGTHS) return all;
  const evenly = (list, most) => list.filter((_, place) => place % Math.ceil(list.length / most) === 0);
  const next = [all.filter((n) => n < bad[0]).pop(), all.find((n) => n > bad[bad.length - 1])];
  const keep = new Set([...evenly(bad, MOST_LENGTHS / 2), ...next, all[0], all[all.length - 1]].filter((n) => n !== undefined));
  for (const n of evenly(all, MOST_LENGTHS / 2)) if (keep.size < MOST_LENGTHS) keep.add(n);
  return [...keep].sort((a, b) => a - b);
}

// One or two axes that vary make a grid of what was tried; with more, each failing shape is a line.
function shapeTable(tried, failing, least) {
  const points = [...tried, ...failing];
  const dims = [...new Set(points.flatMap(Object.keys))].filter((name) => name !== "rung" && name !== "seed");
  const those = (list, dim) => [...new Set(list.map((point) => point[dim]).filter(Number.isFinite))].sort((a, b) => a - b);
  const vary = dims.filter((dim) => those(points, dim).length > 1);
  if (!vary.length) return null;
  if (vary.length > 2) return failing.length > 0 && failingList(dims, failing, least);
  const lengths = new Map(vary.map((dim) => [dim, someOf(those(points, dim), those(failing, dim))]));
  const left = vary.reduce((sum, dim) => sum + those(points, dim).length - lengths.get(dim).length, 0);
  return shapeGrid(vary, lengths, tried, failing, least, left);
}

function shapeGrid(vary, lengths, tried, failing, least, left) {
  const [across, down] = [...vary].sort((a, b) => lengths.get(b).length - lengths.get(a).length);
  const at = (point, x, y) => point[across] === x && (!down || point[down] === y);
  const cell = (x, y) => {
    const bad = failing.filter((point) => at(point, x, y));
    const all = tried.filter((point) => at(point, x, y));
    const small = least && at(least, x, y);
    const said = [`${across}=${x}`, down && `${down}=${y}`].filter(Boolean).join(" ");
    if (!bad.length) return h("td", all.length ? { class: "good", title: `${said} matches` } : {}, all.length ? "✓" : "");
    return h("td", { class: small ? "bad least" : "bad", title: `${said} fails${small ? ", the smallest" : ""}: ${bad.map(shape).join("; ")}` }, "≠");
  };
  const rows = down ? lengths.get(down) : [null];
  const line = (y) => h("tr", {}, h("th", { scope: "row" }, down ? `${down} ${y}` : ""), lengths.get(across).map((x) => cell(x, y)));
  return h("div", { class: "scroll" }, h("table", { class: "shapes" },
    h("thead", {}, h("tr", {}, h("th", {}, `${across} →`), lengths.get(across).map((x) => h("th", { scope: "col" }, String(x))))),
    h("tbody", {}, rows.map(line))), h("p", { class: "muted" },
    `✓ every output within its bound, ≠ fails; empty: not tried${left ? `; ${left} more lengths were tried` : ""}`));
}

function failingList(dims, failing, least) {
  const columns = [...dims, ...["rung", "seed"].filter((name) => failing.some((point) => name in point))];
  const same = (point) => least && columns.every((name) => point[name] === least[name]);
  const line = (point) => h("tr", {}, h("td", { class: same(point) ? "bad least" : "bad" }, "≠"), columns.map((name) => h("td", {}, number(point[name]))));
  const size = (point) => dims.reduce((sum, dim) => sum + (Number(point[dim]) || 0), 0);
  const ordered = [...failing].sort((a, b) => size(a) - size(b));
  return [
    h("div", { class: "scroll" }, h("table", { class: "shapes" },
      h("thead", {}, h("tr", {}, h("th", {}, ""), columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ordered.slice(0, 40).map(line)))),
    failing.length > 40 && h("p", { class: "muted" }, `and ${failing.length - 40} more in the record file`),
  ];
}
