// A pinned setting, and every map of the shown point as a signed difference to it.
const AB_PIN_MAPS = ['F_in', 'P_A', 'P_E', 'P_M_prime', 'Delta_M', 'P_M', 'C_ME', 'P_ME', 'F_out'];
const AB_PIN_BARS = ['C_A', 'C_E', 'C_M'];
// A pin keeps what differs from the settings the page begins with. From a link it may hold anything:
// only known names with plain values stay, the server checks the values.
function abPinFrom(given) {
  if (!given || typeof given !== 'object' || Array.isArray(given)) return null;
  const pin = {}, texts = v => Array.isArray(v) && v.length < 20 && v.every(x => typeof x === 'string');
  const draws = v => typeof v === 'object' && !Array.isArray(v) && Object.values(v).every(x => x === 'position' || x === 'channel');
  for (const name in given) {
    const v = given[name], number = typeof v === 'number' && Number.isFinite(v);
    const plain = name === 'points' ? texts(v) : name === 'path' ? v !== null && draws(v) : name in facts.settings && (number || typeof v === 'string');
    if (plain) pin[name] = v;
  }
  return pin;
}
function abPinNow() {
  const t = state.settings, path = data.info.settings.path || {}, pin = {};
  for (const name in facts.settings) if (t[name] !== null && t[name] !== facts.settings[name]) pin[name] = t[name];
  if (Object.values(path).includes('channel')) pin.path = path;
  return pin;
}
AB_ACTIONS.pin = () => {
  AB.pinned = abPinNow();
  AB.parts.pin.empty();
  AB.parts.pin.paint();
  abWake();
};
AB_ACTIONS.unpin = () => { AB.pinned = null; AB.parts.pin.empty(); AB.parts.pin.paint(); $('[data-ab=pin]').focus({ preventScroll: true }); abWake(); };
AB_ACTIONS.back = () => {
  const { path, points, ...rest } = AB.pinned, all = familyFacts().points.map(p => p.name), used = (points || []).filter(name => all.includes(name));
  state.draws = { ...path };
  abTake({ ...facts.settings, ...rest, points: used.length && used.length < all.length ? used : null });
};

