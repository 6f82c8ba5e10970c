// What stands in the place of the board while there is nothing to show: what that means, what to do.

import { accounts as counted } from "./format.js";
import { write } from "./motion.js";

const ADD = `clients:
  bakery:
    name: Bakery Winter
    accounts:
      - {id: "bluesky:did:plc:…", handle: winter.example}

# or look around first: resonanz up --demo`;

export function noticeOf(board, link, accounts) {
  if (link.word === "unauthorized") return null;
  if (!board.loaded) {
    return link.word === "reconnecting"
      ? ["The wall does not answer", "Is it running? This page tries again by itself.", "resonanz wall"]
      : null;
  }
  if (!board.accounts.size) {
    return ["No accounts yet", "Write one into resonanz.yaml and start again:", ADD];
  }
  if (!accounts.length) return ["No account matches", "Choose another client or platform above.", null];
  if ([...board.accounts.values()].some((it) => it.at != null)) return null;
  if (link.word === "broker away") return ["The broker does not answer", "Once it does, figures appear here by themselves.", null];
  if (link.word === "loading") return ["Starting", "Reading the figures so far. They appear here by themselves.", null];
  return [
    "Waiting for the first figures",
    `${counted(board.accounts.size)} configured, none has figures yet. With resonanz up they come within seconds; else start what counts and what listens:`,
    "resonanz worker\nresonanz connect NAME",
  ];
}

export function fillNotice(element, notice) {
  element.hidden = notice == null;
  if (notice == null) return;
  const [title, text, command] = notice;
  const [h2, p, pre] = element.children;
  write(h2, title);
  write(p, text);
  pre.hidden = !command;
  write(pre, command ?? "");
}
