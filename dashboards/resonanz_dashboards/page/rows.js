// The rows of the ranking: one element an account, kept while the account is on screen.

import { count, perThousand, short, rate, percent, age } from "./format.js";
import { addressOf, wanted } from "./asked.js";
import { answeredIn, PARTS, RATES } from "./board.js";
import { settle, write } from "./motion.js";
import { shortReason } from "./reasons.js";
import { drawRange, linear, nice, spread } from "./scale.js";
import { Spark } from "./spark.js";

const rowTemplate = document.getElementById("row");
const rateTemplate = document.getElementById("rate");
const NAMES = { potential: "per 1,000 potential", followers: "per 1,000 followers" };
const FORMATS = { potential: perThousand, followers: perThousand, response: percent };

export class Row {
  constructor(account) {
    this.element = rowTemplate.content.firstElementChild.cloneNode(true);
    this.element.dataset.account = account.id;
    this.element.querySelector("h3 a").href = addressOf(account.subject ?? { account: account.id });
    const find = (selector) => this.element.querySelector(selector);
    this.cells = {
      name: find("h3 a"), client: find(".client"), platform: find(".platform"),
      velocity: find(".pulse .figure"), interactions: find(".count .figure"),
      word: find(".word"), unit: find(".state em"), detail: find(".detail"),
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
    write(cells.word, status.text ?? (status.word || percent(status.coverage)));
    write(cells.unit, status.unit ?? " covered");
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
  const find = (selector) => element.querySelector(selector);
  return {
    name, element, head: find("h4"), figure: find(".figure"), interval: find(".interval"), reason: find(".reason"),
    whisker: find(".whisker"), span: find(".span"), mark: find(".mark"),
  };
}

function fillRate(cell, entry, scale, known) {
  write(cell.head, NAMES[cell.name] ?? answeredIn(wanted.window));
  const missing = !known || entry?.value == null;
  const bounded = !missing && entry.lo != null && entry.hi != null;
  cell.element.dataset.missing = known && missing ? "yes" : "no";
  const why = known && !bounded ? shortReason(entry?.reason) : "";
  write(cell.reason, why && !missing ? "no interval" : why);
  cell.reason.title = why;
  settle(cell.figure, missing ? null : entry.value, FORMATS[cell.name]);
  write(cell.interval, bounded ? interval(entry, cell.name) : "");
  drawRange(cell, bounded ? entry : { value: null }, scale);
}

const interval = ({ lo, hi }, name) =>
  name === "response" ? `${Math.round(100 * lo)}–${Math.round(100 * hi)} %` : `${short(lo)}–${short(hi)}`;

// One scale a column, so that whiskers compare down the screen. An interval far wider than every value is
// cut off there: one account that nobody follows must not flatten all others.
export function scalesOf(accounts, statuses) {
  const scales = {};
  for (const name of Object.keys(RATES)) {
    const entries = accounts
      .filter((it) => statuses.get(it).known)
      .map((it) => it.figures[name])
      .filter((it) => it?.value != null);
    const values = entries.map((it) => it.value);
    const value = Math.max(0, ...values);
    const high = Math.max(0, ...entries.map((it) => it.hi ?? it.value));
    scales[name] = name === "response" ? linear(1) : spread(values, nice(value > 0 ? Math.min(high, 10 * value) : high));
  }
  return scales;
}
