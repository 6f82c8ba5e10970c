// Numbers and times as a person reads them from afar: few digits, a unit, never a raw float.

const digits = (n) => new Intl.NumberFormat("en", { minimumFractionDigits: n, maximumFractionDigits: n });
const [whole, tenth, hundredth, thousandth] = [0, 1, 2, 3].map(digits);
const BIG = [[1e9, "B"], [1e6, "M"], [1e3, "k"]];

// A hyphen is no minus: it is too short to be seen from five metres.
const signed = (text) => text.replace("-", "−");

// Two or three digits and a unit; what would round up to four goes to the next unit.
const big = (n, exact = 99.95) => {
  const size = Math.abs(n);
  const [by, unit] = BIG.find(([from]) => size >= from * 0.9995) ?? [1, ""];
  const part = size / by;
  const form = part >= exact ? whole : part < 9.995 && exact > 10 ? hundredth : tenth;
  return signed(`${n < 0 ? "-" : ""}${form.format(part)}${unit}`);
};

// Every digit as long as there is room: a number that counts up one by one is seen to live.
export const count = (n) => {
  if (n == null) return "–";
  return Math.abs(n) < 999_999.5 ? signed(whole.format(n)) : big(n);
};

// For places where four digits are too many.
export const short = (n) => {
  if (n == null) return "–";
  const size = Math.abs(n);
  if (size >= 999.5) return big(n, 9.95);
  return Number.isInteger(n) || size >= 99.95 ? signed(whole.format(n)) : rate(n);
};

export const rate = (n) => {
  if (n == null) return "–";
  const size = Math.abs(n);
  if (size >= 9999.5) return big(n);
  if (size >= 99.95 || size === 0) return signed(whole.format(n));
  if (size >= 0.0995) return signed((size >= 9.995 ? tenth : hundredth).format(n));
  // A large account's rate in a short window: small, and not zero.
  return size < 0.0005 ? `${n < 0 ? "−" : ""}<0.001` : signed(thousandth.format(n));
};

// A rate in a column: what is beyond a thousand per thousand has no room for its digits.
export const perThousand = (n) => (Math.abs(n) >= 999.5 ? big(n) : rate(n));

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
  if (hours < 48) return `${hours} h`;
  const days = Math.round(hours / 24);
  return days < 1000 ? `${days} d` : `${Math.round(days / 365)} y`;
};

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

export const moment = (ms) =>
  new Date(ms).toLocaleString("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });

export const accounts = (n, noun = "account") => `${whole.format(n)} ${noun}${n === 1 ? "" : "s"}`;

export const WINDOW_NAMES = {
  "1m": "1 min", "5m": "5 min", "15m": "15 min", "1h": "1 h", "24h": "24 h", "7d": "7 days", "28d": "28 days",
};

// A share: 0.4 % is not zero, and 99.7 % not all.
export const share = (n) => {
  if (n == null) return "–";
  if (n > 0 && n < 0.0005) return "<0.1 %";
  return n > 0 && n < 0.0995 ? `${tenth.format(100 * n)} %` : percent(n);
};

export const duration = (seconds) => {
  if (seconds == null) return "–";
  if (seconds < 99.5) return `${whole.format(seconds)} s`;
  if (seconds < 99.5 * 60) return `${whole.format(seconds / 60)} min`;
  const hours = seconds / 3600;
  if (hours < 48) return `${(hours < 9.95 ? tenth : whole).format(hours)} h`;
  return `${(hours < 239 ? tenth : whole).format(hours / 24)} d`;
};

// A number of a KPI by its unit.
const FORMS = {
  share, seconds: duration, per_1000: rate, per_minute: rate, ratio: rate,
  "": (n) => (Number.isInteger(n) ? count(n) : rate(n)),
};
export const figure = (n, unit) => (n == null ? "–" : (FORMS[unit] ?? FORMS[""])(n));

export const UNIT_NAMES = { per_1000: "per 1,000", per_minute: "a minute" };

export const words = (name) => name.replaceAll("_", " ");
