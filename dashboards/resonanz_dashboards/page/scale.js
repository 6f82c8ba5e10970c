// Where a number stands on a bar, as a share of its length.

// Linear up to the smallest value shown, logarithmic beyond: zero has its place, and an account whose rate is a
// thousand times another's leaves both to be read. Four decades at most.
export function spread(values, top) {
  const least = Math.min(top, ...values.filter((it) => it > 0));
  const unit = Math.max(least, top / 1e4);
  const whole = Math.asinh(top / unit);
  return { top, at: (value) => Math.asinh(Math.min(top, Math.max(0, value)) / unit) / whole };
}

// From zero, for shares and for bars whose lengths compare.
export const linear = (top) => ({ top, at: (value) => Math.min(1, Math.max(0, value / top)) });

export function nice(top) {
  if (!(top > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  return power * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= top * 0.999);
}

// An interval and its value, drawn; ``bar``: also a bar from zero to the value.
export function drawRange({ whisker, span, mark, bar }, { value, lo, hi }, scale) {
  const at = (number) => `${(100 * scale.at(number)).toFixed(2)}%`;
  const bounded = lo != null && hi != null;
  whisker.hidden = value == null || !(bounded || bar);
  if (whisker.hidden) return;
  span.hidden = !bounded;
  if (bounded) {
    span.style.left = `min(${at(lo)}, calc(100% - var(--least)))`; // however short, it is seen
    span.style.right = `calc(100% - ${at(hi)})`;
    span.classList.toggle("beyond", hi > scale.top);
  }
  mark.style.left = at(value);
  if (bar) bar.style.right = `calc(100% - ${at(value)})`;
}
