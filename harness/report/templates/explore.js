// The filter, and the lists that are only built when someone opens them.
const CHUNK = 200;
// Words of a closed set are matched from their start, so that outcome:match leaves mismatch out.
const CLOSED = new Set(["outcome", "stage", "level"]);
const ORDER = ["e2e", "module", "unit"];
const LEVELS = [...new Set(data.records.map((record) => record.level).filter(Boolean))].sort((a, b) => ORDER.indexOf(b) - ORDER.indexOf(a));
const PRESENT = data.outcomes.filter((outcome) => data.records.some((record) => record.outcome === outcome));
const state = { words: [], outcomes: new Set(data.outcomes), levels: new Set(LEVELS), failing: false, family: "" };
const byLane = data.lanes.map(() => []);
const byId = new Map();
const hay = new Map();

for (const record of data.records) {
  const { route, pair } = data.lanes[record.lane];
  const said = record.error ? `${record.error.type || ""} ${record.error.message || ""}` : "";
  byLane[record.lane].push(record);
  byId.set(record.id, record);
  hay.set(record, {
    case: record.case.toLowerCase(), route: route.toLowerCase(), family: (record.family || "").toLowerCase(), stage: record.stage,
    outcome: record.outcome, level: record.level, source: data.pairs[pair][0].toLowerCase(), target: data.pairs[pair][1].toLowerCase(),
    all: [record.id, record.case, record.family, record.level, record.stage, record.outcome, route, record.line, said,
      ...(record.messages || []), ...Object.values(record.culprit || {}).filter((part) => typeof part === "string"),
      record.expectation ? `expected ${record.expectation.reason}` : ""].join(" ").toLowerCase(),
  });
}

function fails(record) {
  return !record.ok && record.outcome !== "unavailable";
}

function chosen(record) {
  if (!state.outcomes.has(record.outcome) || (record.level && !state.levels.has(record.level))) return false;
  if (state.failing && !fails(record)) return false;
  if (state.family && (record.family || record.case) !== state.family) return false;
  const text = hay.get(record);
  return state.words.every(([field, word]) => (CLOSED.has(field) ? text[field].startsWith(word) : text[field].includes(word)));
}

function words(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [, field, rest] = word.match(/^(case|route|family|stage|outcome|level|source|target):(.*)$/) || [];
    return field ? [field, rest] : ["all", word];
  });
}

function caseNode(record) {
  const calm = record.expectation && record.ok && !["match", "unavailable"].includes(record.outcome);
  const node = h("details", { class: "case", "data-id": record.id },
    h("summary", {}, badge(record.outcome, calm),
      h("span", { class: "name" }, record.case, calm && h("span", { class: "mark" }, " † expected"),
        record.outcome === "match" && !record.ok && h("span", { class: "mark problem" }, " ‡ unexpected pass"),
        record.replayed && h("span", { class: "mark", title: "outputs replayed from the cache" }, " ↺")),
      h("span", { class: "stage" }, [record.level, record.stage].filter(Boolean).join(" · ")),
      h("span", { class: "what" }, record.line), meter(record.share, record.outcome === "match")));
  node.addEventListener("toggle", () => { if (node.open && node.children.length === 1) node.append(detail(record)); });
  return node;
}

function fillLane(node, records, shown) {
  const rows = node.querySelector(".rows");
  const next = Math.min(records.length, shown + CHUNK);
  rows.append(...records.slice(shown, next).map(caseNode));
  if (next === records.length) return;
  const left = records.length - next;
  const more = h("button", { type: "button", class: "more" }, `Show ${Math.min(CHUNK, left)} of ${left} more`);
  more.addEventListener("click", () => { more.remove(); fillLane(node, records, next); });
  rows.append(more);
}

function laneNode(index, records, open) {
  const lane = data.lanes[index];
  const matched = records.filter((record) => record.outcome === "match").length;
  const executed = records.filter((record) => record.outcome !== "unavailable").length;
  const bad = records.filter(fails).length;
  const node = h("details", { class: "lane", id: `route-${index}`, "data-lane": index },
    h("summary", {}, h("span", { class: "chain" }, lane.chain), h("span", { class: "route" }, lane.route),
      h("span", { class: "muted" }, `${matched}/${executed} match`), bad > 0 && h("span", { class: "say-bad" }, `${bad} failing`)),
    h("div", { class: "rows" }));
  node.addEventListener("toggle", () => { if (node.open && !node.querySelector(".rows").firstChild) fillLane(node, records, 0); });
  node.open = open;
  return node;
}

function fillPair(node) {
  const pair = Number(node.dataset.pair);
  const lanes = data.lanes.map((lane, index) => [index, lane.pair === pair ? byLane[index].filter(chosen) : []])
    .filter(([, records]) => records.length);
  const few = lanes.length < 3 || state.words.length > 0 || state.family;
  node.querySelector(".body").replaceChildren(...lanes.map(([index, records]) => laneNode(index, records, Boolean(few))));
}

