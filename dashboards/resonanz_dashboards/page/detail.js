// An account, or a client, with all its figures. Only what is open is asked for them, and again when it changes.

import { addressOf, openIn, wanted } from "./asked.js";
import { deepWindow } from "./board.js";
import { Catalogue } from "./catalogue.js";
import { clock, moment, WINDOW_NAMES } from "./format.js";
import { Facts } from "./facts.js";
import { GroupTable } from "./group_table.js";
import { arrange, make } from "./make.js";
import { write } from "./motion.js";
import { json } from "./stream.js";
import { OfAccount, OfClient } from "./subject.js";
import { TopPosts } from "./top_posts.js";

const MOST_MS = 30_000; // what does not change is asked again after this
const ANSWER_MS = 15_000;
const POSTS = "over_performance";
const LEVELS = { ok: "ok", partial: "warn", stale: "bad", no_data: "bad" };
const STATES = { stale: "STALE", partial: "PARTIAL", no_data: "NO DATA", ok: "" };

const $ = (id) => document.getElementById(id);

export class Detail {
  constructor(board) {
    this.board = board;
    this.dialog = $("detail");
    this.facts = new Facts($("detail-facts"));
    this.catalogue = null;
    this.subject = null;
    this.timer = null;
    this.dialog.addEventListener("close", () => this.#closed());
    $("detail-close").addEventListener("click", () => this.dialog.close());
    $("detail-windows").append(...Object.entries(WINDOW_NAMES).map(([name, text]) => windowChoice(name, text)));
    $("detail-windows").addEventListener("change", (event) => {
      history.replaceState(null, "", addressOf(this.subject.address, event.target.value));
      this.follow();
    });
    addEventListener("hashchange", () => this.follow());
  }

  // Show what the address asks for.
  follow() {
    const { account, client, window } = openIn(location.hash);
    if (!account && !client) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const chosen = window ?? deepWindow(wanted.window);
    const subject = account ? new OfAccount(account) : new OfClient(client);
    if (subject.path === this.subject?.path && chosen === this.window) return;
    this.subject = subject;
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
    if (!this.subject?.concerns(ids, this.board)) return;
    this.news = true;
    if (!this.aborter) this.#later(this.loadedAt + this.subject.leastMs - performance.now());
  }

  #begin() {
    this.#empty();
    this.loadedAt = -Infinity;
    write($("detail-name"), this.subject.name(this.board));
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
    this.#later(this.news ? this.subject.leastMs : MOST_MS);
  }

  async #ask(signal) {
    this.catalogue ??= new Catalogue(await json("api/v1/kpis", signal));
    const { path } = this.subject;
    const answer = await json(`${path}/kpis?window=${this.window}`, signal);
    const told = answer.account != null && answer.kpis.some((it) => it.kpi === POSTS);
    return { answer, posts: told ? await json(`${path}/posts?window=${this.window}`, signal) : null };
  }

  #show({ answer, posts }) {
    const { subject, board } = this;
    write($("detail-name"), subject.name(board));
    write($("detail-about"), subject.about(answer, board));
    this.#say([STATES[answer.state], subject.old(answer)].filter(Boolean).join(" · "), LEVELS[answer.state]);
    this.facts.fill(answer.kpis, this.catalogue);
    const tables = this.catalogue.grouped(answer.kpis, this.window).map((group) => {
      if (!this.groups.has(group.title)) this.groups.set(group.title, new GroupTable(group.title));
      const table = this.groups.get(group.title);
      table.fill(group, this.catalogue, (id, row) => this.#asOf(id, row, answer));
      return table.element;
    });
    if (posts) {
      this.posts.fill(posts, this.catalogue);
      tables.splice(1, 0, this.posts.element);
    }
    arrange($("detail-groups"), tables);
  }

  #asOf(id, row, answer) {
    const { at_ms: at } = row;
    if (at == null || (!this.subject.dated(row, answer) && !this.catalogue.kpis.get(id)?.deep)) return "";
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
    const { address } = this.subject;
    this.subject = null;
    this.#empty(); // what one viewer was shown must not stay in the page for the next
    if (this.leaving) {
      this.leaving = false;
      return;
    }
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    const opener = [...document.querySelectorAll(".row a")].find((it) => it.hash === addressOf(address));
    opener?.focus();
  }
}

function windowChoice(value, text) {
  const input = Object.assign(make("input"), { type: "radio", name: "detail-window", value });
  return make("label", "", input, make("span", "", text));
}
