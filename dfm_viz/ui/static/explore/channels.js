// The channel branch: C_A, C_M, C_E as bars on one axis, sorted by attention. The strongest are
// wide enough to pick; the others are compressed at the right.
const STRONG = 24;
let order = [], orderKey = '';

function sortChannels() {
  const key = data.parts['point/C_A'].key;
  if (key === orderKey) return;
  orderKey = key;
  const attention = array('point/C_A');
  order = Array.from(attention.keys()).sort((a, b) => attention[b] - attention[a] || a - b);
}
const rankOf = channel => order.indexOf(channel);

function buildChannels() {
  return '<div class="chan">' + CHANNEL_ROWS.map(([id, name, equation], i) =>
    '<div class="l"><div class="sym2">' + math(SYMBOL[id]) + '<small>' + name + '</small></div><div class="eq2">' + math(equation) + '</div></div>' +
    '<div class="g' + (i ? '' : ' tall') + '"><canvas class="c" data-bars="' + id + '" role="img"' + (i ? '' : ' tabindex="0"') + '></canvas></div><div class="r" data-note="' + id + '"></div>').join('') +
    '<div class="cap"><span><label for="dx-channel">Channel</label><input class="num" id="dx-channel" inputmode="numeric" autocomplete="off"><span class="rank"></span><button type="button" class="link" data-act="mean"></button></span><span class="rest"></span></div></div>';
}

function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1, box = canvas.parentElement.getBoundingClientRect();
  const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, box.width, box.height);
  const strong = Math.min(STRONG, order.length), tail = order.length > strong ? box.width * 0.2 : 0, gap = tail ? 12 : 0;
  return { g, w: box.width, h: box.height, strong, tail, bar: (box.width - tail - gap) / strong, start: box.width - tail };
}
const tailIndex = (q, i) => order[Math.min(order.length - 1, q.strong + Math.round(i / q.tail * (order.length - q.strong - 1)))];

function paintBars() {
  const style = getComputedStyle(app), ink = name => style.getPropertyValue(name).trim();
  const attention = array('point/C_A'), mask = array('point/C_M'), top = summary(attention, 1).high;
  const alpha = data.info.settings.alpha, selected = rankOf(state.channel);
  const q = prepare($('[data-bars=C_A]')), { g, w, h } = q, head = 14, room = h - head - 1;
  const y = x => top > 0 ? h - 1 - clamp(x / top, 0, 1) * room : h - 1;
  for (let i = 0; i < q.strong; i++) {
    const value = attention[order[i]], x = i * q.bar, masked = mask[order[i]] === 0;
    g.fillStyle = i === selected ? ink('--accent') : ink('--line2');
    g.fillRect(x + 1, y(value), q.bar - 2, h - 1 - y(value));
    if (!masked) continue;
    g.save();
    g.beginPath(); g.rect(x + 1, y(value), q.bar - 2, h); g.clip();
    g.strokeStyle = ink('--surface'); g.lineWidth = 1.4;
    for (let k = -h; k < h * 2; k += 5) { g.beginPath(); g.moveTo(x - 2, k + q.bar + 4); g.lineTo(x + q.bar + 2, k); g.stroke(); }
    g.restore();
    g.strokeStyle = i === selected ? ink('--accent') : ink('--ink2'); g.lineWidth = 1;
    g.strokeRect(x + 1.5, y(value) + 0.5, Math.max(1, q.bar - 3), Math.max(0, h - 1.5 - y(value)));
  }
  if (q.tail) {
    g.fillStyle = ink('--line2'); g.beginPath(); g.moveTo(q.start, h - 1);
    for (let i = 0; i <= q.tail; i++) g.lineTo(q.start + i, y(attention[tailIndex(q, i)]));
    g.lineTo(w, h - 1); g.fill();
  }
  g.strokeStyle = ink('--line'); g.beginPath(); g.moveTo(0, h - 0.5); g.lineTo(w, h - 0.5); g.stroke();
  const limit = y(alpha * top);
  g.strokeStyle = ink('--ink'); g.setLineDash([4, 3]); g.lineWidth = 1.25;
  g.beginPath(); g.moveTo(0, limit); g.lineTo(w, limit); g.stroke(); g.setLineDash([]);
  const text = '\u03b1 \u00d7 max = ' + fmt(alpha * top), at = limit - 5 < 11 ? limit + 14 : limit - 5;
  g.font = '12px ' + ink('--font'); g.textAlign = 'right';
  g.strokeStyle = ink('--surface'); g.lineWidth = 4; g.strokeText(text, w, at);
  g.fillStyle = ink('--ink'); g.fillText(text, w, at);
  paintStrip('C_M', mask, selected, ink);
  paintStrip('C_E', array('point/C_E'), selected, ink);
}

