// The tree of each model is there without this script; the filter and links into it are not.
const parts = { nodes: null, open: null };

// What each row can be found by: its path and words, the words of its verdicts, and the paths of what is inside but not shown.
function partNodes() {
  if (parts.nodes) return parts.nodes;
  parts.open = new Map([...document.querySelectorAll("#models details")].map((node) => [node, node.open]));
  parts.nodes = [...document.querySelectorAll(".tree li")].map((node) => {
    const row = node.firstElementChild.tagName === "DIV" ? node.firstElementChild : node.firstElementChild.firstElementChild;
    const name = row.querySelector("b");
    const paths = (name.title || name.textContent).toLowerCase().split(", ");
    const said = [...row.querySelectorAll(".v a")].map((link) => link.getAttribute("aria-label"));
    const failing = row.querySelector(".v a:not(.o-match, .calm, .o-unavailable), .v a[aria-label*=unexpected]") !== null;
    const folded = row.querySelector("em a") !== null;
    return { node, paths, folded, failing, text: [...paths, row.textContent, ...said].join(" ").toLowerCase() };
  });
  return parts.nodes;
}

function filterParts() {
  const words = document.getElementById("part").value.toLowerCase().split(/\s+/).filter(Boolean);
  const failing = document.getElementById("part-failing").checked;
  const nodes = partNodes();
  const wanted = words.length > 0 || failing;
  const keep = new Set();
  let hits = 0;
  for (const part of nodes) {
    const hit = (!failing || part.failing)
      && words.every((word) => part.text.includes(word) || (part.folded && part.paths.some((path) => word.startsWith(`${path}.`) || word.startsWith(`${path}+`))));
    hits += hit;
    for (let node = part.node; wanted && hit && node && !keep.has(node); node = node.parentElement.closest("li, details.model")) keep.add(node);
  }
  for (const { node } of nodes) node.hidden = wanted && !keep.has(node);
  for (const [details, open] of parts.open) {
    if (details.matches(".model")) details.hidden = wanted && !keep.has(details);
    if (!details.matches(".quiet")) details.open = wanted ? details.querySelector(".tree li:not([hidden]), li:not([hidden])") !== null : open;
  }
  document.getElementById("parts-shown").textContent = wanted ? `${hits} of ${nodes.length} rows` : `${nodes.length} rows`;
}

function clearParts() {
  document.getElementById("part").value = "";
  document.getElementById("part-failing").checked = false;
  filterParts();
}

function openPart(id) {
  const node = document.getElementById(id);
  if (!node) return null;
  if (node.hidden || node.closest("[hidden]")) clearParts();
  for (let around = node; around; around = around.parentElement && around.parentElement.closest("details")) {
    if (around.tagName === "DETAILS") around.open = true;
  }
  document.querySelectorAll(".tree .focus").forEach((item) => item.classList.remove("focus"));
  if (node.tagName === "LI") node.classList.add("focus");
  return node;
}

function readyParts() {
  const section = document.getElementById("models");
  if (!section) return;
  const form = document.getElementById("parts");
  let wait = 0;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(filterParts, 120); });
  // The number of a route stands for its name; who points at a verdict is told both.
  section.addEventListener("mouseover", (event) => {
    const link = event.target.closest(".v a");
    if (!link || link.title) return;
    const record = data.records[Number(link.hash.slice(2))];
    if (record) link.title = `${link.getAttribute("aria-label")}: ${data.lanes[record.lane].route}`;
  });
  form.hidden = false;
}

readyParts();
