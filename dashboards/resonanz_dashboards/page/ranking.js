// In which order accounts stand.

const FEWEST = 8; // accounts of a group that can say what is usual in it
const ALL = "";
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
// towards what is usual among its like, the more the less is known about it, as /api/v1/ranking does it, which
// knows no windows of minutes (Gamma-Poisson, moments; Marshall 1991): platform and decade of followers, or where
// these are fewer than eight accounts the platform, or all.
function shrunk(accounts, statuses, by) {
  const seen = accounts.map((it) => exposed(it, statuses.get(it), by)).filter(Boolean);
  const groups = new Map();
  for (const it of seen) {
    for (const key of it.groups) {
      if (groups.has(key)) groups.get(key).push(it);
      else groups.set(key, [it]);
    }
  }
  const priors = new Map([...groups].map(([key, its]) => [key, prior(its)]));
  return new Map(seen.map((it) => {
    const { mean, variance } = priors.get(it.groups.find((key) => key === ALL || groups.get(key).length >= FEWEST));
    const weight = variance > 0 ? variance / (variance + mean / it.exposure) : 0;
    // With nothing between them the raw rate still orders them, by less than any real difference.
    return [it.account, mean + weight * (it.own - mean) + it.own * 1e-9];
  }));
}

function exposed(account, { known, word }, by) {
  const entry = account.figures[by];
  if (!known || word === "STALE" || entry?.lo == null || !(entry.denominator > 0)) return null;
  const { numerator: events, denominator: exposure } = entry;
  const followers = account.figures.followers?.denominator;
  const decade = followers == null ? [] : [`${account.platform} ${String(Math.floor(Math.max(1, followers))).length}`];
  return { account, events, exposure, own: events / exposure, groups: [...decade, account.platform, ALL] };
}

function prior(its) {
  const exposure = its.reduce((sum, it) => sum + it.exposure, 0);
  const mean = its.reduce((sum, it) => sum + it.events, 0) / exposure;
  const spread = its.reduce((sum, it) => sum + it.exposure * (it.own - mean) ** 2, 0) / exposure;
  return { mean, variance: Math.max(0, spread - (mean * its.length) / exposure) };
}
