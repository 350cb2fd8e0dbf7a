// Small helpers shared by the files below; all files run in one function scope, in a fixed order.
const $ = (query, root = element) => root.querySelector(query);
const $$ = (query, root = element) => [...root.querySelectorAll(query)];
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const esc = text => String(text).replace(/[&<>"']/g, c => escapes[c]);
const minus = text => /^-[0.]*$/.test(text) ? text.slice(1) : text.replace('-', '\u2212');

function fmt(x, digits = 2) {
  const size = Math.abs(x);
  if (size >= 1e5 || (size > 0 && size < 5e-4 && digits === 2)) return minus(x.toExponential(0));
  if (size > 0 && size < 5e-3 && digits === 2) return minus(x.toFixed(3));
  return minus(x.toFixed(size >= 100 ? Math.min(digits, 1) : digits));
}

// One part of a reply: base64 text of a little-endian array, its type and its shape.
function decode(part) {
  const text = atob(part.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return part.dtype === 'u8' ? bytes : new Float32Array(bytes.buffer);
}

// Least, mean and greatest value, where the greatest lies, and the centre of mass above the least.
function summary(values, columns) {
  let low = Infinity, high = -Infinity, sum = 0, peak = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i];
    sum += x;
    if (x < low) low = x;
    if (x > high) { high = x; peak = i; }
  }
  let mass = 0, row = 0, column = 0;
  for (let i = 0; i < values.length; i++) {
    const w = values[i] - low;
    mass += w;
    row += w * Math.floor(i / columns);
    column += w * (i % columns);
  }
  const flat = high - low <= 1e-7 * Math.max(1, Math.abs(high));
  return { low, high, mean: sum / values.length, flat, peak: [Math.floor(peak / columns), peak % columns],
    centre: mass > 0 ? [row / mass, column / mass] : null };
}

// The same in words: what a canvas shows, for those who cannot see it.
function sentence(name, values, columns) {
  const s = summary(values, columns);
  if (s.flat) return name + ': flat, every cell is ' + fmt(s.low) + '.';
  return name + ': from ' + fmt(s.low) + ' to ' + fmt(s.high) + ', mean ' + fmt(s.mean) +
    '; highest in row ' + (s.peak[0] + 1) + ', column ' + (s.peak[1] + 1) +
    '; centre of mass near row ' + Math.round(s.centre[0] + 1) + ', column ' + Math.round(s.centre[1] + 1) + '.';
}
