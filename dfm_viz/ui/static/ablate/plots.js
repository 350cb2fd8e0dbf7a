// Curves as SVG, in the page's own type and colours. Curves differ by colour, dashes and marker.
const AB_DASH = ['', '7 4', '2 3', '10 3 2 3', '5 2 1 2 1 2', '14 4', '1 4', '8 2 8 6'];
const AB_SHAPES = ['circle', 'square', 'up', 'diamond', 'down', 'cross', 'plus', 'ring'];
function abMarker(shape, x, y, r, hollow) {
  const path = {
    square: 'M' + (x - r) + ' ' + (y - r) + 'h' + 2 * r + 'v' + 2 * r + 'h' + -2 * r + 'z',
    up: 'M' + x + ' ' + (y - r * 1.2) + 'l' + r * 1.15 + ' ' + r * 2 + 'h' + -2.3 * r + 'z',
    down: 'M' + x + ' ' + (y + r * 1.2) + 'l' + r * 1.15 + ' ' + -2 * r + 'h' + -2.3 * r + 'z',
    diamond: 'M' + x + ' ' + (y - r * 1.35) + 'l' + r * 1.35 + ' ' + r * 1.35 + 'l' + -r * 1.35 + ' ' + r * 1.35 + 'l' + -r * 1.35 + ' ' + -r * 1.35 + 'z',
    cross: 'M' + (x - r) + ' ' + (y - r) + 'l' + 2 * r + ' ' + 2 * r + 'm0 ' + -2 * r + 'l' + -2 * r + ' ' + 2 * r,
    plus: 'M' + (x - r * 1.2) + ' ' + y + 'h' + 2.4 * r + 'M' + x + ' ' + (y - r * 1.2) + 'v' + 2.4 * r,
  }[shape] || 'M' + (x - r) + ' ' + y + 'a' + r + ' ' + r + ' 0 1 0 ' + 2 * r + ' 0a' + r + ' ' + r + ' 0 1 0 ' + -2 * r + ' 0z';
  return '<path d="' + path + '" class="' + (hollow || shape === 'ring' ? 'ab-hollow' : 'ab-mark') + '"/>';
}

// Where values lie in a plot of this node's width.
function abScale(node, low, high, height, right = 14) {
  const width = Math.max(240, node.clientWidth), left = 38, top = 12, bottom = 30;
  const x = v => left + (high > low ? (v - low) / (high - low) : 0.5) * (width - left - right);
  const y = v => top + (1 - v) * (height - top - bottom);
  const back = px => clamp(low + (px - left) / (width - left - right) * (high - low), low, high);
  return { width, height, left, right, top, bottom, low, high, x, y, back };
}
const abTick = v => String(Math.round(v * 100) / 100);

// Axes from 0 to 1 upwards; along the bottom numbers or names.
function abAxes(s, names, under) {
  let out = '';
  for (const v of [0, 0.25, 0.5, 0.75, 1]) {
    out += '<line class="ab-rule" x1="' + s.left + '" x2="' + (s.width - s.right) + '" y1="' + s.y(v) + '" y2="' + s.y(v) + '"/>';
    if (v !== 0.25 && v !== 0.75) out += '<text class="ab-tick" x="' + (s.left - 8) + '" y="' + (s.y(v) + 4) + '" text-anchor="end">' + v + '</text>';
  }
  const base = s.height - s.bottom;
  if (names) {
    const room = Math.floor((s.width - s.left - s.right) / names.length / 6.6);
    return out + names.map((name, i) => '<text class="ab-tick" x="' + s.x(i) + '" y="' + (base + 18) + '" text-anchor="middle">' + esc(name.length > room ? name.slice(0, Math.max(1, room - 1)) + '\u2026' : name) + '</text>').join('');
  }
  for (let i = 0; i <= 10; i += 2) {
    const v = s.low + (s.high - s.low) * i / 10;
    out += '<line class="ab-axis" x1="' + s.x(v) + '" x2="' + s.x(v) + '" y1="' + base + '" y2="' + (base + 4) + '"/><text class="ab-tick" x="' + s.x(v) + '" y="' + (base + 17) + '" text-anchor="middle">' + abTick(v) + '</text>';
  }
  return out + '<text class="ab-under" x="' + (s.width - s.right) + '" y="' + (s.height - 1) + '" text-anchor="end">' + under + '</text>';
}
// One curve; `at` picks a style. Points: [x, y, hollow]. Steps go level, then straight up or down.
function abCurve(s, points, at, { steps = false, marks = true, line = true } = {}) {
  if (!points.length) return '';
  const place = points.map(([x, y]) => s.x(x).toFixed(1) + ' ' + s.y(y).toFixed(1));
  let path = 'M' + place[0];
  for (let i = 1; i < points.length; i++) path += steps ? 'H' + s.x(points[i][0]).toFixed(1) + 'V' + s.y(points[i][1]).toFixed(1) : 'L' + place[i];
  const drawn = line ? '<path class="ab-line" fill="none" stroke-dasharray="' + AB_DASH[at % 8] + '" d="' + path + '"/>' : '';
  return '<g class="ab-c' + at % 8 + '">' + drawn + (marks ? points.map(([x, y, hollow]) => abMarker(AB_SHAPES[at % 8], s.x(x), s.y(y), 3.4, hollow)).join('') : '') + '</g>';
}
const abUpright = (s, x, kind, text, side) => '<line class="ab-' + kind + '" x1="' + s.x(x) + '" x2="' + s.x(x) + '" y1="' + s.top + '" y2="' + (s.height - s.bottom) + '"/>' +
  (text ? '<text class="ab-' + kind + '-t" x="' + (s.x(x) + (side ? -5 : 5)) + '" y="' + (s.height - s.bottom - 6) + '" text-anchor="' + (side ? 'end' : 'start') + '">' + text + '</text>' : '');
// Labels that would lie on each other move apart; each is {x, y, text, at}.
function abLabels(s, labels) {
  const rest = [...labels].sort((a, b) => a.y - b.y);
  let last = s.top - 4;
  for (const l of rest) { l.y = Math.max(l.y, last + 14); last = l.y; }
  const over = last - (s.height - s.bottom - 4);
  return rest.map(l => '<text class="ab-label ab-c' + l.at % 8 + '" x="' + l.x + '" y="' + (l.y - Math.max(0, over)) + '" text-anchor="' + (l.end ? 'end' : 'start') + '">' + esc(l.text) + '</text>').join('');
}
// A sample of a curve's line and marker, for tables and legends.
const abSample = at => '<svg class="ab-sample ab-c' + at % 8 + '" width="34" height="14" aria-hidden="true"><path class="ab-line" fill="none" stroke-dasharray="' + AB_DASH[at % 8] + '" d="M0 7H34"/>' + abMarker(AB_SHAPES[at % 8], 17, 7, 3.6) + '</svg>';

// A plot is a slider for those who use the keyboard: arrows read, Enter takes over.
function abReadable(node, label, low, high, now, text) {
  const said = { role: 'slider', tabindex: '0', 'aria-label': label, 'aria-valuemin': low, 'aria-valuemax': high, 'aria-valuenow': now, 'aria-valuetext': text };
  for (const name in said) if (node.getAttribute(name) !== String(said[name])) node.setAttribute(name, said[name]);
}
const abStep = event => ({ ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -1e6, End: 1e6 })[event.key];
