// Clients in the place of accounts: what all accounts of each are together, as the wall adds them up. One client is
// asked for after the other, and all of them again after a while.

import { wanted } from "./asked.js";
import { COMPLETE, deepWindow, figures, figuresOf } from "./board.js";
import { accounts as accountsOf, count, percent } from "./format.js";
import { json } from "./stream.js";

const PAUSE_MS = 15_000;
const ANSWER_MS = 15_000;

export class Clients {
  // changed: called when there is something new to show.
  constructor(board, changed) {
    this.board = board;
    this.changed = changed;
    this.answers = new Map();
    this.round = 0;
    this.key = null;
  }

  // Ask for what is chosen now, or stop asking.
  follow() {
    const key = wanted.rank === "clients" ? JSON.stringify([wanted.window, wanted.platform, this.#ids()]) : null;
    if (key === this.key) return;
    this.clear();
    this.key = key;
    if (key != null) this.#ask(this.round);
  }

  clear() {
    this.answers = new Map();
    this.round += 1;
    this.key = null;
    clearTimeout(this.timer);
  }

  // Rows as those of accounts: late answers first, then who waits. A client without an answer yet stands last.
  shown() {
    const items = this.#ids().map((id) => item(this.board.clients.get(id), this.answers.get(id)));
    items.sort((a, b) => b.late - a.late || b.waiting - a.waiting || (a.name < b.name ? -1 : 1));
    return { items, statuses: new Map(items.map((it) => [it, it.status])) };
  }

  #ids() {
    const { client, platform } = wanted;
    return [...this.board.clients.values()]
      .filter((it) => (!client || it.client === client) && (!platform || it.platforms.includes(platform)))
      .map((it) => it.client);
  }

  async #ask(round) {
    const query = new URLSearchParams(wanted.platform && { platform: wanted.platform });
    for (const it of [...figuresOf(wanted.window), `${deepWindow(wanted.window)}/backlog`]) query.append("kpi", it);
    for (const id of this.#ids()) {
      const path = `api/v1/clients/${encodeURIComponent(id)}/kpis?${query}`;
      const answer = await json(path, AbortSignal.timeout(ANSWER_MS)).catch(() => null); // the stream says what is wrong
      if (round !== this.round) return;
      if (answer) this.answers.set(id, answer);
      this.changed();
    }
    this.timer = setTimeout(() => this.#ask(round), PAUSE_MS);
  }
}

function item(client, answer) {
  const rows = answer?.kpis ?? [];
  const waiting = (part) => rows.find((it) => it.kpi === "backlog" && it.part === part)?.value;
  const told = figures(rows);
  const partial = answer && answer.state !== "ok" ? `${answer.state === "partial" ? "PARTIAL" : "STALE"} ${percent(answer.coverage)}` : "";
  return {
    id: `client:${client.client}`, subject: { client: client.client }, name: client.name, sought: client.name.toLowerCase(),
    about: { name: accountsOf(client.accounts) }, platform: partial || client.platforms.join(", "),
    figures: told, late: waiting("sla_breaches") ?? -1, waiting: waiting(null) ?? -1,
    status: statusOf(answer, told, waiting(null), waiting("sla_breaches")),
  };
}

function statusOf(answer, { interactions }, waiting, late) {
  if (!answer) return { word: "", text: "–", unit: "", detail: "on its way", level: "wait", known: false };
  return {
    word: "", text: count(waiting), unit: " waiting", detail: late ? `${count(late)} late` : "", known: interactions?.value != null,
    level: late ? "bad" : answer.coverage < COMPLETE ? "warn" : "ok", coverage: answer.coverage,
  };
}
