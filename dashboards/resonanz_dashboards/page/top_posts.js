// The posts behind a number: an account's own posts of the window with most interactions.

import { count, rate } from "./format.js";
import { FigureRow } from "./figure_row.js";
import { intervalText, newTable } from "./group_table.js";
import { arrange, make } from "./make.js";
import { write } from "./motion.js";
import { nice, spread } from "./scale.js";

const HEADS = ["Post", "Interactions", "Against earlier posts", "Times as many", "Covered"];

export class TopPosts {
  constructor() {
    const { body, element } = newTable("Posts", HEADS);
    this.body = body;
    this.element = element;
    this.rows = new Map();
    const why = make("td", "why");
    why.colSpan = HEADS.length;
    this.why = { element: make("tr", "", why), text: why };
  }

  // posts, reason: as the API has them.
  fill({ posts, reason }, catalogue) {
    const seen = posts.filter((it) => it.hi != null);
    const scale = spread(seen.map((it) => it.over_performance), nice(Math.max(0, ...seen.map((it) => it.hi))));
    const shown = posts.map((it) => {
      if (!this.rows.has(it.post)) this.rows.set(it.post, new FigureRow(it.post, "post"));
      const row = this.rows.get(it.post);
      const { over_performance: value, lo, hi } = it;
      row.fill({
        value: count(it.interactions), range: { value, lo, hi }, scale, interval: intervalText(it, ""),
        from: value == null ? "" : `${rate(value)} × ${rate(it.expected)}`, coverage: it.coverage,
        reason: value == null ? catalogue.sentence(it.reason) : "",
      });
      return row.element;
    });
    write(this.why.text, reason ? catalogue.sentence(reason) : "No posts are told of over this window.");
    arrange(this.body, shown.length ? shown : [this.why.element]);
  }
}
