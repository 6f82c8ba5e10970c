// What the wall tells of its KPIs and reasons. A figure of which it tells nothing is shown all the same.

import { WINDOW_NAMES, words } from "./format.js";
import { gathered } from "./make.js";

const CUSTOM = "custom";
const FURTHER = "Further KPIs";
const PART_NAMES = {
  like: "likes", comment: "comments", share: "shares", p90: "90 % within", p95: "95 % within", sla_breaches: "SLA breaches",
};

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const kpiName = (id) => upper(words(id));

// In topic_share the part topic:bread is just bread.
export function partName(part, kpi) {
  const [head, ...rest] = part.split(":");
  if (rest.length && kpi.startsWith(head)) return rest.join(":");
  const name = PART_NAMES[head] ?? words(head);
  return rest.length ? `${name}: ${PART_NAMES[rest.join(":")] ?? rest.join(":")}` : name;
}

export class Catalogue {
  // told: what /api/v1/kpis answers.
  constructor({ kpis, reasons }) {
    this.kpis = new Map(kpis.map((it) => [it.kpi, it]));
    this.reasons = reasons;
    this.groups = [...new Set(kpis.map((it) => it.group))].filter((it) => it && it !== CUSTOM);
  }

  // Parts of an age are seconds, whatever the unit of the whole. A ratio is a share of a whole where its interval is
  // Wilson's; others may exceed 1.
  unit(kpi, part) {
    if (part?.endsWith("_age")) return "seconds";
    const { unit = "", interval } = this.kpis.get(kpi) ?? {};
    return unit === "ratio" && interval === "Wilson" ? "share" : unit;
  }

  // meant: the formula; of: what numerator and denominator are; method: whose interval it is.
  meaning(kpi) {
    const { formula = "", numerator = "", denominator = "", interval = "" } = this.kpis.get(kpi) ?? {};
    return { meant: formula, of: [numerator, denominator].filter(Boolean).join(" / "), method: interval };
  }

  sentence(reason) {
    if (reason == null) return "Not measured.";
    const why = Object.hasOwn(this.reasons, reason) ? this.reasons[reason] : words(reason);
    return `${upper(why)}.`;
  }

  // [{title, kpis: [[id, rows]], why}] in the groups' order; ``why``: why a group has none over this window.
  grouped(rows, window) {
    const found = gathered([...gathered(rows, (it) => it.kpi)], ([id]) => this.#group(id));
    return [...this.groups, CUSTOM].filter((it) => found.has(it) || it !== CUSTOM).map((group) => ({
      title: group === CUSTOM ? FURTHER : upper(group),
      kpis: found.get(group) ?? [],
      why: found.has(group) ? "" : this.#absent(group, window),
    }));
  }

  #group(id) {
    const group = this.kpis.get(id)?.group;
    return this.groups.includes(group) ? group : CUSTOM;
  }

  #absent(group, window) {
    const its = [...this.kpis.values()].filter((it) => it.group === group);
    const windows = Object.keys(WINDOW_NAMES).filter((name) => its.some((it) => it.windows.includes(name)));
    return windows.includes(window) ? "Not computed yet." : `Over ${windows.map((it) => WINDOW_NAMES[it]).join(", ")} only.`;
  }
}
