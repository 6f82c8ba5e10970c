// Why there is no figure, in few words for a cell of the ranking. Whole sentences come from the wall.

import { words } from "./format.js";

const SHORT = {
  no_potential: "no potential configured",
  no_followers: "followers not known",
  negative_count: "more removed than seen",
  sla_not_passed: "no SLA has passed yet",
  sla_longer_than_window: "SLA longer than the window",
};

export const shortReason = (reason) => (reason == null ? "not measured" : SHORT[reason] ?? words(reason));
