// What can be opened: an account, or a client as what all its accounts are together.

import { accounts as accountsOf, age } from "./format.js";

const written = encodeURIComponent;

export class OfAccount {
  constructor(id) {
    this.address = { account: id };
    this.path = `api/v1/accounts/${written(id)}`;
    this.leastMs = 5000;
    this.id = id;
  }

  concerns(ids) {
    return ids.includes(this.id);
  }

  name({ accounts }) {
    return accounts.get(this.id)?.name ?? this.id;
  }

  about(answer, { clients }) {
    return `${clients.get(answer.client)?.name ?? answer.client} · ${answer.platform} · ${this.id}`;
  }

  old({ age_ms: old }) {
    return old == null ? "no figures yet" : `data ${age(old)} old`;
  }

  // Whether a figure is older than the answer.
  dated(row, answer) {
    return row.at_ms !== answer.at_ms;
  }
}

export class OfClient {
  constructor(id) {
    this.address = { client: id };
    this.path = `api/v1/clients/${written(id)}`;
    this.leastMs = 15_000; // all its accounts are read for it
    this.id = id;
  }

  concerns(ids, { accounts }) {
    return ids.some((id) => accounts.get(id)?.client === this.id);
  }

  name({ clients }) {
    return clients.get(this.id)?.name ?? this.id;
  }

  about({ accounts }, { clients }) {
    const platforms = clients.get(this.id)?.platforms ?? [];
    return [accountsOf(accounts), ...platforms].join(" · ");
  }

  old({ accounts, stale }) {
    return stale.length ? `${accounts - stale.length} of ${accountsOf(accounts)} fresh` : "all accounts fresh";
  }

  dated() {
    return false;
  }
}
