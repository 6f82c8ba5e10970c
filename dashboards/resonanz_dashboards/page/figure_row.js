// One figure of an account as a row of a table: value, interval, what it was computed from, coverage.

import { COMPLETE } from "./board.js";
import { percent } from "./format.js";
import { make } from "./make.js";
import { write } from "./motion.js";
import { drawRange } from "./scale.js";

export const HEADS = ["Figure", "Value", "95 % interval", "Computed from", "Covered"];

export class FigureRow {
  constructor(label, kind) {
    const [bar, span, mark] = ["bar", "span", "mark"].map((it) => make("i", it));
    const cells = {
      label: make("span", "label", label), meant: make("small", "meant"), note: make("small", "note"), value: make("b"), unit: make("small"),
      whisker: make("div", "whisker", bar, span, mark), bar, span, mark,
      interval: make("span", "interval"), method: make("small", "method"), from: make("td", "from"), word: make("b", "word"), covered: make("span"),
    };
    const head = make("th", "", cells.label, cells.meant, cells.note);
    head.scope = "row";
    cells.label.title = label;
    cells.whisker.setAttribute("aria-hidden", "true");
    this.cells = cells;
    this.element = make(
      "tr", kind, head, make("td", "value", cells.value, " ", cells.unit),
      make("td", "range", cells.whisker, cells.interval, " ", cells.method), cells.from, make("td", "covered", cells.covered, " ", cells.word),
    );
  }

  // it: {meant, note, value, unit, range: {value, lo, hi}, scale, interval, from, coverage, reason, bar}; texts but for
  // range, scale and coverage. ``meant``: the formula, ``of``: what the numbers in ``from`` are, ``method``: whose interval it is. ``reason``: a sentence in the place of the interval.
  fill(it) {
    const { cells, element } = this;
    write(cells.meant, it.meant ?? "");
    write(cells.note, it.note ?? "");
    write(cells.value, it.value);
    write(cells.unit, it.unit ?? "");
    drawRange({ ...cells, bar: it.bar ? cells.bar : null }, it.range, it.scale);
    cells.bar.hidden = !it.bar;
    write(cells.interval, it.reason || it.interval);
    write(cells.method, it.interval && !it.reason ? it.method ?? "" : "");
    cells.interval.classList.toggle("reason", Boolean(it.reason));
    write(cells.from, it.from);
    cells.from.title = it.of ?? "";
    const partial = it.coverage != null && it.coverage < COMPLETE;
    write(cells.covered, it.coverage == null ? "" : percent(it.coverage));
    write(cells.word, partial ? "PARTIAL" : "");
    element.dataset.level = partial ? "warn" : "ok";
  }
}
