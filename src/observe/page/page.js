// The table of charts. Everything that comes from the status goes in as text, never as markup.
"use strict";

const PERIOD = 5000;
const MOST_ROWS = 500;
const SEVERITY = ["Stalled", "Failing", "Stale", "Rolled back", "Pending", "Ready", "Suspended"];

const element = (id) => document.getElementById(id);
const body = element("charts");
const headers = [...document.querySelectorAll("thead th")];
const rows = new Map();
const view = {charts: [], sort: "state", descending: false, all: false, tag: "", announced: ""};

function condition(chart, type) {
  return (chart.conditions || []).find((each) => each.type === type) || {};
}

function stateOf(chart) {
  if (chart.suspended) return "Suspended";
  if (condition(chart, "Stalled").status === "True") return "Stalled";
  if (chart.reason === "RolledBack") return "Rolled back";
  if (chart.reason) return condition(chart, "Ready").status === "True" ? "Stale" : "Failing";
  return condition(chart, "Ready").status === "True" ? "Ready" : "Pending";
}

// A span of time as a person would say it; `then` is RFC 3339 or absent.
function relative(then) {
  const seconds = Math.round((Date.parse(then) - Date.now()) / 1000);
  const size = Math.abs(seconds);
  const [amount, unit] = size < 100 ? [size, "s"] : size < 5940 ? [Math.round(size / 60), "min"]
    : size < 172800 ? [Math.round(size / 3600), "h"] : [Math.round(size / 86400), "days"];
  return seconds > 0 ? `in ${amount} ${unit}` : `${amount} ${unit} ago`;
}

const natural = new Intl.Collator(undefined, {numeric: true});
const SORT_KEYS = {
  name: (chart) => chart.name,
  state: (chart) => String(SEVERITY.indexOf(stateOf(chart))),
  version: (chart) => chart.version || "",
  digest: (chart) => chart.digest || "",
  success: (chart) => chart.lastSuccess || "",
  next: (chart) => chart.nextAttempt || "",
  error: (chart) => (chart.reason ? `${chart.reason} ${chart.message || ""}` : ""),
};

// Charts without a value stand last, whichever way the others are sorted.
function compare(a, b) {
  const [x, y] = [SORT_KEYS[view.sort](a), SORT_KEYS[view.sort](b)];
  if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
  const order = natural.compare(x, y);
  return (view.descending ? -order : order) || natural.compare(a.name, b.name);
}

