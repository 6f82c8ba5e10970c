// The rows of the ranking: one element an account, kept while the account is on screen.

import { count, perThousand, short, rate, percent, age, REASONS } from "./format.js";
import { PARTS, RATES } from "./board.js";
import { settle, write } from "./motion.js";
import { Spark } from "./spark.js";

const rowTemplate = document.getElementById("row");
const rateTemplate = document.getElementById("rate");
const NAMES = { potential: "per 1,000 potential", followers: "per 1,000 followers" };

export class Row {
  constructor(account) {
    this.element = rowTemplate.content.firstElementChild.cloneNode(true);
    this.element.dataset.account = account.id;
    const find = (selector) => this.element.querySelector(selector);
    this.cells = {
      name: find("h3"), client: find(".client"), platform: find(".platform"),
      velocity: find(".pulse .figure"), interactions: find(".count .figure"),
      word: find(".word"), detail: find(".detail"),
      parts: PARTS.map((part) => [part, find(`[data-part=${part}]`)]),
      rates: Object.keys(RATES).map((name) => [name, rateCell(find(`[data-rate=${name}]`), name)]),
    };
    this.spark = new Spark(find(".spark"));
  }

  fill(account, status, client, scales) {
    const { cells, element } = this;
    const { figures } = account;
    write(cells.name, account.name);
    cells.name.title = account.id;
    write(cells.client, client?.name ?? account.client);
    write(cells.platform, account.platform);
    element.dataset.level = status.level;
    element.dataset.word = status.word;
    settle(cells.velocity, status.known ? figures.velocity?.value : null, rate);
    settle(cells.interactions, status.known ? figures.interactions.value : null, count);
    for (const [part, cell] of cells.parts) write(cell, short(status.known ? figures[part]?.value : null));
    for (const [name, cell] of cells.rates) fillRate(cell, figures[name], scales[name], status.known);
    write(cells.word, status.word || percent(status.coverage));
    write(cells.detail, status.detail ?? `${age(status.age)} old`);
  }

  pulse(nowMs, account, status) {
    const fresh = status.known && status.word !== "STALE";
    this.spark.push(nowMs, fresh ? account.figures.velocity?.value ?? null : null);
  }

  destroy() {
    this.spark.destroy();
    this.element.remove();
  }
}

function rateCell(element, name) {
  element.append(rateTemplate.content.cloneNode(true));
  element.querySelector("h4").textContent = NAMES[name];
  const find = (selector) => element.querySelector(selector);
  return {
    element, figure: find(".figure"), interval: find(".interval"), reason: find(".reason"),
    whisker: find(".whisker"), span: find(".span"), mark: find(".mark"),
  };
}

function fillRate(cell, entry, top, known) {
  const missing = !known || entry?.value == null;
  const bounded = !missing && entry.lo != null && entry.hi != null;
  cell.element.dataset.missing = known && missing ? "yes" : "no";
  const why = known && !bounded ? REASONS[entry?.reason] ?? "not measured" : "";
  write(cell.reason, why && !missing ? "no interval" : why);
  cell.reason.title = why;
  settle(cell.figure, missing ? null : entry.value, perThousand);
  write(cell.interval, bounded ? `${short(entry.lo)}–${short(entry.hi)}` : "");
  cell.whisker.hidden = !bounded;
  if (!bounded) return;
  // A root scale: small and large rates are both seen, and equal exposure draws about equal intervals.
  const at = (value) => `${(100 * Math.sqrt(Math.min(1, Math.max(0, value) / top))).toFixed(2)}%`;
  cell.span.style.left = at(entry.lo);
  cell.span.style.right = `calc(100% - ${at(entry.hi)})`;
  cell.span.classList.toggle("beyond", entry.hi > top);
  cell.mark.style.left = at(entry.value);
}

// One scale a column, so that whiskers compare down the screen. An interval far wider than every value is
// cut off there: one account that nobody follows must not flatten all others.
export function scalesOf(accounts, statuses) {
  const scales = {};
  for (const name of Object.keys(RATES)) {
    const entries = accounts
      .filter((it) => statuses.get(it).known)
      .map((it) => it.figures[name])
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
