// The page: what is known, and where it stands on the screen.

import { offer, readAddress, readFilters, scopeQuery, wanted } from "./asked.js";
import { answeredIn, Board, figuresOf } from "./board.js";
import { fillRest, fillSpotlight } from "./foot.js";
import { Clients } from "./clients.js";
import { Detail } from "./detail.js";
import { accounts as counted, age, clock, count, moment } from "./format.js";
import { List } from "./list.js";
import { write } from "./motion.js";
import { fillNotice, noticeOf } from "./notice.js";
import { ranked } from "./ranking.js";
import { scalesOf } from "./rows.js";
import { Link, token, velocities } from "./stream.js";
import { fillTiles, totalSpark } from "./tiles.js";

const RENDER_MS = 400;
const RERANK_MS = 5000; // rows that swap places every second cannot be read

const $ = (id) => document.getElementById(id);
const board = new Board();
const list = new List($("rows"), matchMedia("(max-width: 899px)"));
const opened = new Detail(board);
const clients = new Clients(board, later);
let link = { word: "connecting", detail: "" };
let survey = { sum: { newest: null }, statuses: new Map() };
let order = [];
let rankedAt = -Infinity;
let rankedKnown = 0;
let rendering = null;
let renderedAt = -Infinity;

const line = new Link({
  roster: (it) => { board.roster(it); asked(); if (offer(board)) connect(); backfill(list.rows.keys(), true); opened.renew(); },
  state: (it) => { board.feed(it); say("live"); },
  snapshots: (it) => { board.take(it); opened.changed(it.map((one) => one.account)); later(); },
  link: say,
  unknown: () => { const had = wanted.client; wanted.client = ""; if (had) connect(); return Boolean(had); },
});

function asked() {
  rankedAt = -Infinity;
  later();
}

function connect() {
  const query = scopeQuery();
  for (const figure of figuresOf(wanted.window)) query.append("kpi", figure);
  line.open(query);
}

function choose() {
  const before = { ...wanted };
  readFilters();
  if (wanted.window !== before.window) board.forgetFigures();
  asked();
  render();
  if (wanted.rank === before.rank) {
    connect();
    backfill([], true);
  }
}

// The sparklines' past. Without it they begin now: that is worth no word.
async function backfill(ids, total = false) {
  try {
    const found = await velocities(scopeQuery(), [...ids].filter((it) => board.accounts.has(it)).slice(0, 100));
    if (total) totalSpark.restart(found.times_ms, found.total);
    for (const [id, values] of Object.entries(found.accounts)) list.rows.get(id)?.spark.restart(found.times_ms, values);
  } catch { /* the stream says what is wrong */ }
}

// -- how the line is ---------------------------------------------------------------------------------

function say(word, detail = "") {
  const feed = board.state?.feed;
  let since = link.word === word ? link.since : Date.now();
  if (word === "live" && feed === "away") {
    [word, detail, since] = ["broker away", board.state.feed_detail, board.state.feed_since_ms];
  }
  if (word === "live" && feed === "starting") word = "loading";
  link = { word, detail, since };
  document.body.dataset.link = word.replace(" ", "-");
  const text = word === "unauthorized" ? "LOG IN" : word.toUpperCase();
  write($("link"), text);
  document.title = `${text} · Resonanz`;
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
  const stays = survey.sum.newest == null ? "" : " Figures stay as they were.";
  const sentence = (detail || "No answer").replace(/\.?$/, ".");
  write($("trouble"), `${sentence} Since ${clock(since)}; trying again.${stays}`);
}

function askForToken(detail) {
  opened.hide();
  clients.clear();
  $("login-why").textContent = token.get() ? detail : "This wall needs a token. Whoever runs it can give you one.";
  token.clear();
  board.empty();
  list.place([]); // what somebody else was shown must not stay in the page
  totalSpark.restart([], []);
  offer(board);
  $("token").focus();
}

// -- what stands on the screen -----------------------------------------------------------------------

function later() {
  rendering ??= setTimeout(render, Math.max(0, renderedAt + RENDER_MS - performance.now()));
}

