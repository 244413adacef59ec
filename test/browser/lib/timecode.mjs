// Hears the second of the day that the demonstration's sound tells of itself; the same as
// test/scenario/lib/timecode.py, for samples that a browser played.
const SYMBOLS = 8;
const SYMBOL_S = 0.02;
const TONES_HZ = Array.from({ length: 16 }, (_, i) => 2400 + 200 * i);
const HOP_S = 0.005;
const PER = Math.round(SYMBOL_S / HOP_S);
const DAY_S = 86400;
const SHARE = 0.02;
const SURE = 1.8;

// Power of each tone in windows of one symbol, one each HOP_S.
function powersOf(samples, rate) {
  const window = Math.round(SYMBOL_S * rate);
  const count = Math.max(0, Math.floor((samples.length - window) / (HOP_S * rate)) + 1);
  const waves = TONES_HZ.map((hz) => {
    const cos = new Float64Array(window);
    const sin = new Float64Array(window);
    for (let i = 0; i < window; i++) {
      const shape = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (window - 1));
      cos[i] = shape * Math.cos((2 * Math.PI * hz * i) / rate);
      sin[i] = shape * Math.sin((2 * Math.PI * hz * i) / rate);
    }
    return { cos, sin };
  });
  const powers = [];
  for (let k = 0; k < count; k++) {
    const from = Math.round(k * HOP_S * rate);
    const row = new Float64Array(16);
    for (let t = 0; t < 16; t++) {
      const { cos, sin } = waves[t];
      let re = 0;
      let im = 0;
      for (let i = 0; i < window; i++) {
        re += samples[from + i] * cos[i];
        im += samples[from + i] * sin[i];
      }
      row[t] = re * re + im * im + 1e-12 * window * window;
    }
    powers.push(row);
  }
  return powers;
}

function median(values) {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// What a frequency does all the time is music: in each half second it is measured against that.
function evened(powers) {
  const out = [];
  for (let i = 0; i < powers.length; i += 100) {
    const near = powers.slice(Math.max(0, i - 100), i + 200);
    const around = TONES_HZ.map((_, t) => median(near.map((row) => row[t])));
    const middle = median(around);
    for (const row of powers.slice(i, i + 100)) {
      const floor = SHARE * Math.max(...row);
      out.push(row.map((power, t) => Math.log(power / (around[t] + middle + floor))));
    }
  }
  return out;
}

function wordAt(logs, start) {
  let word = 0n;
  let margin = 0;
  for (let i = 0; i < SYMBOLS; i++) {
    const row = logs[start + i * PER];
    let best = 0;
    let second = -Infinity;
    for (let t = 1; t < 16; t++) {
      if (row[t] > row[best]) {
        second = row[best];
        best = t;
      } else if (row[t] > second) {
        second = row[t];
      }
    }
    margin += Math.min(row[best] - second, 4) / SYMBOLS;
    word = (word << 4n) | BigInt((((best - 5 * i) % 16) + 16) % 16);
  }
  return { word, margin };
}

// Every burst in `samples` (mono): [{ at (seconds at which it begins), second (of the day) }, ...]
export function find(samples, rate) {
  const logs = evened(powersOf(samples, rate));
  const good = [];
  for (let start = 0; start < logs.length - PER * (SYMBOLS - 1); start++) {
    const { word, margin } = wordAt(logs, start);
    const second = word >> 15n;
    const check = ((second * 0x9e3779b1n) & 0xffffffffn) >> 17n;
    if ((word & 0x7fffn) === check && second < DAY_S && margin > SURE)
      good.push({ start, second: Number(second), margin });
  }
  const found = [];
  for (let i = 0; i < good.length;) {
    let j = i;
    while (j + 1 < good.length && good[j + 1].second === good[i].second &&
      good[j + 1].start - good[j].start <= 3) j++;
    const run = good.slice(i, j + 1);
    if (run.length >= 2) {
      let sum = 0;
      let weights = 0;
      for (const { start, margin } of run) {
        sum += start * (margin - SURE + 0.01);
        weights += margin - SURE + 0.01;
      }
      found.push({ at: (sum / weights) * HOP_S, second: good[i].second,
        sure: Math.max(...run.map((x) => x.margin)) });
    }
    i = j + 1;
  }
  return found.filter((one) => found.every((other) =>
    Math.abs(other.at - one.at) >= 0.5 || one.sure >= other.sure));
}
