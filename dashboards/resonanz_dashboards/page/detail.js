// One account with all its figures. Only the account that is open is asked for them, and again when it changes.

import { addressOf, openIn, wanted } from "./asked.js";
import { deepWindow } from "./board.js";
import { Catalogue } from "./catalogue.js";
import { age, clock, moment, WINDOW_NAMES } from "./format.js";
import { Facts } from "./facts.js";
import { GroupTable } from "./group_table.js";
import { arrange, make } from "./make.js";
import { write } from "./motion.js";
import { json } from "./stream.js";
import { TopPosts } from "./top_posts.js";

const LEAST_MS = 5000; // between two requests
const MOST_MS = 30_000; // an account that does not change is asked again after this
const ANSWER_MS = 15_000;
const POSTS = "over_performance";
const STATES = { stale: "STALE", partial: "PARTIAL", no_data: "NO DATA", ok: "" };

const $ = (id) => document.getElementById(id);

export class Detail {
  constructor(board) {
    this.board = board;
    this.dialog = $("detail");
    this.facts = new Facts($("detail-facts"));
    this.catalogue = null;
    this.account = null;
    this.timer = null;
    this.dialog.addEventListener("close", () => this.#closed());
    $("detail-close").addEventListener("click", () => this.dialog.close());
    $("detail-windows").append(...Object.entries(WINDOW_NAMES).map(([name, text]) => windowChoice(name, text)));
    $("detail-windows").addEventListener("change", (event) => {
      history.replaceState(null, "", addressOf(this.account, event.target.value));
      this.follow();
    });
    addEventListener("hashchange", () => this.follow());
  }

  // Show what the address asks for.
  follow() {
    const { account, window } = openIn(location.hash);
    if (!account) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const chosen = window ?? deepWindow(wanted.window);
    if (account === this.account && chosen === this.window) return;
    this.account = account;
    this.window = chosen;
    this.#begin();
    if (!this.dialog.open) {
      this.dialog.showModal();
      $("detail-name").focus();
    }
    const chosenAt = $("detail-windows").querySelector(":checked").parentElement;
    $("detail-windows").scrollLeft = chosenAt.offsetLeft - $("detail-windows").clientWidth / 2;
    this.#load();
  }

  // Another wall may know other KPIs.
  renew() {
    this.catalogue = null;
    this.follow();
  }

  // Nobody may look any more: the address stays, so that it opens again after the login.
  hide() {
    this.leaving = this.dialog.open;
    if (this.leaving) this.dialog.close();
  }

  // There is news of these accounts.
  changed(ids) {
    if (this.account == null || !ids.includes(this.account)) return;
    this.news = true;
    if (!this.aborter) this.#later(this.loadedAt + LEAST_MS - performance.now());
  }

  #begin() {
    this.#empty();
    this.loadedAt = -Infinity;
    const known = this.board.accounts.get(this.account);
    write($("detail-name"), known?.name ?? this.account);
    for (const input of $("detail-windows").querySelectorAll("input")) input.checked = input.value === this.window;
    $("detail-body").scrollTop = 0;
  }

  #empty() {
    this.groups = new Map();
    this.posts = new TopPosts();
    this.facts.fill([]);
    $("detail-groups").replaceChildren();
    for (const it of ["name", "about", "state"]) write($(`detail-${it}`), "");
  }

  #later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#load(), Math.max(0, ms));
  }

  async #load() {
    this.aborter?.abort();
    clearTimeout(this.timer);
    const aborter = (this.aborter = new AbortController());
    const limit = setTimeout(() => aborter.abort(new TypeError("time is up")), ANSWER_MS);
    this.news = false;
    try {
      const found = await this.#ask(aborter.signal);
      if (this.aborter !== aborter) return;
      this.#show(found);
    } catch (error) {
      if (this.aborter !== aborter) return;
      const detail = error instanceof TypeError ? "No answer from the wall." : error.message;
      this.#say(detail, "bad");
    } finally {
      clearTimeout(limit);
    }
    this.aborter = null;
    this.loadedAt = performance.now();
    this.#later(this.news ? LEAST_MS : MOST_MS);
  }

  async #ask(signal) {
    this.catalogue ??= new Catalogue(await json("api/v1/kpis", signal));
    const path = `api/v1/accounts/${encodeURIComponent(this.account)}`;
    const account = await json(`${path}/kpis?window=${this.window}`, signal);
    const told = account.kpis.some((it) => it.kpi === POSTS);
    return { account, posts: told ? await json(`${path}/posts?window=${this.window}`, signal) : null };
  }

  #show({ account, posts }) {
    const client = this.board.clients.get(account.client);
    write($("detail-name"), account.handle ?? account.account);
    write($("detail-about"), `${client?.name ?? account.client} · ${account.platform} · ${account.account}`);
    const old = account.age_ms == null ? "no figures yet" : `data ${age(account.age_ms)} old`;
    this.#say([STATES[account.state], old].filter(Boolean).join(" · "), account.state === "ok" ? "ok" : account.state === "partial" ? "warn" : "bad");
    this.facts.fill(account.kpis, this.catalogue);
    const tables = this.catalogue.grouped(account.kpis, this.window).map((group) => {
      if (!this.groups.has(group.title)) this.groups.set(group.title, new GroupTable(group.title));
      const table = this.groups.get(group.title);
      table.fill(group, this.catalogue, (id, row) => this.#asOf(id, row, account.at_ms));
      return table.element;
    });
    if (posts) {
      this.posts.fill(posts, this.catalogue);
      tables.splice(1, 0, this.posts.element);
    }
    arrange($("detail-groups"), tables);
  }

  #asOf(id, { at_ms: at }, live) {
    if (at === live && !this.catalogue.kpis.get(id)?.deep) return "";
    return `as of ${this.board.state?.clock === "event" ? moment(at) : clock(at)}`;
  }

  #say(text, level) {
    write($("detail-state"), text);
    $("detail-state").dataset.level = level;
  }

  #closed() {
    this.aborter?.abort();
    this.aborter = null;
    clearTimeout(this.timer);
    const account = this.account;
    this.account = null;
    this.#empty(); // what one viewer was shown must not stay in the page for the next
    if (this.leaving) {
      this.leaving = false;
      return;
    }
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    document.querySelector(`[data-account="${CSS.escape(account)}"] a`)?.focus();
  }
}

function windowChoice(value, text) {
  const input = Object.assign(make("input"), { type: "radio", name: "detail-window", value });
  return make("label", "", input, make("span", "", text));
}
