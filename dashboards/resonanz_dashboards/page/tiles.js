// The headline numbers: all accounts shown, together.

import { PARTS, STALE_MS } from "./board.js";
import { age, count, rate, short, WINDOW_NAMES } from "./format.js";
import { settle, write } from "./motion.js";
import { Spark } from "./spark.js";

const MANY = 1000;
const tileOf = (name) => document.querySelector(`[data-tile=${name}]`);
const find = (name, selector) => tileOf(name).querySelector(selector);
const seconds = (s) => (s == null ? "–" : age(s * 1000));
const plain = (n) => count(n == null ? n : Math.round(n));

export const totalSpark = new Spark(find("velocity", ".spark"));

export function fillTiles({ sum }, all, window) {
  write(find("interactions", ".flag"), sum.partial ? "PARTIAL" : `in ${WINDOW_NAMES[window]}`);
  tileOf("interactions").dataset.level = sum.partial ? "warn" : "ok";
  settle(find("interactions", ".figure"), sum.interactions, count);
  for (const part of PARTS) write(find("interactions", `[data-part=${part}]`), short(sum.interactions == null ? null : sum[part]));

  settle(find("velocity", ".figure"), sum.velocity, rate);

  const lost = all - sum.live - sum.waiting;
  write(find("live", "h2"), all < MANY ? "Accounts live" : `Live of ${count(all)}`);
  settle(find("live", ".figure"), sum.live, plain);
  write(find("live", ".of"), all < MANY ? `/${all}` : "");
  note("live", sum.waiting ? "reading" : lost ? `${count(lost)} NOT LIVE` : "all of them", lost ? "bad" : "ok");

  const { worst } = sum;
  const words = [worst > STALE_MS ? "STALE" : null, sum.missing ? `${count(sum.missing)} NO DATA` : null].filter(Boolean);
  settle(find("worst", ".figure"), worst == null ? null : Math.round(worst / 1000), seconds);
  note("worst", words.join(" · ") || (worst == null ? "" : "fresh"), words.length ? "bad" : "ok");
}

function note(name, text, level) {
  write(find(name, ".note"), text);
  tileOf(name).dataset.level = level;
}
