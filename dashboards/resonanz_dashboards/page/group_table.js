// A group of KPIs as a table: each KPI, its parts below it, topics and venues as bars, hours as columns.

import { count, figure, rate, UNIT_NAMES } from "./format.js";
import { FigureRow, HEADS } from "./figure_row.js";
import { kpiName, partName } from "./catalogue.js";
import { HoursRow } from "./hours.js";
import { arrange, gathered, make } from "./make.js";
import { write } from "./motion.js";
import { linear, nice, spread } from "./scale.js";

const LISTED_ELSEWHERE = "post:";
const HOUR = "hour:";
const OTHER = "other";
const BARS = ["topic", "venue", "brand", "signal"];

const number = (n) => (Number.isInteger(n) ? count(n) : rate(n));
const highest = (rows) => Math.max(0, ...rows.map((it) => it.hi ?? it.value ?? 0));
const headOf = (part) => part.slice(0, part.indexOf(":"));

export function newTable(title, heads = HEADS) {
  const cells = heads.map((text) => {
    const cell = make("th", "", text);
    cell.scope = "col";
    return cell;
  });
  const body = make("tbody");
  return { body, element: make("table", "figures", make("caption", "", title), make("thead", "", make("tr", "", ...cells)), body) };
}

export class GroupTable {
  constructor(title) {
    const { body, element } = newTable(title);
    this.body = body;
    this.element = element;
    this.rows = new Map();
    const why = make("td", "why");
    why.colSpan = HEADS.length;
    this.why = { element: make("tr", "", why), text: why };
  }

  // group: see Catalogue.grouped; asOf(id, row): when a figure is from, "" if it is live.
  fill({ kpis, why }, catalogue, asOf) {
    write(this.why.text, why);
    const scales = scalesOf(kpis, catalogue);
    const shown = kpis.flatMap(([id, rows]) => this.#kpi(id, rows, scales, catalogue, asOf));
    arrange(this.body, why ? [this.why.element] : shown);
  }

  #kpi(id, rows, scales, catalogue, asOf) {
    const plain = rows.filter((it) => shapeOf(it, catalogue) === "plain");
    const hours = rows.filter((it) => shapeOf(it, catalogue) === "hour");
    const bars = rows.filter((it) => shapeOf(it, catalogue) === "bar").sort(byLength);
    const shown = plain.map((it) => this.#row(id, it, scales.get(catalogue.unit(id, it.part)), catalogue, asOf));
    if (hours.length) {
      const row = this.#kept(`${id}|${HOUR}`, () => new HoursRow(kpiName(id)));
      row.fill(hours, catalogue.unit(id, null));
      shown.push(row.element);
    }
    const tops = gathered(bars, (it) => headOf(it.part));
    for (const it of bars) {
      const scale = linear(nice(highest(tops.get(headOf(it.part)))));
      shown.push(this.#row(id, it, scale, catalogue, asOf, true));
    }
    return shown;
  }

  #row(id, it, scale, catalogue, asOf, bar = false) {
    const label = it.part == null ? kpiName(id) : partName(it.part, id);
    const kind = it.part == null ? "whole" : bar ? "part bar" : "part";
    const row = this.#kept(`${id}|${it.part ?? ""}`, () => new FigureRow(label, kind));
    row.element.dataset.kpi = id;
    const meaning = it.part == null ? { ...catalogue.meaning(id), note: asOf(id, it) } : {};
    row.fill({ ...texts(it, catalogue), ...meaning, scale, bar });
    return row.element;
  }

  #kept(key, create) {
    if (!this.rows.has(key)) this.rows.set(key, create());
    return this.rows.get(key);
  }
}

// Most first; what is left over, last.
const byLength = (a, b) =>
  a.part.endsWith(`:${OTHER}`) - b.part.endsWith(`:${OTHER}`) || b.value - a.value || (a.part < b.part ? -1 : 1);

function shapeOf({ kpi, part }, catalogue) {
  if (part?.startsWith(LISTED_ELSEWHERE)) return "listed elsewhere";
  if (part?.startsWith(HOUR)) return "hour";
  if (!part?.includes(":")) return "plain";
  return BARS.includes(headOf(part)) || catalogue.unit(kpi, null) === "share" ? "bar" : "plain";
}

// One scale for all of a unit, so that they compare down the table.
function scalesOf(kpis, catalogue) {
  const plain = kpis.flatMap(([, rows]) => rows).filter((it) => shapeOf(it, catalogue) === "plain" && it.lo != null);
  const units = gathered(plain, (it) => catalogue.unit(it.kpi, it.part));
  return new Map([...units].map(([unit, rows]) =>
    [unit, unit === "share" ? linear(1) : spread(rows.map((it) => it.value), nice(highest(rows)))]));
}

export function intervalText({ lo, hi }, unit) {
  if (lo == null || hi == null) return "";
  return unit === "share" ? `${figure(lo, unit).replace(" %", "")}–${figure(hi, unit)}` : `${figure(lo, unit)}–${figure(hi, unit)}`;
}

function texts(it, catalogue) {
  const unit = catalogue.unit(it.kpi, it.part);
  return {
    value: figure(it.value, unit), unit: it.value == null ? "" : UNIT_NAMES[unit] ?? "", range: it,
    interval: intervalText(it, unit), from: computedFrom(it, unit), coverage: it.coverage,
    reason: it.value == null || (it.reason && it.lo == null) ? catalogue.sentence(it.reason) : "",
  };
}

function computedFrom({ numerator, denominator, value }, unit) {
  const told = numerator === value && (unit === "" || unit === "seconds"); // the value itself
  if (numerator == null || told) return denominator == null ? "" : `of ${number(denominator)}`;
  return denominator == null ? number(numerator) : `${number(numerator)} / ${number(denominator)}`;
}