function matches(chart) {
  if (element("problems").checked && ["Ready", "Suspended"].includes(stateOf(chart))) return false;
  const text = [chart.name, chart.ref, chart.range, chart.version, chart.digest, stateOf(chart),
    chart.state, chart.reason, chart.message].join("\n").toLowerCase();
  return element("search").value.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function make(tag, parent, attributes = {}) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function newRow() {
  const row = document.createElement("tr");
  row.setAttribute("role", "row");
  const name = make("th", row, {role: "rowheader", scope: "row"});
  const cells = headers.slice(1).map((header) =>
    make("td", row, {role: "cell", "data-label": header.textContent.trim()}));
  return {row, name: make("span", name), ref: make("small", name), cells,
          state: make("span", cells[0], {class: "state"})};
}

function showTime(cell, time) {
  if (!time) return cell.replaceChildren();
  const node = cell.firstChild || make("time", cell);
  node.dateTime = time;
  node.title = time;
  setText(node, relative(time));
}

function showDigest(cell, digest) {
  if (!digest) return cell.replaceChildren();
  const node = cell.firstChild || make("code", cell);
  node.title = digest;
  setText(node, digest.replace(/^(sha\d+:.{12}).*$/, "$1…"));
}

function showError(cell, chart) {
  if (!chart.reason) return cell.replaceChildren();
  if (!cell.firstChild) {
    const details = make("details", cell);
    make("summary", details);
    make("p", details);
  }
  const tries = chart.consecutiveFailures > 1 ? ` (${chart.consecutiveFailures} times)` : "";
  setText(cell.querySelector("summary"), chart.reason + tries);
  setText(cell.querySelector("p"), chart.message || "");
}

function fill(entry, chart) {
  const state = stateOf(chart);
  const optional = chart.required === false ? " (optional)" : "";
  setText(entry.name, chart.name + optional);
  setText(entry.ref, chart.ref.replace(/^oci:\/\//, "") + (chart.range ? ` ${chart.range}` : ""));
  setText(entry.state, state);
  entry.state.dataset.state = state;
  entry.state.title = chart.state;
  setText(entry.cells[1], chart.version || "");
  showDigest(entry.cells[2], chart.digest);
  showTime(entry.cells[3], chart.lastSuccess);
  showTime(entry.cells[4], chart.nextAttempt);
  showError(entry.cells[5], chart);
}

// Rows are kept by name, so what is open, selected or focused stays so.
function draw() {
  const found = view.charts.filter(matches).sort(compare);
  const shown = view.all ? found : found.slice(0, MOST_ROWS);
  const wanted = shown.map((chart) => {
    if (!rows.has(chart.name)) rows.set(chart.name, newRow());
    const entry = rows.get(chart.name);
    fill(entry, chart);
    return entry.row;
  });
  if (wanted.length !== body.children.length || wanted.some((row, i) => row !== body.children[i])) {
    const focused = document.activeElement;
    body.replaceChildren(...wanted);
    if (focused !== document.activeElement && focused.isConnected) focused.focus({preventScroll: true});
  }
  const names = new Set(view.charts.map((chart) => chart.name));
  for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
  setText(element("shown"), shown.length === view.charts.length ? ""
    : `${shown.length} of ${view.charts.length} charts shown`);
  element("more").hidden = shown.length === found.length;
  for (const header of headers) {
    const sorted = header.firstElementChild.dataset.key === view.sort;
    if (sorted) header.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
    else header.removeAttribute("aria-sort");
  }
}

function announce(text) {
  if (text !== view.announced) setText(element("live"), text);
  view.announced = text;
}

function summarise(charts) {
  const counts = SEVERITY.map((state) => [state, charts.filter((chart) => stateOf(chart) === state).length]);
  const parts = counts.filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state.toLowerCase()}`);
  return `${charts.length} ${charts.length === 1 ? "chart" : "charts"}${parts.length ? ": " : ""}${parts.join(", ")}`;
}

function notice(text) {
  setText(element("notice"), text);
  element("notice").hidden = text === "";
}

function take(status) {
  view.charts = status.charts || [];
  setText(element("owner"), status.metadata ? status.metadata.name : "");
  const summary = summarise(view.charts);
  setText(element("summary"), summary);
  announce(summary);
  const reload = status.reload || {};
  notice(status.stopping ? "The sidecar is stopping."
    : reload.successful === false ? `The new spec was refused, the old one is followed: ${reload.message || ""}` : "");
}

async function refresh() {
  try {
    const headers = view.tag ? {"If-None-Match": view.tag} : {};
    const answer = await fetch("status", {cache: "no-store", headers, signal: AbortSignal.timeout(2 * PERIOD)});
    if (answer.status === 200) {
      take(await answer.json());
      view.tag = answer.headers.get("ETag") || "";
    } else if (answer.status !== 304) {
      throw new Error(`HTTP ${answer.status}`);
    }
  } catch (error) {
    view.tag = "";
    notice(`The status cannot be read (${error.message}); this is how things stood before.`);
  }
  draw();
}

async function keepFresh() {
  if (element("refresh").checked && !document.hidden) await refresh();
  else draw();
  setTimeout(keepFresh, PERIOD);
}

for (const header of headers)
  header.firstElementChild.addEventListener("click", (event) => {
    const key = event.currentTarget.dataset.key;
    view.descending = key === view.sort && !view.descending;
    view.sort = key;
    draw();
  });
element("tools").addEventListener("submit", (event) => event.preventDefault());
element("tools").addEventListener("input", () => {
  draw();
  announce(element("shown").textContent || summarise(view.charts));
});
element("more").addEventListener("click", () => {
  view.all = true;
  draw();
});
keepFresh();
