// IoU (or box area) for every pair of delta and gamma; rows are delta, columns gamma.
AB.parts.grid = {
  long: true, kind: 'grid', entries: [], values: null,
  ready: () => true,
  key: info => abKey(info, ['delta', 'gamma', 'path'], [AB.chosen.side]),
  query: info => ({ ...abQuestion(info, {}), side: AB.chosen.side }),
  build() { $('#ab-side').innerHTML = AB.facts.sides.map(n => '<option value="' + n + '">' + n + ' \u00d7 ' + n + '</option>').join(''); this.show(); },
  show() { $('#ab-side').value = String(AB.chosen.side); },
  empty() { this.entries = []; this.values = null; this.done = ''; $('.ab-heat').dataset.side = ''; },
  begin(plan) {
    const same = this.values && this.values.length === plan.values.length;
    this.entries = same ? this.entries.map(e => ({ ...e, old: true })) : [];
    if (!same && AB.cell !== null && AB.cell >= plan.values.length ** 2) AB.cell = null;
    this.values = plan.values;
  },
  items(list) { for (const e of list) this.entries[e.i] = e; },
  finish() {},
  follow() { if (this.values) this.mark(); },
  metric: () => abHas() ? AB.chosen.metric : 'area',
  paint() {
    const heat = $('.ab-heat'), metric = this.metric(), note = $('.ab-note', abSec('grid'));
    $$('[data-ab-metric]').forEach(b => { b.setAttribute('aria-pressed', String(b.dataset.abMetric === metric)); b.disabled = b.dataset.abMetric === 'iou' && !abHas(); });
    $$('[data-ab-range]').forEach(b => b.setAttribute('aria-pressed', String(b.dataset.abRange === AB.chosen.range)));
    if (!this.values) { heat.innerHTML = '<p class="muted">Waiting for the first cells.</p>'; heat.dataset.side = ''; note.textContent = ''; return; }
    const n = this.values.length;
    if (heat.dataset.side !== String(n)) this.lay(heat, n);
    const found = this.entries.filter(Boolean).map(e => e[metric]);
    const own = AB.chosen.range === 'own' && found.length, low = own ? Math.min(...found) : 0, high = own ? Math.max(...found) : 1;
    $$('.ab-cell', heat).forEach(b => {
      const i = Number(b.dataset.i);
      const e = this.entries[i], v = e ? e[metric] : null, z = e ? 3 * level(v, low, high) : 0;
      b.style.background = e ? colour(v, low, high) : '';
      b.classList.toggle('ab-old', !!(e && e.old));
      const light = e && 0.299 * lutBytes[z] + 0.587 * lutBytes[z + 1] + 0.114 * lutBytes[z + 2] > 130;
      b.style.color = light ? '#0C0E12' : '#fff';
      set(b, 'textContent', e && n <= 15 ? e.flat ? '\u2013' : v === 1 ? '1' : v.toFixed(2).slice(1) : '');
      const said = this.place(i) + (e ? ': ' + abSaid(e) : ': not there yet');
      if (b.getAttribute('aria-label') !== said) b.setAttribute('aria-label', said);
    });
    colourBar($('.ab-bar canvas', heat), true);
    set($('.ab-bar .hi', heat), 'textContent', high.toFixed(2));
    set($('.ab-bar .lo', heat), 'textContent', low.toFixed(2));
    const best = this.entries.filter(Boolean).reduce((a, e) => !a || e[metric] > a[metric] ? e : a, null);
    const notes = [];
    if (best) notes.push((metric === 'iou' ? 'Best IoU ' : 'Largest box ') + (metric === 'iou' ? best.iou.toFixed(2) : abPercent(best.area)) + ' at ' + this.place(best.i) + '.');
    if (found.length && Math.max(...found) === Math.min(...found)) notes.push('All cells are equal.');
    if (!abHas()) notes.push('No true box is known, so the cells show the box area as a share of the picture. Draw a box in Explore to see the IoU.');
    if (data.info.settings.mode === 'off') notes.push('The module is off (test time: off), so \u03b4 and \u03b3 change nothing.');
    if (data.info.settings.branches !== 'both') notes.push('With one branch there is no cross fusion; \u03b4 or \u03b3 counts only where a sum is formed.');
    set(note, 'textContent', notes.join(' '));
    this.mark();
  },
  place(i) { const n = this.values.length; return '\u03b4 ' + this.values[Math.floor(i / n)].toFixed(2) + ', \u03b3 ' + this.values[i % n].toFixed(2); },
  lay(heat, n) {
    heat.dataset.side = String(n);
    const cells = row => this.values.map((_, c) => '<button type="button" role="gridcell" class="ab-cell" tabindex="-1" data-ab-take="grid" data-i="' + (row * n + c) + '"></button>').join('');
    const skip = n > 10 || (n > 6 && heat.clientWidth < 500) ? 2 : 1, tick = (v, i) => '<span>' + ((n - 1 - i) % skip ? '' : abTick(v)) + '</span>';
    heat.innerHTML = '<div class="ab-y" aria-hidden="true"><b>\u03b4</b>' + this.values.map((v, i) => tick(v, i)).reverse().join('') + '</div><div class="ab-cells" role="grid" aria-label="Pairs of delta and gamma" style="--n:' + n + '">' +
      this.values.map((_, row) => '<div role="row">' + cells(row) + '</div>').reverse().join('') + '<i class="ab-here" aria-hidden="true"></i></div><div class="ab-bar" aria-hidden="true"><span class="hi"></span><canvas></canvas><span class="lo"></span></div>' +
      '<div class="ab-x" aria-hidden="true">' + this.values.map(tick).join('') + '<b>\u03b3</b></div><div class="ab-look"></div>';
    this.look(AB.cell === null ? this.near() : Math.min(AB.cell, n * n - 1), AB.cell !== null);
  },
  near() {
    const n = this.values.length, of = v => this.values.reduce((best, x, i) => Math.abs(x - v) < Math.abs(this.values[best] - v) ? i : best, 0);
    return of(abNumber('delta')) * n + of(abNumber('gamma'));
  },
  cell: i => $('.ab-cell[data-i="' + i + '"]'),
  mark() {
    const n = this.values.length, here = $('.ab-here'), span = n - 1;
    if (!here) return;
    here.style.left = 100 * (abNumber('gamma') * span + 0.5) / n + '%';
    here.style.bottom = 100 * (abNumber('delta') * span + 0.5) / n + '%';
    here.title = 'Now: \u03b4 ' + abNumber('delta').toFixed(2) + ', \u03b3 ' + abNumber('gamma').toFixed(2);
    if (AB.cell !== null) this.peek(AB.cell); else this.peek(this.near());
  },
  // Read one cell out: by pointer, or by the arrow keys, which also move the focus.
  look(i, chosen) {
    $$('.ab-cell[tabindex="0"]').forEach(b => { b.tabIndex = -1; });
    const b = this.cell(i);
    if (!b) return;
    b.tabIndex = 0;
    if (chosen) AB.cell = i;
    this.peek(i);
  },
  peek(i) {
    const node = $('.ab-look'), e = this.entries[i];
    if (!node) return;
    const stamp = [i, e && e.map && e.map.length, e && e.iou, e && e.area, state.colormap, state.opacity, !!AB.photo].join(' ') + AB.of + data.info.truths;
    if (node.dataset.stamp === stamp) return;
    node.dataset.stamp = stamp;
    node.innerHTML = '<b>' + this.place(i) + '</b>' + (e ? abThumb(e, i) + '<span>' + esc(abSaid(e)) + '</span>' : '<span class="muted">not there yet</span>') + '<span class="muted">Click or press Enter to open this setting. The ring is where you are.</span>';
    if (e) abMaps(node, this.entries, 240);
  },
  arrow(event) {
    const step = ARROWS[event.key], n = this.values.length, i = Number(event.target.closest('.ab-cell').dataset.i);
    if (!step) return false;
    const row = clamp(Math.floor(i / n) - step[0], 0, n - 1), column = clamp(i % n + step[1], 0, n - 1);
    this.look(row * n + column, true);
    this.cell(row * n + column).focus();
    return true;
  },
  take(i) {
    if (!this.values) return;
    const n = this.values.length;
    this.look(i, true);
    abTake({ delta: this.values[Math.floor(i / n)], gamma: this.values[i % n] });
  },
};