function paintStrip(id, values, selected, ink) {
  const q = prepare($('[data-bars=' + id + ']')), { g, h } = q;
  for (let i = 0; i < q.strong; i++) { g.fillStyle = colour(values[order[i]], 0, 1); g.fillRect(i * q.bar + 1, 0, q.bar - 2, h); }
  g.strokeStyle = ink('--line2');
  g.lineWidth = 1;
  for (let i = 0; i < q.strong; i++) if (values[order[i]] === 0) g.strokeRect(i * q.bar + 1.5, 0.5, Math.max(1, q.bar - 3), h - 1);
  for (let i = 0; i < q.tail; i++) { g.fillStyle = colour(values[tailIndex(q, i)], 0, 1); g.fillRect(q.start + i, 0, 1.5, h); }
  if (selected < 0 || selected >= q.strong) return;
  g.strokeStyle = ink('--surface'); g.lineWidth = 4; g.strokeRect(selected * q.bar, 0, q.bar, h);
  g.strokeStyle = ink('--accent'); g.lineWidth = 2; g.strokeRect(selected * q.bar + 1, 1, q.bar - 2, h - 2);
}

function paintChannelNotes() {
  const mean = state.channel === 'mean', rank = rankOf(state.channel), total = order.length;
  const attention = array('point/C_A'), masked = array('point/C_M').reduce((n, x) => n + (x === 0 ? 1 : 0), 0);
  set($('[data-note=C_A]'), 'innerHTML', '<div class="st">' + statistics(summary(attention, 1)) + '</div>');
  set($('[data-note=C_M]'), 'textContent', masked + ' of ' + total + ' masked');
  const note = $('[data-note=C_E]');
  if (!note.firstChild) note.innerHTML = '<div class="cb"><span>0</span><canvas></canvas><span>1</span></div>';
  if (note.dataset.colours !== state.colormap) { colourBar($('canvas', note)); note.dataset.colours = state.colormap; }
  const field = $('#dx-channel');
  if (document.activeElement !== field) field.value = mean ? '' : String(state.channel);
  set($('.cap .rank'), 'textContent', mean ? 'mean of all ' + total : 'number ' + (rank + 1) + ' of ' + total + ' by attention');
  set($('.cap [data-act=mean]'), 'textContent', mean ? 'one channel' : 'mean of all');
  set($('.cap .rest'), 'textContent', total > STRONG ? STRONG + ' strongest, then the other ' + (total - STRONG) : '');
  const spoken = total + ' channels sorted by attention, ' + masked + ' masked; ' + (mean ? 'the mean of all is shown' : 'channel ' + state.channel + ' is selected, number ' + (rank + 1) + ', attention ' + fmt(attention[state.channel])) + '. Arrow keys choose another.';
  if ($('[data-bars=C_A]').getAttribute('aria-label') !== spoken) $('[data-bars=C_A]').setAttribute('aria-label', spoken);
  for (const id of ['C_M', 'C_E']) {
    const label = PLAIN[id] + ': ' + (id === 'C_M' ? masked + ' of ' + total + ' channels are masked (0), the others 1.' : 'tanh of C_A, mean ' + fmt(summary(array('point/C_E'), 1).mean) + '.');
    if ($('[data-bars=' + id + ']').getAttribute('aria-label') !== label) $('[data-bars=' + id + ']').setAttribute('aria-label', label);
  }
}

function chooseChannel(channel) {
  if (channel === state.channel) return;
  state.channel = channel;
  paintBars();
  paintChannelNotes();
  ask();
}
function stepChannel(by) {
  const rank = rankOf(state.channel);
  chooseChannel(order[rank < 0 ? 0 : clamp(rank + by, 0, order.length - 1)]);
}
function channelAt(canvas, clientX) {
  const box = canvas.getBoundingClientRect(), strong = Math.min(STRONG, order.length);
  const tail = order.length > strong ? box.width * 0.2 : 0, bar = (box.width - tail - (tail ? 12 : 0)) / strong, x = clientX - box.left;
  const i = Math.floor(x / bar);
  if (i >= 0 && i < strong) return order[i];
  return tail ? tailIndex({ strong, tail }, clamp(x - (box.width - tail), 0, tail)) : null;
}