AB.parts.pin = {
  asks: 'ablate_difference', reply: null, arrays: null, colours: null,
  ready: () => AB.pinned !== null,
  key: info => abKey(info, [], [AB.pinned, info.point, info.channel]),
  query: info => ({ ...abQuestion(info, {}), pinned: AB.pinned, point: info.point, channel: info.channel }),
  empty() { this.reply = null; this.done = this.failed = ''; },
  follow() {},
  whole(reply) {
    this.reply = reply;
    this.arrays = {};
    for (const name in reply.parts) this.arrays[name] = { values: decode(reply.parts[name]), shape: reply.parts[name].shape };
  },
  paint() {
    const root = $('.ab-pin'), r = this.reply, pinned = AB.pinned !== null;
    $('[data-ab=unpin]').hidden = $('[data-ab=back]').hidden = !pinned;
    $('[data-ab=pin]').textContent = pinned ? 'Pin the present setting instead' : 'Pin the present setting';
    if (!pinned) { root.innerHTML = '<p class="muted">Pin a setting, then move a slider: every map appears as its difference to the pinned one.</p>'; return; }
    if (!r) { root.innerHTML = '<p class="muted">Pinned. Waiting for the differences.</p>'; return; }
    if (!this.colours) this.load();
    const a = r.new, b = r.old, both = { ...a, other: b.box };
    const iou = a.iou === null ? 'Box ' + abPercent(b.area) + ' \u2192 ' + abPercent(a.area) + ' of the picture' :
      'IoU ' + b.iou.toFixed(3) + ' \u2192 ' + a.iou.toFixed(3) + (Math.abs(a.iou - b.iou) < 5e-4 ? ', no change' : ' (' + (a.iou > b.iou ? '+' : '') + minus((a.iou - b.iou).toFixed(3)) + ')');
    const list = r.changed.length ? r.changed.map(c => '<li>' + esc(this.word(c.name)) + ' ' + esc(this.plain(c.old)) + ' \u2192 <b>' + esc(this.plain(c.new)) + '</b></li>').join('') : '<li>The present setting is the pinned one; move a slider to see a difference.</li>';
    const label = a.label === b.label ? esc(a.label) : '<b>Another class:</b> ' + esc(b.label) + ' \u2192 ' + esc(a.label) + ', so the class maps are not of the same class.';
    const symbol = name => name === 'cam' ? 'class map' : math(SYMBOL[name]), figure = name => {
      const d = this.arrays[name];
      if (!d) return '';
      return '<figure class="ab-diff" data-d="' + name + '"><figcaption>' + symbol(name) + '</figcaption><canvas role="img"></canvas><div class="ab-cb"></div></figure>';
    };
    const where = pointTitle(data.info.point), bars = AB_PIN_BARS.filter(name => this.arrays[name]);
    root.innerHTML = '<div class="ab-sum"><div class="ab-pair">' + abThumb(both, 'p') + '</div><div><p class="ab-big">' + iou + '</p><p>' + label + '</p><ul>' + list + '</ul><p class="muted">Pink: the present box. Thin white: the pinned box. Dashed: the true box.</p></div></div>' +
      (r.reason ? '<p class="ab-note">' + esc(r.reason) + '</p>' : '') + '<div class="ab-diffs">' + figure('cam') + AB_PIN_MAPS.map(figure).join('') + '</div>' +
      (bars.length ? '<div class="ab-strips">' + bars.map(figure).join('') + '</div>' : '') +
      '<p class="muted">Present minus pinned, ' + (this.arrays.P_A ? 'maps at ' + esc(where) + ', of F and ME ' + (data.info.channel === 'mean' ? 'the mean over all channels' : 'channel ' + data.info.channel) + '. ' : '') + 'Red: larger now. Blue: smaller now. Each scale is symmetric about 0. ' + (bars.length ? 'Of neighbouring channels a stripe shows the largest difference.' : '') + '</p>';
    abMaps(root, { p: both }, 320);
    for (const name in this.arrays) this.draw(name);
  },
  draw(name) {
    const node = $('[data-d="' + name + '"]'), { shape } = this.arrays[name];
    if (!node) return;
    const values = shape.length > 1 ? this.arrays[name].values : this.stripes(this.arrays[name].values);
    const [rows, columns] = shape.length > 1 ? shape : [1, values.length], canvas = $('canvas', node), foot = $('.ab-cb', node);
    let most = 0;
    for (const v of values) most = Math.max(most, Math.abs(v));
    raster(canvas, columns, rows, out => { for (let i = 0; i < out.length; i++) out[i] = this.colours[most ? clamp(Math.round(127.5 + 127.5 * values[i] / most), 0, 255) : 128]; });
    const spoken = name === 'cam' ? 'Class map' : PLAIN[name];
    node.classList.toggle('ab-same', most === 0);
    if (!most) {
      foot.textContent = 'No difference';
      canvas.setAttribute('aria-label', spoken + ': no difference.');
      return;
    }
    foot.innerHTML = '<canvas aria-hidden="true"></canvas><span>' + fmt(-most) + '</span><span>0</span><span>+' + fmt(most) + '</span>';
    raster($('canvas', foot), 256, 1, out => { for (let i = 0; i < 256; i++) out[i] = this.colours[i]; });
    const s = summary(values, columns);
    canvas.setAttribute('aria-label', spoken + ', present minus pinned: from ' + fmt(s.low) + ' to ' + fmt(s.high) + ', mean ' + fmt(s.mean) + '.');
  },
  // More channels than stripes that can be seen: each stripe takes its largest difference.
  stripes(values) {
    const each = Math.ceil(values.length / 300), found = new Float32Array(Math.ceil(values.length / each));
    values.forEach((v, i) => { const k = Math.floor(i / each); if (Math.abs(v) > Math.abs(found[k])) found[k] = v; });
    return found;
  },
  load() {
    const bytes = decode({ dtype: 'u8', data: AB.facts.difference });
    this.colours = new Uint32Array(256);
    for (let i = 0; i < 256; i++) this.colours[i] = (255 << 24 | bytes[3 * i + 2] << 16 | bytes[3 * i + 1] << 8 | bytes[3 * i]) >>> 0;
  },
  word(name) {
    const p = parameters().find(q => q.name === name);
    return p ? p.symbol : facts.choices[name] ? facts.choices[name].label : { points: 'DFM stands after', target: 'Class', seed: 'Seed' }[name] || name;
  },
  plain: v => v === null ? 'each its own' : typeof v === 'number' ? String(Math.round(v * 10000) / 10000) : Array.isArray(v) ? v.map(pointTitle).join(' + ') : String(v),
};