const pairNodes = [...document.querySelectorAll("details.pair")];

function refresh() {
  const hits = data.pairs.map(() => 0);
  for (const record of data.records) if (chosen(record)) hits[data.lanes[record.lane].pair] += 1;
  const total = hits.reduce((sum, hit) => sum + hit, 0);
  const all = data.records.length;
  document.getElementById("shown").textContent = total === all ? `${total} cells` : `${total} of ${all} cells`;
  for (const node of pairNodes) {
    const hit = hits[Number(node.dataset.pair)];
    node.hidden = hit === 0;
    node.querySelector(".hits").textContent = total === all ? "" : `${hit} shown`;
    if (node.open) fillPair(node);
  }
  drawToggles();
}

function toggleButton(text, mark, set, outcome) {
  const on = set.has(text);
  const look = { type: "button", "aria-pressed": String(on), class: outcome && on ? `o-${text}` : "" };
  const button = h("button", look, mark && h("i", {}, mark), mark ? text : ` ${text}`);
  button.addEventListener("click", () => { if (!set.delete(text)) set.add(text); refresh(); });
  return button;
}

function drawToggles() {
  const focus = document.activeElement && document.activeElement.closest(".toggles") && document.activeElement.textContent;
  const outcomes = PRESENT.map((outcome) => toggleButton(outcome, data.glyphs[outcome], state.outcomes, true));
  document.getElementById("outcomes").replaceChildren(...outcomes);
  const levels = LEVELS.map((level) => toggleButton(level, "", state.levels, false));
  const drop = { click: () => { state.family = ""; refresh(); } };
  if (state.family) levels.push(h("button", { type: "button", class: "tag", on: drop }, ` family: ${state.family} ✕`));
  document.getElementById("levels").replaceChildren(...levels);
  if (focus) for (const button of document.querySelectorAll(".toggles button")) if (button.textContent === focus) button.focus();
}

function reset() {
  Object.assign(state, { words: [], outcomes: new Set(data.outcomes), levels: new Set(LEVELS), failing: false, family: "" });
  document.getElementById("q").value = "";
  document.getElementById("failing").checked = false;
}

function openPair(pair) {
  const node = pairNodes[pair];
  if (node.hidden) { reset(); refresh(); }
  if (!node.open) { node.open = true; }
  fillPair(node);
  return node;
}

function openLane(index) {
  openPair(data.lanes[index].pair);
  let node = document.getElementById(`route-${index}`);
  if (!node) {
    reset();
    refresh();
    openPair(data.lanes[index].pair);
    node = document.getElementById(`route-${index}`);
  }
  node.open = true;
  if (!node.querySelector(".rows").firstChild) fillLane(node, byLane[index].filter(chosen), 0);
  return node;
}

function openCell(record) {
  if (!chosen(record)) { reset(); refresh(); }
  const lane = openLane(record.lane);
  let node = null;
  while (!(node = [...lane.querySelectorAll(".case")].find((item) => item.dataset.id === record.id))) lane.querySelector(".more").click();
  node.open = true;
  document.querySelectorAll(".case.focus").forEach((item) => item.classList.remove("focus"));
  node.classList.add("focus");
  return node;
}

function follow() {
  const hash = location.hash;
  const number = Number(hash.split("-")[1]);
  let node = null;
  if (hash.startsWith("#pair-") && pairNodes[number]) node = openPair(number);
  else if (hash.startsWith("#route-") && data.lanes[number]) node = openLane(number);
  else if (hash.startsWith("#cell=")) {
    let id = hash.slice(6);
    try { id = decodeURIComponent(id); } catch { /* an id that was typed by hand */ }
    if (byId.has(id)) node = openCell(byId.get(id));
  } else if (/^#c\d+$/.test(hash) && data.records[hash.slice(2)]) node = openCell(data.records[hash.slice(2)]);
  else if (/^#m\d+(n\d+)?$/.test(hash)) node = openPart(hash.slice(1));
  if (node) node.scrollIntoView({ block: "start" });
}

if (pairNodes.length) {
  for (const node of pairNodes) node.addEventListener("toggle", () => { if (node.open && !node.querySelector(".lane")) fillPair(node); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    const family = link.dataset.family || "";
    if (family !== state.family) { state.family = family; refresh(); }
    if (link.getAttribute("href") === location.hash) { event.preventDefault(); follow(); }
  });
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  let wait = 0;
  document.getElementById("q").addEventListener("input", (event) => {
    clearTimeout(wait);
    wait = setTimeout(() => { state.words = words(event.target.value); refresh(); }, 120);
  });
  document.getElementById("failing").addEventListener("change", (event) => { state.failing = event.target.checked; refresh(); });
  document.getElementById("reset").addEventListener("click", () => { reset(); refresh(); });
  for (const block of document.querySelectorAll("#causes .repro")) block.replaceWith(repro(block.textContent));
  document.getElementById("filters").hidden = false;
  window.addEventListener("hashchange", follow);
  refresh();
  follow();
}
