// The page: what was asked for, what is known, and where it stands on the screen.

import { Board, PULSE, STALE_MS } from "./board.js";
import { Link, token } from "./stream.js";
import { age, clock, count, moment, rate, WINDOW_NAMES } from "./format.js";
import { dropRow, fillRow, makeRow, scalesOf } from "./rows.js";
import { glide, settle } from "./motion.js";

const RENDER_MS = 400;
const RERANK_MS = 5000; // rows that swap places every second cannot be read
const PHONE_ROWS = 60;
const RANKS = {
  potential: "interactions per potential", followers: "interactions per follower",
  velocity: "velocity", interactions: "interactions",
};

const $ = (id) => document.getElementById(id);
const phone = matchMedia("(max-width: 899px)");
const board = new Board();
const rows = new Map();
const wanted = { client: "", platform: "", window: "1h", rank: "potential" };
let link = { word: "connecting", detail: "", retryAt: null };
let order = [];
let rankedAt = 0;
let rendering = null;

const line = new Link({
  roster: (it) => { board.roster(it); offer(); rankedAt = 0; later(); },
  state: (it) => { board.feed(it); say("live"); later(); },
  snapshots: (it) => { board.take(it); later(); },
  link: say,
});

// -- what was asked for ------------------------------------------------------------------------------

function readAddress() {
  const asked = new URLSearchParams(location.search);
  for (const name of Object.keys(wanted)) if (asked.get(name)) wanted[name] = asked.get(name);
  if (!(wanted.window in WINDOW_NAMES)) wanted.window = "1h";
  if (!(wanted.rank in RANKS)) wanted.rank = "potential";
}

function offer() {
  const { client, platform } = $("filters").elements;
  fillSelect(client, "All clients", [...board.clients.values()].map((it) => [it.client, it.name]), wanted.client);
  const platforms = [...new Set([...board.accounts.values()].map((it) => it.platform))].sort();
  fillSelect(platform, "All platforms", platforms.map((it) => [it, it]), wanted.platform);
}

