// What is known about every account, and what follows from it: words and sums.

import { percent } from "./format.js";

export const STALE_MS = 60_000;
export const COMPLETE = 0.95;
export const PULSE = "5m"; // velocity "now": a minute is too jumpy, an hour too slow
export const RATES = {
  potential: "interactions_per_potential", followers: "engagement_rate_by_followers", response: "response_rate",
};
export const DEEP_WINDOWS = ["24h", "7d", "28d"]; // those of KPIs that are computed from all that stands
export const PARTS = ["like", "comment", "share"];

const NAMES = {
  interactions: "interactions", velocity: "velocity",
  ...Object.fromEntries(Object.entries(RATES).map(([name, kpi]) => [kpi, name])),
};
const NOTHING = {};

// A comment's SLA is hours, so a short window knows no answers.
export const deepWindow = (window) => (DEEP_WINDOWS.includes(window) ? window : "24h");

export const answeredIn = (window) => (deepWindow(window) === window ? "answered in time" : "answered, 24 h");

// What the stream is asked for: exactly what one window of this page shows.
export const figuresOf = (window) => [
  ...["interactions", RATES.potential, RATES.followers].map((kpi) => `${window}/${kpi}`),
  `${PULSE}/velocity`, `${deepWindow(window)}/${RATES.response}`,
];

export class Board {
  constructor() {
    this.accounts = new Map();
    this.clients = new Map();
    this.state = null;
    this.offset = 0;
    this.loaded = false;
  }

  roster({ clients, accounts }) {
    this.clients = new Map(clients.map((it) => [it.client, it]));
    const before = this.accounts;
    this.accounts = new Map(accounts.map((it) => {
      const { account: id, client, platform, handle, connectors, at_ms: at } = it;
      const known = before.get(id) ?? { at, coverage: null, figures: NOTHING };
      const name = handle ?? id.slice(id.indexOf(":") + 1);
      const sought = `${name} ${id} ${this.clients.get(client)?.name ?? client}`.toLowerCase();
      return [id, Object.assign(known, { id, client, platform, name, sought, connectors })];
    }));
    this.loaded = true;
  }

  empty() {
    this.roster({ clients: [], accounts: [] });
    this.loaded = false;
  }

  feed(state) {
    this.state = state;
    this.offset = state.wall_ms - Date.now();
  }

  take(snapshots) {
    for (const it of snapshots) {
      const account = this.accounts.get(it.account);
      if (!account) continue;
      account.at = it.at_ms;
      account.arrived = it.arrived_ms;
      account.coverage = it.coverage;
      account.connectors = it.connectors;
      account.figures = figures(it.kpis);
    }
  }

  // Another window was chosen: until its figures come, those of the old one must not stand under its name.
  forgetFigures() {
    for (const it of this.accounts.values()) it.figures = NOTHING;
  }

  // The server's time: a screen's own clock may be wrong. With event time it stands still between states.
  now() {
    return this.state?.clock === "event" ? this.state.now_ms : Date.now() + this.offset;
  }

  // Event time stands still when nobody moves it: with it an account is at least as old as its silence.
  age({ at, arrived }, now) {
    const age = Math.max(0, now - at);
    return this.state?.clock === "event" && arrived ? Math.max(age, Date.now() + this.offset - arrived) : age;
  }

  shown({ client, platform }) {
    const all = [...this.accounts.values()];
    if (!client && !platform) return all;
    return all.filter((it) => (!client || it.client === client) && (!platform || it.platform === platform));
  }

  // word: what is wrong, in capitals, "" if nothing is; known: whether its figures may be shown.
  status(account, now = this.now()) {
    const { at, connectors, figures: { interactions } } = account;
    if (at == null) return { word: "NO DATA", detail: "no figures", level: "bad", known: false };
    if (account.figures === NOTHING) return { word: "", detail: "on its way", level: "wait", known: false };
    const age = this.age(account, now);
    const value = interactions?.value;
    const coverage = interactions?.coverage ?? account.coverage;
    const known = value != null;
    if (age > STALE_MS) return { word: "STALE", age, coverage, level: "bad", known };
    const down = connectors?.some((it) => it.state === "down");
    if (!known) {
      const detail = down ? "connector" : interactions ? "not covered" : "not measured";
      return { word: "NO DATA", detail, level: "bad", known };
    }
    if (down) return { word: "DOWN", detail: "connector", coverage, level: "bad", known };
    if (coverage < COMPLETE) return { word: "PARTIAL", detail: percent(coverage), coverage, level: "warn", known };
    return { word: "", age, coverage, level: "ok", known };
  }

  // One pass over all accounts a rendering: there may be ten thousand.
  survey(accounts) {
    const now = this.now();
    const sum = { interactions: null, velocity: null, like: 0, comment: 0, share: 0, live: 0, waiting: 0, partial: 0, missing: 0, worst: null, newest: null };
    const statuses = new Map();
    for (const it of accounts) {
      const status = this.status(it, now);
      statuses.set(it, status);
      if (it.at == null) sum.missing += 1;
      else {
        sum.worst = Math.max(sum.worst, this.age(it, now));
        if (it.at > sum.newest) sum.newest = it.at;
      }
      if (status.level === "wait") sum.waiting += 1;
      else if (status.level !== "bad") sum.live += 1;
      // Stale figures are no longer those of this window, so they are not among its sum.
      if (!status.known || status.word === "STALE") continue;
      if (status.coverage < COMPLETE) sum.partial += 1;
      sum.interactions += it.figures.interactions.value;
      sum.velocity += it.figures.velocity?.value ?? 0;
      for (const part of PARTS) sum[part] += it.figures[part]?.value ?? 0;
    }
    return { sum, statuses };
  }
}

export function figures(entries) {
  const found = {};
  for (const it of entries) {
    if (it.part == null) found[NAMES[it.kpi]] = it;
    else if (it.kpi === "interactions") found[it.part] = it;
  }
  return found;
}
