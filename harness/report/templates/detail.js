// One case on one route, in full.
const COLUMNS = [
  "max_abs", "max_rel", "scaled", "rms_rel", "rmse", "mean_abs", "mean_rel", "ulp", "sqnr_db", "cosine", "kl",
  "top_k_agreement", "fraction", "ratio", "tensor_ratio", "used", "outside", "undetermined", "exchanged", "size", "worst",
  "actual_at_worst", "expected_at_worst",
];
const TITLES = {
  ratio: "worst / bound", tensor_ratio: "tensor / bound", used: "worst / declared bound", max_abs: "max abs", max_rel: "max rel",
  scaled: "max abs / rms", rms_rel: "rms error / rms", rmse: "rms error", mean_abs: "mean abs", mean_rel: "mean rel", ulp: "max ulp",
  sqnr_db: "signal to noise, dB", kl: "KL divergence, nats", top_k_agreement: "rows with the same largest", fraction: "share within bound",
  outside: "elements outside", undetermined: "elements undetermined", exchanged: "ties exchanged", size: "elements", worst: "worst index",
  actual_at_worst: "actual there", expected_at_worst: "expected there", count_nan_differ: "NaN on one side",
  count_inf_differ: "∞ on one side",
  "oracle.target_scaled": "target to float64", "oracle.reference_scaled": "source to float64",
  "oracle.target_max_abs": "target to float64, max abs", "oracle.reference_max_abs": "source to float64, max abs",
};

function shared(place) {
  return place === undefined || place === null ? null : data.maps[place];
}

function joined(...parts) {
  return parts.filter(Boolean).join(" · ");
}

function unpack(record) {
  return (record.comparisons || []).map(([output, match, against, keys, values, bound, shapes, facts, share]) => ({
    output, match, against, facts, share,
    metrics: Object.fromEntries(data.keys[keys].map((key, place) => [key, values[place]])),
    bound: shared(bound) || {}, shapes: shared(shapes) || {},
  }));
}

function comparisonTable(rows) {
  const present = new Set(rows.flatMap((row) => Object.keys(row.metrics)));
  const columns = [...COLUMNS.filter((key) => present.has(key)), ...[...present].filter((key) => !COLUMNS.includes(key))];
  const shaped = rows.some((row) => Object.keys(row.shapes).length);
  const factual = rows.some((row) => row.facts.length);
  const reasons = [...new Set(rows.filter((row) => !row.bound.mode).map((row) => row.bound.reason).filter(Boolean))];
  const ordered = [...rows].sort((a, b) => a.match - b.match || (real(b.share) || 0) - (real(a.share) || 0));
  const heads = ["output", "verdict", shaped && "inputs", factual && "failed facts", "error there", "bound",
    ...columns.map((key) => (Object.hasOwn(TITLES, key) ? TITLES[key] : label(key)))];
  const line = (row) => h("tr", { class: row.match ? "" : "bad" },
    h("td", {}, row.output), h("td", {}, verdictWord(row)), shaped && h("td", {}, shape(row.shapes)),
    factual && h("td", { class: "facts-in" }, row.facts.map((fact) => h("div", {}, fact))),
    h("td", {}, times(row.share)), h("td", {}, bounds(row.bound)),
    columns.map((key) => h("td", {}, key === "cosine" ? nearOne(row.metrics[key]) : number(row.metrics[key]))));
  return [
    h("div", { class: "scroll tall" }, h("table", { class: "metrics" },
      h("thead", {}, h("tr", {}, heads.filter(Boolean).map((text) => h("th", {}, text)))),
      h("tbody", {}, ordered.map(line)))),
    reasons.map((reason) => h("p", { class: "muted" }, `Bound overridden: ${reason}`)),
  ];
}

function verdictWord(row) {
  if (row.against === "oracle") return h("span", { class: "muted" }, row.match ? "✓ near, recorded only" : "≠ far, recorded only");
  return h("span", { class: row.match ? "say-good" : "say-bad" }, row.match ? "✓ match" : "≠ fails");
}