function fillSelect(select, all, options, chosen) {
  select.replaceChildren(new Option(all, ""), ...options.map(([value, name]) => new Option(name, value)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = "";
}

function choose() {
  for (const name of Object.keys(wanted)) wanted[name] = $("filters").elements[name].value;
  const address = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
  history.replaceState(null, "", `?${address}`);
  rankedAt = 0;
  connect();
  render();
}

function connect() {
  const query = new URLSearchParams();
  if (wanted.client) query.append("client", wanted.client);
  if (wanted.platform) query.append("platform", wanted.platform);
  for (const window of new Set([wanted.window, PULSE])) query.append("window", window);
  line.open(query);
}

// -- how the line is ---------------------------------------------------------------------------------

function say(word, detail = "", retryAt = null) {
  const feed = board.state?.feed;
  if (word === "live" && feed === "away") [word, detail] = ["broker away", board.state.feed_detail];
  if (word === "live" && feed === "starting") word = "loading";
  const since = link.word === word ? link.since : Date.now();
  link = { word, detail, retryAt, since };
  document.body.dataset.link = word.replace(" ", "-");
  const words = { unauthorized: "LOG IN" }[word] ?? word.toUpperCase();
  if ($("link").textContent !== words) $("link").textContent = words;
  document.title = `${words} · Resonanz`;
  $("logout").hidden = !token.get() || word === "unauthorized";
  $("login").hidden = word !== "unauthorized";
  if (word === "unauthorized") askForToken(detail);
  trouble();
  later();
}

function trouble() {
  const { word, detail, since } = link;
  const bad = word === "reconnecting" || word === "broker away";
  $("trouble").hidden = !bad;
  if (!bad) return;
  const stays = board.loaded ? " Figures stay as they were." : "";
  const text = `${detail || "No answer."} Since ${clock(since)}; trying again.${stays}`;
  if ($("trouble").textContent !== text) $("trouble").textContent = text;
}

function askForToken(detail) {
  $("login-why").textContent = token.get() ? detail : "This wall needs a token. Whoever runs it can give you one.";
  token.clear();
  board.roster({ clients: [], accounts: [] });
  board.loaded = false;
  place([]); // what somebody else was shown must not stay in the page
  $("token").focus();
}

// -- what stands on the screen -----------------------------------------------------------------------

function later() {
  rendering ??= setTimeout(() => { rendering = null; render(); }, RENDER_MS);
}

function render() {
  const accounts = board.shown(wanted);
  const state = notice(accounts);
  $("notice").hidden = state == null;
  $("board").hidden = state != null || link.word === "unauthorized";
  $("tiles").hidden = state != null || link.word === "unauthorized";
  if (state) {
    const [title, text, command] = state;
    $("notice").querySelector("h2").textContent = title;
    $("notice").querySelector("p").textContent = text;
    $("notice").querySelector("pre").hidden = !command;
    $("notice").querySelector("pre").textContent = command ?? "";
  }
  tick();
  tiles(accounts);
  if (!$("board").hidden) ranking(accounts);
  else rest([]);
}

function notice(accounts) {
  if (link.word === "unauthorized") return null;
  if (!board.loaded) {
    return link.word === "reconnecting"
      ? ["The wall does not answer", "Is it running? This page tries again by itself.", "resonanz wall"]
      : null;
  }
  if (!board.accounts.size) {
    return ["No accounts yet", "Add one under clients: … accounts: in resonanz.yaml, then start again. To look around first:", "resonanz up --demo"];
  }
  if (!accounts.length) return ["No account matches", "Choose another client or platform above.", null];
  if ([...board.accounts.values()].every((it) => it.at == null)) {
    return ["Waiting for the first figures", `${board.accounts.size} accounts are configured, none has figures yet. If this stays, ask what is missing:`, "resonanz doctor"];
  }
  return null;
}

function tile(name, value, format, note, level = "") {
  const article = document.querySelector(`[data-tile=${name}]`);
  settle(article.querySelector(".figure"), value, format);
  const line = article.querySelector(".note");
  if (line.textContent !== note) line.textContent = note;
  article.dataset.level = level;
}

function tiles(accounts) {
  const sum = board.totals(accounts, wanted.window);
  const all = accounts.length;
  const from = sum.from < all ? `${sum.from} of ${all} accounts` : `all ${all} accounts`;
  const named = WINDOW_NAMES[wanted.window];
  tile("interactions", sum.interactions, count, sum.partial ? `${named} · PARTIAL` : `in ${named}`, sum.partial ? "warn" : "");
  tile("velocity", sum.velocity, rate, from);
  tile("live", sum.live, (n) => `${n ?? 0}/${all}`, sum.live < all ? `${all - sum.live} NOT LIVE` : "all of them", sum.live < all ? "bad" : "");
  const worst = sum.oldest == null ? null : Math.max(0, board.now() - sum.oldest);
  const missing = accounts.filter((it) => it.at == null).length;
  const words = [worst > STALE_MS ? "STALE" : null, missing ? `${missing} NO DATA` : null].filter(Boolean);
  tile("worst", worst == null ? null : Math.round(worst / 1000), (s) => (s == null ? "–" : age(s * 1000)),
    words.join(" · ") || "fresh", words.length ? "bad" : "");
}

function ranking(accounts) {
  const now = performance.now();
  const due = now - rankedAt > RERANK_MS || order.length !== accounts.length;
  if (due) {
    order = board.ranked(accounts, wanted.window, wanted.rank);
    rankedAt = now;
  }
  const top = order.slice(0, phone.matches ? PHONE_ROWS : roomFor());
  const scales = scalesOf(top, board, wanted.window);
  $("ranking").textContent = top.length < order.length ? `Top ${top.length} of ${order.length}` : `${order.length} accounts`;
  place(top);
  for (const account of top) fillRow(rows.get(account.id), account, board, wanted.window, scales);
  rest(order.slice(top.length));
}

function place(top) {
  const list = $("rows");
  const keep = new Set(top.map((it) => it.id));
  for (const [id, row] of rows) if (!keep.has(id)) { dropRow(row); rows.delete(id); }
  for (const it of top) if (!rows.has(it.id)) rows.set(it.id, makeRow(it));
  const elements = top.map((it) => rows.get(it.id).element);
  if (elements.some((it, i) => list.children[i] !== it)) {
    glide(elements.filter((it) => it.isConnected), () => list.replaceChildren(...elements));
  }
}

function roomFor() {
  const list = $("rows");
  const height = parseFloat(getComputedStyle(list).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize);
  const room = Math.max(1, Math.floor((list.clientHeight + 1) / height));
  list.style.setProperty("--height", `${list.clientHeight / room}px`);
  return room;
}

// What does not fit is counted, and what is wrong among it is named: nothing hides below the edge.
function rest(hidden) {
  const wrong = new Map();
  for (const it of hidden) {
    const { word, level } = board.status(it, wanted.window);
    if (word) wrong.set(word, { level, number: (wrong.get(word)?.number ?? 0) + 1 });
  }
  const parts = [...wrong].map(([word, { level, number }]) => {
    const part = document.createElement("b");
    part.dataset.level = level;
    part.textContent = `${number.toLocaleString("en")} ${word}`;
    return part;
  });
  if (hidden.length) parts.unshift(`+${hidden.length.toLocaleString("en")} more`);
  $("rest").replaceChildren(...parts.flatMap((it, i) => (i ? [" · ", it] : [it])));
  $("legend").textContent = $("board").hidden ? "" : `ranked by ${RANKS[wanted.rank]} · bars: 95 % interval`;
}

function tick() {
  $("clock").textContent = clock(Date.now());
  const newest = board.totals(board.shown(wanted), wanted.window).newest;
  if (newest == null) $("age").textContent = "no data yet";
  else if (board.state?.clock === "event") $("age").textContent = `event time ${moment(newest)}`;
  else $("age").textContent = `data ${age(board.now() - newest)} old`;
}

$("filters").addEventListener("change", choose);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set($("token").value.trim());
  $("token").value = "";
  say("connecting");
  connect();
});
$("logout").addEventListener("click", () => { token.clear(); line.stop(); say("connecting"); connect(); });
addEventListener("resize", render);

readAddress();
offer();
for (const name of ["window", "rank"]) $("filters").elements[name].value = wanted[name];
connect();
setInterval(() => { tick(); later(); }, 1000);
tick();
