// Quiet motion: a number runs to its new value, a row glides to its new place. None for who asked for none.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const RUN_MS = 600;
const running = new WeakMap();

export function settle(element, value, format) {
  const from = running.get(element)?.value;
  if (value === from) return;
  cancelAnimationFrame(running.get(element)?.frame);
  const state = { value, frame: 0 };
  running.set(element, state);
  if (from == null || value == null || still.matches || document.hidden) {
    element.textContent = format(value);
    return;
  }
  const begin = performance.now();
  const step = (now) => {
    const share = Math.min(1, (now - begin) / RUN_MS);
    const eased = 1 - (1 - share) ** 3;
    element.textContent = format(share < 1 ? from + (value - from) * eased : value);
    if (share < 1) state.frame = requestAnimationFrame(step);
  };
  state.frame = requestAnimationFrame(step);
}

export function glide(elements, rearrange) {
  const before = new Map(elements.map((it) => [it, it.offsetTop]));
  rearrange();
  if (still.matches || document.hidden) return;
  for (const [element, top] of before) {
    const moved = element.isConnected ? top - element.offsetTop : 0;
    if (moved) {
      element.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 450, easing: "ease-out" });
    }
  }
}