function render() {
  clearTimeout(rendering);
  rendering = null;
  renderedAt = performance.now();
  const accounts = board.shown(wanted);
  survey = board.survey(accounts);
  const notice = noticeOf(board, link, accounts);
  fillNotice($("notice"), notice);
  const hidden = notice != null || link.word === "unauthorized";
  $("board").hidden = $("tiles").hidden = $("foot").hidden = hidden;
  tick();
  if (hidden) return;
  fillTiles(survey, accounts.length, wanted.window);
  rank(accounts);
  pulse();
}

function rank(accounts) {
  clients.follow();
  $("board").dataset.rank = wanted.rank;
  if (wanted.rank === "clients") rankClients();
  else rankAccounts(accounts);
}

function rankClients() {
  const { items, statuses } = clients.shown();
  const sought = $("find").value.trim().toLowerCase();
  const found = sought ? items.filter((it) => it.sought.includes(sought)) : items;
  const top = found.slice(0, list.room(found.length));
  const scales = scalesOf(top, statuses);
  list.place(top);
  for (const it of top) list.rows.get(it.id).fill(it, statuses.get(it), it.about, scales);
  heads(top.length, items.length, "client");
  const rest = items.filter((it) => !top.includes(it));
  fillRest(rest, statuses);
  fillSpotlight(rest, statuses, wanted.rank, Date.now());
}

function rankAccounts(accounts) {
  const now = performance.now();
  const known = accounts.filter((it) => survey.statuses.get(it).known).length;
  // An order made when less than half of the present figures were there is the alphabet's, not a ranking.
  const outgrown = known > 0 && known >= 2 * rankedKnown;
  if (now - rankedAt > RERANK_MS || order.length !== accounts.length || outgrown) {
    order = ranked(accounts, survey.statuses, wanted.rank);
    rankedAt = now;
    rankedKnown = known;
  }
  const sought = $("find").value.trim().toLowerCase();
  const found = sought ? order.filter((it) => it.sought.includes(sought)) : order;
  const top = found.slice(0, list.room(found.length));
  const scales = scalesOf(top, survey.statuses);
  const fresh = list.place(top);
  for (const it of top) list.rows.get(it.id).fill(it, survey.statuses.get(it), board.clients.get(it.client), scales);
  if (fresh.length) backfill(fresh.map((it) => it.id));
  heads(top.length, order.length, "account");
  const shown = new Set(top);
  const rest = order.filter((it) => !shown.has(it));
  fillRest(rest, survey.statuses);
  fillSpotlight(rest, survey.statuses, wanted.rank, Date.now());
}

function heads(shown, all, noun) {
  $("find").placeholder = shown < all ? `Top ${shown} of ${count(all)}` : counted(all, noun);
  write(document.querySelector("[data-column=trouble]"), noun === "client" ? "Waiting" : "Covered");
  write(document.querySelector("[data-column=response]"), answeredIn(wanted.window));
  for (const it of document.querySelectorAll("[data-column]")) it.classList.toggle("ranked", it.dataset.column === wanted.rank);
}

function pulse() {
  const now = board.now();
  if (link.word !== "live") return;
  totalSpark.push(now, survey.sum.velocity);
  for (const [id, row] of list.rows) {
    const account = board.accounts.get(id);
    if (account) row.pulse(now, account, survey.statuses.get(account));
  }
}

function tick() {
  write($("clock"), clock(Date.now()));
  const { newest } = survey.sum;
  if (newest == null) write($("age"), "no data yet");
  else if (board.state?.clock === "event") write($("age"), `event time ${moment(newest)}`);
  else write($("age"), `data ${age(board.now() - newest)} old`);
}

$("filters").addEventListener("change", choose);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("find").addEventListener("input", render);
$("rows").addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row && !event.target.closest("a") && !getSelection().toString()) location.hash = row.querySelector("a").hash;
});
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set($("token").value.trim());
  $("token").value = "";
  say("connecting");
  line.reopen();
});
$("logout").addEventListener("click", () => { token.clear(); line.stop(); say("connecting"); line.reopen(); });
addEventListener("resize", render);
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select");
  if (event.key === "/" && !typing) { event.preventDefault(); $("find").focus(); }
  if (event.key === "Escape" && event.target === $("find")) { $("find").value = ""; $("find").blur(); render(); }
});

readAddress();
connect();
setInterval(() => { tick(); later(); }, 1000);
tick();
