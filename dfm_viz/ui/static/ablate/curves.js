// IoU of every method's box at every threshold; a threshold t cuts above grey level floor(t x peak).
AB.parts.curves = {
  asks: 'ablate_curves', curves: null, at: null, scale: null,
  ready: () => true,
  key: info => abKey(info, ['threshold', 'path']),
  query: info => abQuestion(info, {}),
  empty() { this.curves = null; this.at = null; },
  whole(reply) { this.curves = reply.curves; },
  follow() { if (this.curves) this.paint(); },
  value: (c, t, of) => c[of][Math.min(255, Math.floor(t * c.peak))],
  metric: () => abHas() ? 'iou' : 'area',
  // Level steps where the value changes, from 0 to 1.
  steps(c, of) {
    const points = [[0, c[of][0]]], last = Math.max(1, c.peak);
    for (let i = 1; i <= c.peak; i++) if (c[of][i] !== c[of][i - 1]) points.push([i / last, c[of][i]]);
    points.push([1, points[points.length - 1][1]]);
    return points;
  },
  paint() {
    const node = $('[data-plot=curves]'), section = abSec('curves');
    if (!this.curves) { node.innerHTML = ''; $('.ab-table').innerHTML = ''; set($('.ab-read', section), 'textContent', 'Waiting for the curves.'); return; }
    const of = this.metric(), now = abNumber('threshold');
    this.table(of, now);  // first: the plot takes the room beside it
    const s = this.scale = abScale(node, 0, 1, 280);
    let lines = '';
    const labels = [];
    this.curves.forEach((c, i) => {
      if (!c[of]) return;
      lines += abCurve(s, this.steps(c, of), i, { steps: true, marks: false });
      const marks = [];
      for (let t = 0.04 + 0.125 * i / this.curves.length; t < 1; t += 0.125) marks.push([t, this.value(c, t, of)]);
      lines += abCurve(s, marks, i, { line: false });
      if (of === 'iou' && c.best) {
        const x = s.x(c.best.threshold), y = s.y(c.best.iou);
        lines += '<g class="ab-best ab-c' + i % 8 + '">' + abMarker('ring', x, y, 7) + '</g>';
        labels.push({ x: x + (c.best.threshold > 0.8 ? -10 : 10), end: c.best.threshold > 0.8, y: y - 8, text: c.title + ' ' + c.best.iou.toFixed(2), at: i });
      }
    });
    const reads = this.at === null ? '' : abUpright(s, this.at, 'at', '');
    node.innerHTML = '<svg width="' + s.width + '" height="' + s.height + '" aria-hidden="true">' + abAxes(s, null, 'threshold t') + abUpright(s, now, 'now', 'now ' + abTick(now), now > 0.5) + reads + lines + abLabels(s, labels) + '</svg>';
    this.say(of, now);
  },
  table(of, now) {
    const at = this.at === null ? now : this.at, has = of === 'iou';
    const head = '<tr><th scope="col">Method</th><th scope="col">at ' + at.toFixed(2) + '</th>' + (has ? '<th scope="col">best IoU</th><th scope="col">at</th>' : '') + '</tr>';
    const rows = this.curves.map((c, i) => {
      const best = !has ? '' : c.best ? '<td>' + c.best.iou.toFixed(2) + '</td><td><button type="button" class="link" data-ab-take="curves" data-i="' + i + '" aria-label="Use the threshold ' + c.best.threshold.toFixed(2) + ', best for ' + esc(c.title) + '">' + c.best.threshold.toFixed(2) + '</button></td>' :
        '<td colspan="2">never meets the true box</td>';
      return '<tr><th scope="row">' + abSample(i) + esc(c.title) + '</th><td>' + this.told(this.value(c, at, of), has) + '</td>' + best + '</tr>';
    }).join('');
    const html = '<table>' + head + rows + '</table>', root = $('.ab-table');
    if (root.dataset.html === html) return;
    const focus = document.activeElement && root.contains(document.activeElement) ? document.activeElement.dataset.i : null;
    root.innerHTML = html;
    root.dataset.html = html;
    if (focus) { const again = $('[data-i="' + focus + '"]', root); if (again) again.focus({ preventScroll: true }); }
  },
  told: (v, has) => has ? v.toFixed(2) : abPercent(v),
  say(of, now) {
    const section = abSec('curves'), t = this.at === null ? now : this.at, has = of === 'iou';
    const text = 'Threshold ' + t.toFixed(2) + ': ' + this.curves.map(c => c.title + ' ' + this.told(this.value(c, t, of), has)).join(', ') + '.';
    set($('.ab-read', section), 'textContent', text + (this.at === null ? '' : ' Click or press Enter to use this threshold.'));
    abReadable($('[data-plot=curves]'), has ? 'IoU of every method by box threshold' : 'Box area of every method by box threshold', 0, 1, t.toFixed(2), text);
    set($('.ab-note', section), 'textContent', has ? 'Rings mark the best threshold of each method on this one picture; with the true box in hand it flatters every method.' :
      'No true box is known, so the curves show the box area as a share of the picture. Draw a box in Explore to see the IoU.');
  },
  hover(event) {
    if (!this.scale || !this.curves) return;
    const box = $('[data-plot=curves]').getBoundingClientRect();
    this.read(this.scale.back(event.clientX - box.left));
  },
  read(t) {
    const at = Math.round(clamp(t, 0, 1) * 100) / 100;
    if (at !== this.at) { this.at = at; this.paint(); }
  },
  press(event) { if (this.curves) { this.hover(event); setNumber('threshold', this.at); } },
  arrow(event) {
    if (!this.curves) return false;
    if (event.key === 'Enter' || event.key === ' ') { if (this.at !== null) setNumber('threshold', this.at); return true; }
    const step = abStep(event);
    if (step === undefined) return false;
    this.read((this.at === null ? abNumber('threshold') : this.at) + step / 100);
    return true;
  },
  // Exactly the best threshold, which may lie between two steps of the slider.
  take(i) { const c = this.curves && this.curves[i]; if (c && c.best) abTake({ threshold: c.best.threshold }); },
};