function comparisonsBlock(record) {
  const heads = {
    reference: "Against the reference", oracle: "Against the float64 oracle (recorded, does not decide)", task: "Task metric (decides)",
  };
  const all = unpack(record);
  const kinds = [...new Set(all.map((row) => row.against))];
  const head = (kind) => h("h4", {}, Object.hasOwn(heads, kind) ? heads[kind] : `Against ${kind}`);
  const blocks = kinds.map((kind) => [head(kind), comparisonTable(all.filter((row) => row.against === kind))]);
  const formula = all.some((row) => "rtol" in row.bound && !row.bound.mode);
  return [
    boundsBlock(all), blocks, formula && h("p", { class: "muted" }, "Holds for every element: ", h("code", {}, data.formula)),
    record.dropped && h("p", { class: "muted" }, `${record.dropped} more comparisons are in the record file.`),
  ];
}

function facts(title, tree) {
  if (!tree || !Object.keys(tree).length) return null;
  const lines = (node, prefix) => Object.entries(node).flatMap(([key, value]) => {
    const name = prefix + label(key);
    return value && typeof value === "object" && !Array.isArray(value) ? lines(value, `${name} `) : [[name, listed(value)]];
  });
  const rows = lines(tree, "").map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]);
  return h("div", {}, title && h("h4", {}, title), h("dl", { class: "kv" }, rows));
}

function listed(value) {
  if (!Array.isArray(value)) return number(value);
  return value.map((item) => (item && typeof item === "object" && !Array.isArray(item) ? shape(item) : number(item))).join(", ");
}

function errorBlock(record) {
  const error = record.error;
  if (!error) return null;
  const long = ["traceback", "stderr"].filter((key) => error[key]);
  const told = ["type", "message", "kind", "traceback", "stderr"];
  const rest = Object.fromEntries(Object.entries(error).filter(([key]) => !told.includes(key)));
  return [
    h("h4", {}, `${record.outcome} at ${record.stage}`),
    h("pre", {}, [error.type, error.message].filter(Boolean).join(": ") || "no message was recorded"),
    facts("", rest),
    long.map((key) => h("details", { class: "sub", open: key === "stderr" && record.outcome === "crash" },
      h("summary", {}, key === "stderr" ? "tail of standard error" : "traceback"), h("pre", {}, error[key]))),
  ];
}

function expectationBlock(record) {
  const row = record.expectation;
  if (!row) return null;
  return [
    h("h4", {}, row.met ? "† expected failure" : "Expectation row not met"),
    row.problem && h("p", { class: "problem" }, row.problem),
    h("p", {}, row.reason, " ", h("span", { class: "muted" }, joined(row.expires && `until ${row.expires}`, row.row, row.issue))),
  ];
}

function ran(provenance) {
  const share = provenance ? real(provenance.share) : undefined;
  if (share === undefined) return provenance;
  const { share: _, ...rest } = provenance;
  return { ...rest, "operators there": Number.isFinite(share) ? percent(share, 1) : "unknown" };
}

function detail(record) {
  const lane = data.lanes[record.lane];
  const said = (record.messages || []).filter((text) => !text.startsWith(data.bundle));
  const bundles = (record.messages || []).filter((text) => text.startsWith(data.bundle)).map((text) => text.slice(data.bundle.length));
  return h("div", { class: "body" },
    originBlock(record), errorBlock(record), expectationBlock(record), blameBlock(record), fuzzedBlock(record), comparisonsBlock(record),
    shapesBlock(record), latencyBlock(record),
    said.length > 0 && [h("h4", {}, "Converter and runtime messages"), h("ul", {}, said.map((text) => h("li", {}, text)))],
    h("div", { class: "columns" },
      facts("What really ran", ran(shared(record.provenance))),
      facts("Seconds by step", record.timing), facts("Versions", shared(record.versions))),
    h("h4", {}, "Run it again"), record.repro ? repro(record.repro) : h("p", { class: "muted" }, "no command was recorded"),
    bundles.map((text) => h("p", {}, "Without this harness: ", text)),
    h("p", { class: "muted" },
      joined(record.file && `declared in ${record.file}`, record.replayed && "outputs replayed from the cache of an identical execution",
        lane.route),
      " · ", h("a", { href: `#cell=${encodeURIComponent(record.id)}` }, "link to this cell")));
}
