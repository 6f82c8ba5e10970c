// The line to the wall: the stream, read with fetch because EventSource cannot send the token as a header,
// and a token must not stand in an address. Who there is, is asked only of a wall that has started since.

const SILENCE_MS = 15_000; // three missed heartbeats
const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const KEY = "resonanz-token";

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

class Unauthorized extends Error {}
class Unknown extends Error {}
const ERRORS = { 401: Unauthorized, 404: Unknown };

async function ask(path, signal, headers = {}) {
  const held = token.get();
  if (held) headers.Authorization = `Bearer ${held}`;
  const answer = await fetch(path, { signal, headers, cache: "no-store" });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const detail = problem.detail ?? `The wall answered ${answer.status}.`;
  throw new (ERRORS[answer.status] ?? Error)(detail);
}

export const json = async (path, signal) => (await ask(path, signal)).json();

async function roster(signal) {
  const { clients } = await json("api/v1/clients", signal);
  const accounts = [];
  let after = "";
  do {
    const page = await json(`api/v1/accounts?limit=10000${after}`, signal);
    accounts.push(...page.accounts);
    after = page.next == null ? null : `&after=${encodeURIComponent(page.next)}`;
  } while (after != null);
  return { clients, accounts };
}

// Half an hour of velocities: of everything under ``query``, and of each of ``ids``.
export async function velocities(query, ids) {
  const asked = new URLSearchParams(query);
  for (const id of ids) asked.append("account", id);
  return json(`api/v1/velocities?${asked}`, AbortSignal.timeout(SILENCE_MS));
}

function event(block) {
  const it = { event: "message", id: null, data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) it[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
  }
  return it;
}

export class Link {
  // on: {roster, state, snapshots, link(word, detail), unknown(): whether something else is asked for now}
  constructor(on) {
    this.on = on;
    this.attempt = 0;
    this.boot = null;
    this.lastId = null;
    this.aborter = null;
    this.timer = null;
  }

  open(query) {
    this.stop();
    this.query = query;
    this.lastId = null;
    this.#run();
  }

  // Another viewer sits here: who there is must be asked anew.
  reopen() {
    this.boot = null;
    this.open(this.query);
  }

  stop() {
    clearTimeout(this.timer);
    this.aborter?.abort();
    this.aborter = null;
  }

  async #run() {
    const aborter = (this.aborter = new AbortController());
    try {
      await this.#read(aborter);
      throw new Error("The wall ended the stream.");
    } catch (error) {
      if (this.aborter !== aborter) return; // somebody opened another line meanwhile
      this.#lost(error);
    }
  }

  #lost(error) {
    if (error instanceof Unauthorized) {
      this.on.link("unauthorized", error.message);
      return;
    }
    if (error instanceof Unknown && this.on.unknown()) return;
    const wait = BACK_OFF_MS[Math.min(this.attempt, BACK_OFF_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    this.attempt += 1;
    // A browser's own words for a refused connection help nobody.
    const detail = error instanceof TypeError || error.name === "AbortError" ? "No answer from the wall." : error.message;
    this.on.link("reconnecting", detail);
    this.timer = setTimeout(() => this.#run(), wait);
  }

  async #read(aborter) {
    let watchdog = setTimeout(() => aborter.abort(), SILENCE_MS);
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => aborter.abort(), SILENCE_MS);
    };
    try {
      const headers = this.lastId ? { "Last-Event-ID": this.lastId } : {};
      const answer = await ask(`api/v1/stream?${this.query}`, aborter.signal, headers);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) await this.#hand(event(block), aborter.signal);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  async #hand({ event: name, id, data }, signal) {
    this.attempt = 0;
    if (name === "state") {
      const state = JSON.parse(data);
      if (state.boot !== this.boot) {
        this.on.roster(await roster(signal));
        this.boot = state.boot;
      }
      this.on.state(state);
    }
    if (name === "snapshots") this.on.snapshots(JSON.parse(data).snapshots);
    if (id) this.lastId = id;
  }
}
