// Figures per hour of the client's day as small columns; whoever listens hears them as a list.

import { figure } from "./format.js";
import { make } from "./make.js";
import { write } from "./motion.js";

const HOURS = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, "0"));
const TICKS = ["00", "06", "12", "18"];

export class HoursRow {
  constructor(label) {
    this.top = make("p", "top");
    this.columns = new Map(HOURS.map((hour) => {
      const said = make("span", "said");
      const element = make("li", TICKS.includes(hour) ? "tick" : "", make("i"), said);
      element.dataset.hour = hour;
      return [hour, { element, said }];
    }));
    const head = make("th", "", make("span", "label", label), make("small", "note", "by the hour of the post"));
    head.scope = "row";
    const cell = make("td", "hours", this.top, make("ol", "", ...[...this.columns.values()].map((it) => it.element)));
    cell.colSpan = 4;
    this.element = make("tr", "part", head, cell);
  }

  fill(rows, unit) {
    const values = new Map(rows.map((it) => [it.part.slice(it.part.indexOf(":") + 1), it]));
    const top = Math.max(...rows.map((it) => it.value ?? 0));
    write(this.top, `up to ${figure(top, unit)}`);
    for (const [hour, { element, said }] of this.columns) {
      const row = values.get(hour);
      const text = row?.value == null ? "no post" : `${figure(row.value, unit)} of ${row.denominator}`;
      write(said, `${hour}:00 ${text}`);
      element.title = `${hour}:00 ${text}`;
      element.dataset.known = row?.value == null ? "no" : "yes";
      element.firstChild.style.height = `${row?.value == null || !top ? 0 : (100 * row.value) / top}%`;
    }
  }
}
