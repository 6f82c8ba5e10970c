// In which order accounts stand.

const FEWEST = 3; // accounts from which a platform has a mean of its own
const LEVELS = { bad: 0, warn: 1, wait: 2, ok: 2 };

// Each names its measure: the foot of the page says it.
export const RANKS = {
  potential: "shrunken interactions per potential", followers: "shrunken interactions per follower",
  response: "response rate, lower end of its interval",
  velocity: "velocity", interactions: "interactions", trouble: "trouble",
  clients: "comments past the SLA, then comments that wait",
};

// What is not live stands last, except where trouble itself was asked for.
export function ranked(accounts, statuses, by) {
  const level = (it) => LEVELS[statuses.get(it).level];
  const keys = by === "potential" || by === "followers"
    ? shrunk(accounts, statuses, by)
    : new Map(accounts.map((it) => [it, plain(it.figures, by)]));
  const first = by === "trouble" ? (a, b) => level(a) - level(b) : (a, b) => (level(b) > 0) - (level(a) > 0);
  return [...accounts].sort((a, b) =>
    first(a, b) || (keys.get(b) ?? -Infinity) - (keys.get(a) ?? -Infinity) || (a.id < b.id ? -1 : 1));
}

// Two of two answered prove less than 190 of 200.
function plain(figures, by) {
  if (by === "response") return figures.response?.lo;
  return figures[by === "trouble" ? "velocity" : by]?.value;
}

// A rank of raw rates is a rank of luck: three likes on forty people beat everybody. So each rate is drawn
// towards its platform's mean, the more the less is known about it (Gamma-Poisson, moments; Marshall 1991).
// Platforms of fewer than three accounts are taken together.
function shrunk(accounts, statuses, by) {
  const cohorts = new Map();
  const few = [];
  for (const account of accounts) {
    const entry = account.figures[by];
    if (!statuses.get(account).known || entry?.value == null || !(entry.denominator > 0) || entry.numerator < 0) continue;
    const cohort = cohorts.get(account.platform) ?? [];
    cohort.push({ account, events: entry.numerator, exposure: entry.denominator });
    cohorts.set(account.platform, cohort);
  }
  for (const [platform, cohort] of cohorts) {
    if (cohort.length >= FEWEST) continue;
    cohorts.delete(platform);
    few.push(...cohort);
  }
  if (few.length) cohorts.set(null, few);
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
      keys.set(it.account, mean + weight * (own - mean) + own * 1e-9);
    }
  }
  return keys;
}
