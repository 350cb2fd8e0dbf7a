// The present setting: every outcome of the draws with its probability, map, box and IoU, and the
// expected map. It also says which row of Table 1 the present setting is.
AB.parts.now = {
  asks: 'ablate_now', beside: 'rows', row: null, reply: null,
  ready: () => true,
  key: info => abKey(info, ['path']),
  query: info => abQuestion(info, {}),
  empty() { this.reply = null; this.row = null; },
  whole(reply) { this.reply = reply; this.row = reply.row; AB.parts.rows.mark(); },
  follow() { this.shown(); },
  shown() {
    const shown = (data.info.paths || []).findIndex(p => p.shown);
    $$('[data-ab-take=now]').forEach(b => b.setAttribute('aria-pressed', String(Number(b.dataset.i) === shown && data.info.settings.mode !== 'off')));
  },
  paint() {
    const root = $('.ab-draws'), note = $('.ab-note', abSec('now')), r = this.reply;
    if (!r) { root.innerHTML = '<p class="muted">Waiting for the draws.</p>'; note.textContent = ''; return; }
    const focus = document.activeElement && root.contains(document.activeElement) ? document.activeElement.dataset.i : null;
    const body = (e, id, title, share, more) => '<span class="ab-name"><b>' + title + '</b> ' + more + '</span>' + abThumb(e, id) +
      '<span class="ab-prob" aria-hidden="true"><i style="width:' + 100 * share + '%"></i></span><span class="ab-line"><span>' + (id === 'e' ? 'the mean' : abPercent(share)) + '</span><span class="ab-iou"><small>' + abIouName() + '</small> ' + abIou(e) + '</span></span>';
    const entries = {};
    const cards = r.draws.map((e, i) => {
      entries[i] = e;
      const words = Object.entries(e.draw).map(([point, draw]) => draw + ' at ' + pointTitle(point)).join(', ');
      return '<button type="button" class="ab-card" data-ab-take="now" data-i="' + i + '" title="' + esc(words) + '" aria-label="' + esc('Draw ' + words + ', probability ' + abPercent(e.probability) + ', ' + abSaid(e) + '. Show it in the pipeline of Explore.') + '">' + body(e, i, e.letters, e.probability, '') + '</button>';
    });
    entries.e = r.expected;
    root.innerHTML = cards.join('') + '<div class="ab-card ab-mean">' + body(r.expected, 'e', 'Expected', 1, 'map') + '</div>';
    abMaps(root, entries);
    if (focus) { const again = $('[data-i="' + focus + '"]', root); if (again) again.focus({ preventScroll: true }); }
    const notes = [];
    if (r.mean_iou !== null) notes.push('Averaged over the draws the IoU is ' + r.mean_iou.toFixed(2) + '; the box of the expected map reaches ' + r.expected.iou.toFixed(2) + '.');
    else notes.push('No true box is known, so the numbers are the box area as a share of the picture.');
    if (r.mode === 'off') notes.push('Test time is \u201coff\u201d now: the page\u2019s DFM panel uses none of these.');
    else if (r.mode !== 'expected') notes.push('Test time is \u201c' + r.mode + '\u201d now: the DFM panel shows one draw, not the expected map.');
    notes.push('Press a draw to see its maps in Explore\u2019s pipeline.');
    set(note, 'textContent', notes.join(' '));
    this.shown();
  },
  take(i) { if (data.info.paths && data.info.paths[i]) chooseDraw(i); },
};
