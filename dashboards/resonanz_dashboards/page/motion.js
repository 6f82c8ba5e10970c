// Quiet motion: a number runs to its new value, a row glides to its new place. None for who asked for none.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const RUN_MS = 600;
const running = new WeakMap();

const quiet = () => still.matches || document.hidden;

export function settle(element, value, format) {
  const before = running.get(element);
  if (before && before.value === value && before.format === format) return;
  cancelAnimationFrame(before?.frame);
  const state = { value, format, shown: value, frame: 0 };
  running.set(element, state);
  const from = before?.shown;
  if (from == null || value == null || quiet()) {
    write(element, format(value));
    return;
  }
  const begin = performance.now();
  const step = (now) => {
    const share = Math.min(1, (now - begin) / RUN_MS);
    state.shown = share < 1 ? from + (value - from) * (1 - (1 - share) ** 3) : value;
    write(element, format(state.shown));
    if (share < 1) state.frame = requestAnimationFrame(step);
  };
  state.frame = requestAnimationFrame(step);
}

// Only what differs: an unchanged text must cost no layout.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function glide(elements, rearrange) {
  const before = new Map(elements.map((it) => [it, it.offsetTop]));
  rearrange();
  if (quiet()) return;
  for (const [element, top] of before) {
    const moved = element.isConnected ? top - element.offsetTop : 0;
    if (moved) {
      element.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 450, easing: "ease-out" });
    }
  }
}
