// A sparkline: the velocity of the last half hour, from the wall's memory and then as it goes on.

const STEP_S = 5;
const KEEP = 360;
const LEAST_S = 60;

export class Spark {
  constructor(parent) {
    this.parent = parent;
    this.times = [];
    this.values = [];
    this.chart = null;
    parent.classList.add("empty");
  }

  // Begin anew with what the wall remembers.
  restart(timesMs, values) {
    this.times = timesMs.map((it) => it / 1000);
    this.values = [...values];
    this.#draw();
  }

  // The last point follows the number beside it; a new one begins with each step.
  push(nowMs, value) {
    const now = nowMs / 1000;
    const { times, values } = this;
    if (times.length && now < times.at(-1)) return;
    if (times.length > 1 && now - times.at(-2) < STEP_S) {
      if (times.at(-1) === now && values.at(-1) === value) return;
      times[times.length - 1] = now;
      values[values.length - 1] = value;
    } else {
      times.push(now);
      values.push(value);
    }
    if (times.length > KEEP) {
      times.shift();
      values.shift();
    }
    this.#draw();
  }

  destroy() {
    this.chart?.destroy();
    this.chart = null;
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.parent;
    const enough = this.values.filter((it) => it != null).length > 1;
    this.parent.classList.toggle("empty", !enough);
    if (!enough || !width || !height) return;
    this.chart ??= chartIn(this.parent, { width, height });
    if (this.chart.width !== width || this.chart.height !== height) this.chart.setSize({ width, height });
    this.chart.setData([this.times, this.values]);
  }
}

// The scale begins below the lowest value, but never shows a change of less than a third as a mountain.
function range(_, low, high) {
  if (low == null) return [0, 1];
  const spread = Math.max(high - low, Math.abs(high) / 3, 0.05);
  const middle = (high + low) / 2;
  return [middle - spread * 0.65, middle + spread * 0.65];
}

function chartIn(parent, size) {
  const ink = getComputedStyle(parent).color;
  const width = Math.max(1.5, Math.min(size.height / 20, innerWidth / 500));
  return new uPlot({
    ...size,
    padding: [width, width, width, 0],
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: (_, first, last) => [Math.min(first, last - LEAST_S), last] },
      y: { range },
    },
    series: [{}, {
      stroke: ink, width, fill: "rgb(255 255 255 / 9%)", points: { show: false },
      fillTo: (chart) => chart.scales.y.min,
    }],
  }, [[], []], parent);
}
