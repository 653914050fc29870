"use strict";
// Everything shown is set as text or as an attribute value, never parsed as markup: records are untrusted.
const data = JSON.parse(document.getElementById("data").textContent);

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(4)) {
    if (child !== null && child !== undefined && child !== false && child !== "") node.append(child);
  }
  return node;
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function badge(outcome, calm) {
  return h("span", { class: `badge o-${outcome}${calm ? " calm" : ""}` }, h("i", { "aria-hidden": "true" }, data.glyphs[outcome]), outcome);
}

// Strict JSON has no NaN and no infinities; they travel as words.
function real(value) {
  if (typeof value === "number") return value;
  return new Map([["nan", NaN], ["inf", Infinity], ["-inf", -Infinity]]).get(value);
}

function number(value) {
  if (Array.isArray(value)) return `[${value.map(number).join(", ")}]`;
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return value === "inf" ? "∞" : value === "-inf" ? "−∞" : value === "nan" ? "NaN" : String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  const short = Number(value.toPrecision(size >= 1e-3 && size < 1e5 ? 4 : 3));
  return size >= 1e-3 && size < 1e5 ? String(short) : short.toExponential().replace("e+", "e");
}

function nearOne(value) {
  return typeof value === "number" && value < 1 && value > 0.99 ? `1 − ${(1 - value).toExponential(1)}` : number(value);
}

function times(share) {
  const used = real(share);
  if (used === undefined) return "";
  if (!Number.isFinite(used)) return "beyond any bound";
  if (used >= 1) return `${number(Number(used.toPrecision(3)))}× the bound`;
  return used >= 1e-4 ? `${(100 * used).toFixed(used < 0.01 ? 2 : 1)}% of the bound` : "under 0.01% of the bound";
}

// How much of the bound is used, on a logarithmic scale from 1/1000 to 1000 times; the tick is the bound itself.
function meter(share, ok) {
  const used = real(share);
  if (used === undefined) return h("span");
  const place = Number.isNaN(used) ? 1 : Math.min(1, Math.max(0.02, (Math.log10(Math.max(used, 1e-9)) + 3) / 6));
  const title = svg("title", {});
  title.textContent = times(share);
  return svg("svg", { class: "meter", viewBox: "0 0 86 10", role: "img" }, title,
    svg("rect", { class: "track", y: 3, width: 86, height: 4, rx: 2 }),
    svg("rect", { class: ok ? "in" : "out", y: 3, width: (86 * place).toFixed(1), height: 4, rx: 2 }),
    svg("rect", { class: "tick", x: 42.5, width: 1, height: 10 }));
}

function label(name) {
  return name.replaceAll("_", " ").replaceAll(".", ": ");
}

function shape(lengths) {
  const one = ([name, length]) => {
    if (name === "rung") return `rung ${number(length)}`;
    return name === "repeat" ? "repeated" : `${name}=${number(length)}`;
  };
  return Object.entries(lengths || {}).map(one).join(" ");
}

async function copy(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = h("textarea", { readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  button.textContent = done ? "Copied" : "Select and copy";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function repro(text) {
  const button = h("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", () => copy(text, button));
  return h("div", { class: "repro" }, h("code", {}, text), button);
}
