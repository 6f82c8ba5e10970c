// The rows of the ranking: one element an account, kept while the account is on screen.

import { count, short, rate, percent, age, REASONS } from "./format.js";
import { RATES, entryOf, velocityOf } from "./board.js";
import { settle } from "./motion.js";

const rowTemplate = document.getElementById("row");
const rateTemplate = document.getElementById("rate");
const NAMES = { potential: "per 1,000 potential", followers: "per 1,000 followers" };

export function makeRow(account) {
  const element = rowTemplate.content.firstElementChild.cloneNode(true);
  element.dataset.account = account.id;
  for (const cell of element.querySelectorAll(".rate")) {
    cell.append(rateTemplate.content.cloneNode(true));
    cell.querySelector("h4").textContent = NAMES[cell.dataset.rate];
  }
  return { element, chart: null, drawn: 0 };
}

export function dropRow(row) {
  row.chart?.destroy();
  row.element.remove();
}

export function fillRow(row, account, board, window, scales) {
  const find = (selector) => row.element.querySelector(selector);
  const status = board.status(account, window);
  const client = board.clients.get(account.client);
  find(".who h3").textContent = account.handle ?? account.id.slice(account.id.indexOf(":") + 1);
  find(".client").textContent = client?.name ?? account.client;
  find(".platform").textContent = account.platform;
  row.element.dataset.level = status.level;
  row.element.dataset.word = status.word;
  const known = account.at != null && status.word !== "NO DATA";
  fillPulse(row, account, known);
  settle(find(".count .figure"), known ? entryOf(account, window, "interactions")?.value : null, count);
  for (const part of ["like", "comment", "share"]) {
    const value = known ? entryOf(account, window, "interactions", part)?.value : null;
    find(`[data-part=${part}]`).textContent = short(value);
  }
  for (const [name, kpi] of Object.entries(RATES)) {
    fillRate(find(`[data-rate=${name}]`), known ? entryOf(account, window, kpi) : null, scales[name], known);
  }
  fillState(find(".state"), status);
}

function fillState(cell, status) {
  cell.querySelector(".word").textContent = status.word || percent(status.coverage);
  const detail = status.age != null ? `${age(status.age)} old` : status.detail;
  cell.querySelector(".detail").textContent =
    detail ?? (status.word ? `${percent(status.coverage)} covered` : "covered");
}

function fillRate(cell, entry, top, known) {
  const missing = entry?.value == null;
  cell.dataset.missing = missing ? "yes" : "no";
  cell.querySelector(".reason").textContent = missing && known ? REASONS[entry?.reason] ?? "not measured" : "";
  cell.querySelector(".figure").textContent = missing ? "" : rate(entry.value);
  const bounded = !missing && entry.lo != null && entry.hi != null;
  cell.querySelector(".interval").textContent = bounded ? `${short(entry.lo)}–${short(entry.hi)}` : "";
  const whisker = cell.querySelector(".whisker");
  whisker.hidden = !bounded;
  if (!bounded) return;
  // A root scale: small and large rates are both seen, and equal exposure draws about equal intervals.
  const at = (value) => `${100 * Math.sqrt(Math.min(1, Math.max(0, value) / top))}%`;
  const [span, dot] = whisker.children;
  span.style.left = at(entry.lo);
  span.style.right = `calc(100% - ${at(entry.hi)})`;
  // What runs off the scale ends in an arrow instead of a cap.
  span.classList.toggle("beyond", entry.hi > top);
  dot.style.left = at(entry.value);
}

function fillPulse(row, account, known) {
  const cell = row.element.querySelector(".pulse");
  const velocity = known ? velocityOf(account) : null;
  cell.querySelector(".figure").textContent = velocity == null ? "–" : `${rate(velocity)}/min`;
  const spark = cell.querySelector(".spark");
  const [times] = account.history;
  spark.hidden = times.length < 2;
  if (spark.hidden || !spark.clientWidth) return;
  const size = { width: spark.clientWidth, height: spark.clientHeight };
  row.chart ??= chartIn(spark, size, account.history);
  if (row.chart.width !== size.width || row.chart.height !== size.height) row.chart.setSize(size);
  if (row.drawn !== times.at(-1)) row.chart.setData(account.history);
  row.drawn = times.at(-1);
}

function chartIn(parent, size, history) {
  const ink = getComputedStyle(parent).color;
  const width = Math.max(1.5, 0.04 * parseFloat(getComputedStyle(parent).height));
  return new uPlot({
    ...size,
    padding: [4, 2, 4, 2],
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: (_, first, last) => [Math.min(first, last - 60), last] },
      y: { range: (_, low, high) => [0, Math.max(high * 1.05, 0.1)] },
    },
    series: [{}, { stroke: ink, width, fill: "rgb(255 255 255 / 10%)", points: { show: false } }],
  }, history, parent);
}

// One scale a column, so that whiskers compare down the screen. An interval far wider than every value is
// cut off there: one account that nobody follows must not flatten all others.
export function scalesOf(accounts, board, window) {
  const scales = {};
  for (const [name, kpi] of Object.entries(RATES)) {
    const entries = accounts
      .filter((it) => board.status(it, window).word !== "NO DATA")
      .map((it) => entryOf(it, window, kpi))
      .filter((it) => it?.value != null);
    const value = Math.max(0, ...entries.map((it) => it.value));
    const high = Math.max(0, ...entries.map((it) => it.hi ?? it.value));
    scales[name] = nice(value > 0 ? Math.min(high, 2 * value) : high);
  }
  return scales;
}

function nice(top) {
  if (!(top > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  return power * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= top * 0.999);
}
