// What one wants to know of an account first, in large: five numbers and what each one proves.

import { count, figure, share } from "./format.js";
import { intervalText } from "./group_table.js";
import { make } from "./make.js";
import { write } from "./motion.js";

const RATE = (kpi) => (find, sentence) => {
  const it = find(kpi);
  return [figure(it?.value, "per_1000"), it && (intervalText(it, "per_1000") || sentence(it))];
};

// Label, and from the rows: [figure, note, level].
const FACTS = [
  ["Interactions", (find) => [
    figure(find("interactions")?.value, ""),
    ["like", "comment", "share"].map((it) => `${count(find("interactions", it)?.value)} ${it}s`).join(", "),
  ]],
  ["per 1,000 potential", RATE("interactions_per_potential")],
  ["per 1,000 followers", RATE("engagement_rate_by_followers")],
  ["Answered in time", (find, sentence) => {
    const it = find("response_rate");
    if (it?.value == null) return ["–", it && sentence(it)];
    return [share(it.value), `${count(it.numerator)} of ${count(it.denominator)}`];
  }],
  ["Waiting", (find, sentence) => {
    const [it, late] = [find("backlog"), find("backlog", "sla_breaches")?.value];
    if (it?.value == null) return ["–", it && sentence(it)];
    const oldest = find("backlog", "oldest_age")?.value;
    const note = oldest == null ? "" : `oldest ${figure(oldest, "seconds")}`;
    return late ? [count(it.value), `${count(late)} past the SLA, ${note}`, "bad"] : [count(it.value), note];
  }],
];
const NOT_IN_WINDOW = "over 24 h, 7 and 28 days";

export class Facts {
  constructor(element) {
    this.tiles = FACTS.map(([label, read]) => {
      const [value, note] = [make("p", "figure"), make("p", "note")];
      const tile = make("article", "", make("h3", "", label), value, note);
      return { tile, value, note, read };
    });
    element.replaceChildren(...this.tiles.map((it) => it.tile));
  }

  fill(rows, catalogue) {
    const find = (kpi, part = null) => rows.find((it) => it.kpi === kpi && it.part === part);
    for (const { tile, value, note, read } of this.tiles) {
      const [text, said, level] = read(find, (it) => catalogue.sentence(it.reason));
      write(value, text);
      write(note, said ?? (rows.length ? NOT_IN_WINDOW : ""));
      tile.dataset.level = level ?? "ok";
    }
  }
}
