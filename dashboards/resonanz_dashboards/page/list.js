// The ranking on the screen: which rows there is room for, and how they move.

import { glide } from "./motion.js";
import { Row } from "./rows.js";

const PHONE_ROWS = 60;
const [NORMAL, LARGE] = [11, 16]; // rem a row, at least

export class List {
  constructor(element, phone) {
    this.element = element;
    this.phone = phone;
    this.rows = new Map();
  }

  // How many rows fit, each as high as the space allows; few accounts are written larger.
  room(accounts) {
    const { dataset } = this.element.parentElement;
    dataset.size = "normal";
    if (this.phone.matches) return PHONE_ROWS;
    const height = this.element.clientHeight;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const fit = (least) => Math.max(1, Math.floor((height + 1) / (least * rem)));
    const large = accounts <= fit(LARGE);
    if (large) dataset.size = "large";
    const room = fit(large ? LARGE : NORMAL);
    this.element.style.setProperty("--height", `${height / room}px`);
    return room;
  }

  // Returns the accounts whose rows are new.
  place(top) {
    const keep = new Set(top.map((it) => it.id));
    for (const [id, row] of this.rows) {
      if (!keep.has(id)) {
        row.destroy();
        this.rows.delete(id);
      }
    }
    const fresh = top.filter((it) => !this.rows.has(it.id));
    for (const it of fresh) this.rows.set(it.id, new Row(it));
    const elements = top.map((it) => this.rows.get(it.id).element);
    const { children } = this.element;
    if (children.length !== elements.length || elements.some((it, i) => children[i] !== it)) {
      glide(elements.filter((it) => it.isConnected), () => this.element.replaceChildren(...elements));
    }
    return fresh;
  }
}
