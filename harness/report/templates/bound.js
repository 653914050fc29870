// What an output was held to, in words: the parts of the oracle's bound, or the limits that were declared.
const PARTS = [
  ["rounding", "what rounding at this precision and another order of summation may do", "p1"],
  ["noise", "how far the float64 answer moves when every input and weight moves by one unit in the last place", "p2"],
  ["error", "what the source itself loses against float64", "p3"],
];
// Limit: its name, its sign, the metric it is about.
const LIMITS = {
  max_ulp: ["units in the last place", "≤", "ulp"], max_rms_rel: ["rms error / rms", "≤", "rms_rel"],
  max_rmse: ["rms error", "≤", "rmse"],
  max_mean_rel: ["mean relative error", "≤", "mean_rel"], max_kl: ["KL divergence, nats", "≤", "kl"],
  min_cosine: ["cosine", "≥", "cosine"], min_sqnr_db: ["signal to noise, dB", "≥", "sqnr_db"],
  min_top_k: ["rows with the same largest", "≥", "top_k_agreement"],
  min_fraction: ["share of elements within rtol and atol", "≥", "fraction"],
};
const ORIGINS = [["row", "declared in"], ["preset", "preset"], ["reason", "because"], ["expires", "until"]];
const CARDS = 6;

// The bound in a few words, for the table.
function bounds(bound) {
  if (bound.mode === "exact") return "equal";
  const parts = bound.mode === "oracle" ? [`${number(bound.allowed)} from float64`]
    : "rtol" in bound ? [`atol ${number(bound.atol)} + rtol ${number(bound.rtol)}`] : [];
  const kept = Object.entries(bound).filter(([key]) => bound.mode === undefined || Object.hasOwn(LIMITS, key) || key === "top_k");
  const rest = kept.filter(([key]) => !["rtol", "atol", "formula", "reason"].includes(key));
  return [...parts, ...rest.map(([key, value]) => `${label(key)} ${number(value)}`)].join(", ");
}

function percent(part, whole) {
  const found = (100 * real(part)) / real(whole);
  return Number.isFinite(found) ? `${number(Number(found.toPrecision(2)))}%` : "";
}

function partsBar(bound) {
  const total = PARTS.reduce((sum, [key]) => sum + (real(bound[key]) || 0), 0);
  if (!(total > 0 && Number.isFinite(total))) return null;
  let x = 0;
  const rects = PARTS.map(([key, , look]) => {
    const width = (600 * (real(bound[key]) || 0)) / total;
    x += width;
    return svg("rect", { class: look, x: (x - width).toFixed(1), width: Math.max(0, width - 1).toFixed(1), height: 8 });
  });
  const words = PARTS.map(([key]) => `${key} ${percent(bound[key], total)}`).join(", ");
  return svg("svg", { class: "parts", viewBox: "0 0 600 8", preserveAspectRatio: "none", role: "img", "aria-label": `the bound: ${words}` },
    ...rects);
}

function oracleLines({ bound, metrics }) {
  const lines = [];
  const tensor = real(metrics.tensor_ratio);
  if (tensor > 0) lines.push(["whole tensor", `${times(tensor)}: all errors together may be half as large as all bounds together`]);
  else if (metrics.size < 32) lines.push(["whole tensor", "not judged by itself: too few elements for a mean"]);
  const open = `${number(metrics.undetermined)} of ${number(metrics.size)} elements (${percent(metrics.undetermined, metrics.size)})`;
  lines.push(["undetermined", metrics.undetermined ? `${open} hang on the last bits of the inputs; only their magnitude was judged`
    : "none: every element was judged"]);
  const digits = (value) => (typeof value === "number" ? String(Number(value.toPrecision(9))) : number(value));
  lines.push(["where", joined(`index ${number(metrics.worst)}`, `float64 ${digits(bound.oracle)}`, `source ${digits(bound.reference)}`,
    `target ${digits(metrics.actual_at_worst)}`, `unit round-off ${number(bound.unit)}`, `K = ${number(bound.terms)} terms to a sum`)]);
  return lines;
}

