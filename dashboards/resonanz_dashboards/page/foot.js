// The last line: what does not fit is counted, and what is wrong is named, one after the other.

import { age, count } from "./format.js";
import { RANKS } from "./ranking.js";
import { write } from "./motion.js";

const TURN_MS = 5000;
const NAMED = 20;
const ORDER = ["PARTIAL", "STALE", "DOWN", "NO DATA"];

const $ = (id) => document.getElementById(id);

// Nothing hides below the edge.
export function fillRest(hidden, statuses) {
  const wrong = new Map();
  for (const it of hidden) {
    const { word, level } = statuses.get(it);
    if (word) wrong.set(word, { level, number: (wrong.get(word)?.number ?? 0) + 1 });
  }
  const parts = ORDER.filter((word) => wrong.has(word)).map((word) => {
    const part = document.createElement("b");
    part.dataset.level = wrong.get(word).level;
    part.textContent = `${count(wrong.get(word).number)} ${word}`;
    return part;
  });
  if (hidden.length) parts.unshift(`+${count(hidden.length)} more`);
  const pieces = parts.flatMap((it, i) => (i ? [" · ", it] : [it]));
  const text = pieces.map((it) => it.textContent ?? it).join("");
  if ($("rest").textContent !== text) $("rest").replaceChildren(...pieces);
}

// How to read the board, then each account that is hidden and not well, with its name.
export function fillSpotlight(hidden, statuses, rank, nowMs) {
  const wrong = hidden.filter((it) => statuses.get(it).word).slice(0, NAMED);
  const turn = Math.floor(nowMs / TURN_MS) % (wrong.length + 1);
  const line = $("spotlight");
  line.dataset.level = turn ? statuses.get(wrong[turn - 1]).level : "ok";
  if (!turn) {
    write(line, `ranked by ${RANKS[rank]} · bars: 95 % interval`);
    return;
  }
  const account = wrong[turn - 1];
  const { word, detail, age: old } = statuses.get(account);
  const [first, second] = line.children.length === 2 ? line.children : fresh(line);
  write(first, word);
  write(second, ` ${account.name} · ${account.platform} · ${detail ?? `${age(old)} old`}${word === "PARTIAL" ? " covered" : ""}`);
}

function fresh(line) {
  line.replaceChildren(document.createElement("b"), document.createElement("span"));
  return line.children;
}
