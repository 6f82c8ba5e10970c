// Numbers and times as a person reads them from afar: few digits, a unit, never a raw float.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const hundredth = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const count = (n) => {
  if (n == null) return "–";
  const size = Math.abs(n);
  if (size < 100_000) return whole.format(n);
  return size < 1_000_000 ? `${whole.format(n / 1e3)}k` : `${tenth.format(n / 1e6)}M`;
};

// For places where four digits are too many.
export const short = (n) => {
  if (n == null) return "–";
  const size = Math.abs(n);
  if (size < 1000) return size < 100 && !Number.isInteger(n) ? rate(n) : whole.format(n);
  const [part, unit] = size < 999_500 ? [n / 1e3, "k"] : [n / 1e6, "M"];
  return `${(Math.abs(part) < 9.95 ? tenth : whole).format(part)}${unit}`;
};

export const rate = (n) => {
  if (n == null) return "–";
  const size = Math.abs(n);
  if (size >= 100 || size === 0) return count(n);
  return size >= 1 ? tenth.format(n) : hundredth.format(n);
};

export const percent = (share) => {
  if (share == null) return "–";
  // 99.7 % is not complete: it must not be rounded up to 100.
  return `${share < 1 ? Math.min(99, Math.round(share * 100)) : 100} %`;
};

export const age = (ms) => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
};

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

export const moment = (ms) =>
  new Date(ms).toLocaleString("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });

export const WINDOW_NAMES = {
  "1m": "1 min", "5m": "5 min", "15m": "15 min", "1h": "1 h", "24h": "24 h", "7d": "7 days", "28d": "28 days",
};

export const REASONS = {
  no_potential: "no potential configured",
  no_followers: "followers not known",
  not_covered: "not covered",
  negative_count: "more removed than seen",
};
