// What was asked for: the filters, kept in the address so that a wall can be bookmarked.

import { WINDOW_NAMES } from "./format.js";
import { RANKS } from "./ranking.js";

const elements = document.getElementById("filters").elements;

export const wanted = { client: "", platform: "", window: "1h", rank: "potential" };

export function readAddress() {
  const asked = new URLSearchParams(location.search);
  for (const name of Object.keys(wanted)) if (asked.get(name)) wanted[name] = asked.get(name);
  if (!(wanted.window in WINDOW_NAMES)) wanted.window = "1h";
  if (!(wanted.rank in RANKS)) wanted.rank = "potential";
  for (const name of ["window", "rank"]) elements[name].value = wanted[name];
}

export function readFilters() {
  for (const name of Object.keys(wanted)) wanted[name] = elements[name].value;
  const address = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
  history.replaceState(null, "", `?${address}${location.hash}`);
}

// Returns whether something was asked for that is not: a bookmark may be older than the configuration.
export function offer(board) {
  const before = { ...wanted };
  fillSelect(elements.client, "All clients", [...board.clients.values()].map((it) => [it.client, it.name]), "client");
  const platforms = [...new Set([...board.accounts.values()].map((it) => it.platform))].sort();
  fillSelect(elements.platform, "All platforms", platforms.map((it) => [it, it]), "platform");
  return wanted.client !== before.client || wanted.platform !== before.platform;
}

// Nobody known yet: what the address asks for stays asked for.
function fillSelect(select, all, options, name) {
  select.replaceChildren(new Option(all, ""), ...options.map(([value, text]) => new Option(text, value)));
  select.value = wanted[name];
  if (select.selectedIndex < 0) select.value = "";
  if (options.length) wanted[name] = select.value;
}

export function scopeQuery() {
  const query = new URLSearchParams();
  for (const name of ["client", "platform"]) if (wanted[name]) query.append(name, wanted[name]);
  return query;
}

// What is open stands behind the #, so that it can be bookmarked and sent to somebody: {account} or {client}.
export const addressOf = (subject, window) => `#${new URLSearchParams({ ...subject, ...(window && { window }) })}`;

export function openIn(hash) {
  const asked = new URLSearchParams(hash.slice(1));
  const window = asked.get("window");
  return { account: asked.get("account"), client: asked.get("client"), window: window in WINDOW_NAMES ? window : null };
}