function oracleCard(row) {
  const { bound } = row;
  const part = ([key, text, look]) => [
    h("dt", {}, h("i", { class: `key ${look}`, "aria-hidden": "true" }), key),
    h("dd", {}, h("b", {}, number(bound[key])), ` ${text}`)];
  return [
    h("p", {}, "At the worst element the target is ", h("b", {}, number(bound.distance)),
      " away from where the source and its float64 twin lie; ", h("b", {}, number(bound.allowed)),
      " is allowed there, the sum of rounding, noise and error. That is ",
      h("b", {}, times(row.metrics.ratio)), "."),
    partsBar(bound),
    h("dl", { class: "kv" }, PARTS.map(part), oracleLines(row).map(([key, text]) => [h("dt", {}, key), h("dd", {}, text)])),
  ];
}

function limitLines({ bound, metrics }) {
  const used = metrics.used === undefined ? "" : times(metrics.used);
  const lines = "rtol" in bound ? [["every element", `atol ${number(bound.atol)} + rtol ${number(bound.rtol)}`, used]] : [];
  for (const [key, [name, sign, metric]] of Object.entries(LIMITS)) {
    if (!(key in bound)) continue;
    const full = key === "min_top_k" ? `rows whose ${number(bound.top_k)} largest are the same` : name;
    const of = key === "max_kl" && bound.kl_of ? ` of ${number(bound.kl_of)}` : "";
    const [got, held] = [real(metrics[metric]), real(bound[key])];
    const broken = got !== undefined && held !== undefined && !(sign === "≤" ? got <= held : got >= held);
    lines.push([full + of, `${sign} ${number(bound[key])}`, metric in metrics ? `measured ${number(metrics[metric])}` : "", broken]);
  }
  return lines;
}

function boundCard(row) {
  const { bound, metrics } = row;
  const from = ORIGINS.filter(([key]) => bound[key]).map(([key, word]) => `${word} ${bound[key]}`);
  const limits = limitLines(row);
  const open = metrics.undetermined ? `; ${number(metrics.undetermined)} near ties are left open` : "";
  return h("div", { class: row.match ? "held" : "held bad" },
    h("p", {}, h("b", {}, row.output || "(no output)"), " ", verdictWord(row), " ",
      h("span", { class: "muted" }, joined(shape(row.shapes), { oracle: "bound from the float64 run", declared: "declared bound",
        exact: "whole numbers must be equal" }[bound.mode]))),
    bound.mode === "oracle" && oracleCard(row),
    bound.mode === "exact" && h("p", {}, `${number(metrics.outside)} of ${number(metrics.size)} values differ${open}.`),
    limits.length > 0 && h("dl", { class: "kv" }, limits.map(([name, held, got, broken]) => [h("dt", {}, name),
      h("dd", { class: broken ? "say-bad" : "" }, broken && "≠ ", joined(held, got))])),
    from.length > 0 && h("p", { class: "muted" }, joined(...from)),
    bound.formula && h("p", { class: "muted" }, "The formula: ", h("code", {}, number(bound.formula))));
}

// One card for each output: what fails before what comes nearest to failing.
function boundsBlock(rows) {
  const worst = new Map();
  for (const row of rows.filter((one) => ["oracle", "declared", "exact"].includes(one.bound.mode))) {
    const old = worst.get(row.output);
    if (!old || (old.match && !row.match) || (old.match === row.match && (real(row.share) || 0) > (real(old.share) || 0))) {
      worst.set(row.output, row);
    }
  }
  const all = [...worst.values()].sort((a, b) => a.match - b.match);
  const cards = all.slice(0, CARDS).map(boundCard);
  const more = all.length > CARDS && h("p", { class: "muted" }, `and ${all.length - CARDS} more outputs`);
  if (!cards.length) return null;
  if (!all[0].match) return [h("h4", {}, "What it was held to"), cards, more];
  return h("details", { class: "sub" }, h("summary", {}, "what it was held to"), cards, more);
}
