// What is known about every account, and what follows from it: words, sums, ranks.

export const STALE_MS = 60_000;
export const COMPLETE = 0.95;
export const PULSE = "5m"; // velocity "now": a minute is too jumpy, an hour too slow
const KEEP = 300;
const STEP_MS = 2000;
export const RATES = { potential: "interactions_per_potential", followers: "engagement_rate_by_followers" };

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
      const known = before.get(it.account) ?? { at: null, values: new Map(), history: [[], []] };
      const { account: id, client, platform, handle, connectors } = it;
      return [id, Object.assign(known, { id, client, platform, handle, connectors })];
    }));
    this.loaded = true;
  }

  feed(state) {
    this.state = state;
    this.offset = state.now_ms - Date.now();
  }

  take(snapshots) {
    for (const it of snapshots) {
      const account = this.accounts.get(it.account);
      if (!account) continue;
      account.at = it.at_ms;
      account.coverage = it.coverage;
      account.connectors = it.connectors;
      account.values = new Map();
      for (const entry of it.kpis) account.values.set(`${entry.window}/${entry.kpi}/${entry.part ?? ""}`, entry);
      remember(account);
    }
  }

  // The server's time: a screen's own clock may be wrong. With event time it stands still between states.
  now() {
    return this.state?.clock === "event" ? this.state.now_ms : Date.now() + this.offset;
  }

  shown({ client, platform }) {
    return [...this.accounts.values()].filter(
      (it) => (!client || it.client === client) && (!platform || it.platform === platform),
    );
  }

  status(account, window) {
    if (account.at == null) return { word: "NO DATA", detail: "no figures", level: "bad" };
    const down = account.connectors?.find((it) => it.state === "down");
    const age = this.now() - account.at;
    if (age > STALE_MS) return { word: "STALE", detail: null, age, level: "bad" };
    const entry = entryOf(account, window, "interactions");
    const coverage = entry?.coverage ?? account.coverage;
    if (!entry) return { word: "NO DATA", detail: "not measured", level: "bad" };
    if (!coverage || entry.reason === "not_covered") {
      return { word: "NO DATA", detail: down ? "connector" : "not covered", level: "bad" };
    }
    if (down) return { word: "DOWN", detail: "connector", coverage, level: "bad" };
    if (coverage < COMPLETE) return { word: "PARTIAL", detail: null, coverage, level: "warn" };
    return { word: "", detail: null, coverage, level: "ok" };
  }

  totals(accounts, window) {
    const sum = { interactions: null, velocity: null, from: 0, live: 0, partial: 0, oldest: null, newest: null };
    for (const it of accounts) {
      const { level, word, coverage } = this.status(it, window);
      if (it.at != null) {
        sum.oldest = Math.min(sum.oldest ?? Infinity, it.at);
        sum.newest = Math.max(sum.newest ?? 0, it.at);
      }
      if (level === "bad" && word !== "DOWN") continue;
      if (level !== "bad") sum.live += 1;
      if (coverage < COMPLETE) sum.partial += 1;
      const value = entryOf(it, window, "interactions")?.value;
      if (value == null) continue;
      sum.from += 1;
      sum.interactions += value;
      sum.velocity += velocityOf(it) ?? 0;
    }
    return sum;
  }

  ranked(accounts, window, by) {
    const keys = by === "velocity" || by === "interactions"
      ? new Map(accounts.map((it) => [it, by === "velocity" ? velocityOf(it) : entryOf(it, window, by)?.value]))
      : shrunk(accounts, window, RATES[by]);
    const fresh = new Map(accounts.map((it) => [it, this.status(it, window).level === "bad" ? 0 : 1]));
    return [...accounts].sort((a, b) =>
      fresh.get(b) - fresh.get(a)
      || (keys.get(b) ?? -1) - (keys.get(a) ?? -1)
      || (a.id < b.id ? -1 : 1));
  }
}

export const entryOf = (account, window, kpi, part = "") => account.values.get(`${window}/${kpi}/${part}`);
export const velocityOf = (account) => entryOf(account, PULSE, "velocity")?.value;

function remember(account) {
  const velocity = velocityOf(account);
  const [times, values] = account.history;
  if (velocity == null || account.at == null) return;
  if (times.length && account.at - times.at(-1) * 1000 < STEP_MS) return;
  times.push(account.at / 1000);
  values.push(velocity);
  if (times.length > KEEP) {
    times.shift();
    values.shift();
  }
}

// A rank of raw rates is a rank of luck: three likes on forty people beat everybody. So each rate is drawn
// towards its platform's mean, the more the less is known about it (Gamma-Poisson, moments; Marshall 1991).
function shrunk(accounts, window, kpi) {
  const cohorts = new Map();
  for (const account of accounts) {
    const entry = entryOf(account, window, kpi);
    if (entry?.value == null || !(entry.denominator > 0) || entry.numerator < 0) continue;
    const cohort = cohorts.get(account.platform) ?? [];
    cohort.push({ account, events: entry.numerator, exposure: entry.denominator });
    cohorts.set(account.platform, cohort);
  }
  const keys = new Map();
  for (const cohort of cohorts.values()) {
    const exposure = cohort.reduce((sum, it) => sum + it.exposure, 0);
    const mean = cohort.reduce((sum, it) => sum + it.events, 0) / exposure;
    const spread = cohort.reduce((sum, it) => sum + it.exposure * (it.events / it.exposure - mean) ** 2, 0) / exposure;
    const between = Math.max(0, spread - (mean * cohort.length) / exposure);
    for (const it of cohort) {
      const own = it.events / it.exposure;
      const weight = between > 0 ? between / (between + mean / it.exposure) : 0;
      // With nothing between them the raw rate still orders them, by less than any real difference.
      keys.set(it.account, cohort.length < 3 ? own : mean + weight * (own - mean) + own * 1e-9);
    }
  }
  return keys;
}
