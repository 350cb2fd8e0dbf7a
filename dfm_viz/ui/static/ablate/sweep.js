// One parameter over its whole range: IoU and box area, pictures along it, the present value.
AB.parts.sweep = {
  long: true, kind: 'sweep', entries: [], plan: null, at: null, scale: null,
  ready: () => true,
  key: info => abKey(info, [AB.chosen.parameter, 'path'], [AB.chosen.parameter, AB.chosen.count]),
  query: info => ({ ...abQuestion(info, {}), parameter: AB.chosen.parameter, count: AB.chosen.count }),
  build() {
    $('#ab-parameter').innerHTML = AB.facts.swept.map(p => '<option value="' + p.name + '">' + (p.symbol ? p.symbol + ' \u2013 ' : '') + esc(p.label) + '</option>').join('');
    $('#ab-count').innerHTML = AB.facts.counts.map(n => '<option>' + n + '</option>').join('');
    this.show();
  },
  show() { $('#ab-parameter').value = AB.chosen.parameter; $('#ab-count').value = String(AB.chosen.count); },
  known: () => AB.facts.swept.find(p => p.name === AB.chosen.parameter),
  empty() { this.entries = []; this.plan = null; this.at = null; this.done = ''; },
  begin(plan) {
    const same = this.plan && this.plan.parameter === plan.parameter && this.plan.values.length === plan.values.length;
    this.entries = same ? this.entries.map(e => ({ ...e, old: true })) : [];
    if (!same) this.at = null;
    this.plan = plan;
  },
  items(list) { for (const e of list) this.entries[e.i] = e; },
  finish() {},
  follow() { if (this.plan) this.paint(); },
  letter() { const p = this.known(); return p.symbol || p.label; },
  title(i) { return this.plan.titles ? this.plan.titles[i] : this.plan.values[i].toFixed(2); },
  // The present value: a number, or the place of a choice among all.
  current() {
    const t = { ...data.info.settings }, name = AB.chosen.parameter;
    if (state.settings[name] !== null && state.settings[name] !== undefined) t[name] = state.settings[name];
    if (!this.plan || this.plan.parameter !== name) return null;
    if (!this.plan.titles) return t[name];
    const value = name === 'points' ? t.points.join('+') : t[name], i = this.plan.values.indexOf(value);
    return i < 0 ? null : i;
  },
  x(i) { return this.plan.titles ? i : this.plan.values[i]; },
  nearest(v) {
    let best = 0;
    for (let i = 0; i < this.plan.values.length; i++) if (Math.abs(this.x(i) - v) < Math.abs(this.x(best) - v)) best = i;
    return best;
  },
  paint() {
    const node = $('[data-plot=sweep]');
    $('#ab-count').disabled = !this.known().number;
    if (!this.plan) { node.innerHTML = ''; $('.ab-along').innerHTML = ''; this.say(); return; }
    const names = this.plan.titles, last = this.plan.values.length - 1, p = this.known();
    const s = this.scale = names ? abScale(node, -0.5, last + 0.5, 240) : abScale(node, p.low, p.high, 240, 66);
    const now = this.current(), found = this.entries.filter(Boolean), mine = data.info.methods.dfm.class_index;
    const points = of => this.entries.map((e, i) => e && [this.x(i), e[of] === null ? 0 : e[of], e.class_index !== mine]).filter(Boolean);
    const how = { marks: names || (s.width - s.left - s.right) / last > 14, line: !names };
    const old = found.some(e => e.old) ? ' class="ab-old"' : '', has = abHas();
    let lines = '';
    if (names) lines += found.map((e, j) => '<line class="ab-stem" x1="' + s.x(e.i) + '" x2="' + s.x(e.i) + '" y1="' + s.y(0) + '" y2="' + s.y(Math.max(e.area, e.iou || 0)) + '"/>').join('');
    lines += abCurve(s, points('area'), 1, how) + (has ? abCurve(s, points('iou'), 0, how) : '');
    const end = found.length ? found[found.length - 1] : null, labels = [];
    if (end && names) {
      labels.push({ x: s.x(end.i) + 10, y: s.y(end.area) + 4, text: 'box area', at: 1 });
      if (has) labels.push({ x: s.x(end.i) + 10, y: s.y(end.iou) + 4, text: 'IoU', at: 0 });
    } else if (end) {
      labels.push({ x: s.width - s.right + 9, y: s.y(end.area) + 4, text: 'box area', at: 1 });
      if (has) labels.push({ x: s.width - s.right + 9, y: s.y(end.iou) + 4, text: 'IoU', at: 0 });
    }
    const marks = now === null ? '' : abUpright(s, now, 'now', names ? '' : 'now ' + now.toFixed(2), !names && now > (s.low + s.high) / 2);
    const reads = this.at === null ? '' : abUpright(s, this.x(this.at), 'at', '');
    node.innerHTML = '<svg width="' + s.width + '" height="' + s.height + '" aria-hidden="true">' + abAxes(s, names, names ? '' : this.letter()) + marks + reads + '<g' + old + '>' + lines + '</g>' + abLabels(s, labels) + '</svg>';
    this.along(s);
    this.say();
  },
  // As many pictures as fit, spread evenly over the values.
  along(s) {
    const count = this.plan.values.length, wide = s.width < 500 ? 56 : 76, room = Math.max(2, Math.floor((s.width - s.left - s.right) / (wide + 4))), each = Math.ceil((count - 1) / room) || 1;
    const chosen = this.plan.values.map((_, i) => i).filter(i => i % each === 0);
    const root = $('.ab-along'), now = this.current(), near = now === null ? -1 : this.nearest(now);
    root.innerHTML = chosen.map(i => {
      const e = this.entries[i], left = clamp(s.x(this.x(i)) - wide / 2, 0, s.width - wide);
      return '<button type="button" class="ab-small' + (e && e.old ? ' ab-old' : '') + '" style="width:' + wide + 'px;left:' + left + 'px" data-ab-take="sweep" data-i="' + i + '" aria-pressed="' + (i === near) + '" tabindex="-1" aria-label="' +
        esc(this.letter() + ' ' + this.title(i) + (e ? ': ' + abSaid(e) : '')) + '">' + abThumb(e, i) + '<span>' + (this.plan.titles ? '' : this.title(i)) + '</span></button>';
    }).join('');
    abMaps(root, this.entries, 152);
    const first = $('.ab-small', root);
    root.style.height = (first ? first.offsetHeight : 90) + 'px';
  },
  say() {
    const node = $('[data-plot=sweep]'), section = abSec('sweep'), read = $('.ab-read', section), note = $('.ab-note', section);
    if (!this.plan) { read.textContent = 'Waiting for the first values.'; note.textContent = ''; return; }
    const now = this.current(), i = this.at === null ? now === null ? 0 : this.nearest(now) : this.at, e = this.entries[i];
    const text = this.letter() + ' ' + this.title(i) + ': ' + (e ? abSaid(e) : 'not there yet') + '.';
    set(read, 'textContent', text + (this.at === null ? '' : ' Click or press Enter to take it over.'));
    const low = this.plan.titles ? 0 : this.plan.values[0], high = this.plan.titles ? this.plan.values.length - 1 : this.plan.values[this.plan.values.length - 1];
    abReadable(node, 'Sweep of ' + this.known().label, low, high, this.x(i), text);
    const found = this.entries.filter(Boolean), others = new Set(found.filter(f => f.class_index !== data.info.methods.dfm.class_index).map(f => f.label));
    const notes = [];
    if (!abHas()) notes.push('No true box is known, so only the box area is shown. Draw one in Explore to see the IoU.');
    if (data.info.settings.mode === 'off' && AB.chosen.parameter !== 'threshold') notes.push('The module is off (test time: off), so this parameter changes nothing.');
    if (others.size) notes.push('Hollow marks: another class than now (' + [...others].slice(0, 3).join(', ') + (others.size > 3 ? ' and more' : '') + ').');
    set(note, 'textContent', notes.join(' '));
  },
  hover(event) {
    if (!this.plan || !this.scale) return;
    const box = $('[data-plot=sweep]').getBoundingClientRect();
    this.read(this.nearest(this.scale.back(event.clientX - box.left)));
  },
  read(i) { if (i !== this.at) { this.at = i; this.paint(); } },
  press(event) { if (this.plan) { this.hover(event); this.take(this.at); } },
  arrow(event) {
    if (!this.plan) return false;
    if (event.key === 'Enter' || event.key === ' ') { if (this.at !== null) this.take(this.at); return true; }
    const step = abStep(event), now = this.current();
    if (step === undefined) return false;
    this.read(clamp((this.at === null ? now === null ? 0 : this.nearest(now) : this.at) + step, 0, this.plan.values.length - 1));
    return true;
  },
  take(i) {
    if (!this.plan || i === null) return;
    const value = this.plan.values[i], name = this.plan.parameter;
    if (name !== 'points') return abTake({ [name]: value });
    const all = familyFacts().points.map(p => p.name), used = value.split('+');
    if (!used.includes(state.point)) { state.point = null; state.channel = null; }
    abTake({ points: used.length === all.length ? null : used });
  },
};
