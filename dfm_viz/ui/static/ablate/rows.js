// Table 1: seven cards. The rows do not depend on the switches they fix, so pressing one card keeps
// all seven; omega of the last row and the mode are those last in use.
AB.parts.rows = {
  long: true, kind: 'rows', entries: [],
  ready: () => true,
  key: info => abKey(info, ['branches', 'fusion', 'omega', 'mode', 'path'], [AB.kept.omega, AB.kept.mode]),
  query: info => abQuestion(info, { omega: AB.kept.omega, mode: AB.kept.mode }),
  empty() { this.entries = []; },
  begin() { this.entries = this.entries.map(e => ({ ...e, old: true })); },
  items(list) { for (const e of list) this.entries[e.i] = e; },
  finish() {},
  follow() { this.mark(); },
  paint() {
    const root = $('.ab-cards'), names = AB.facts.rows;
    const focus = document.activeElement && document.activeElement.closest('[data-ab-take=rows]');
    root.innerHTML = names.map((name, i) => this.card(name, i, this.entries[i])).join('');
    abMaps(root, this.entries);
    if (focus) { const again = $('[data-ab-take=rows][data-i="' + focus.dataset.i + '"]', root); if (again) again.focus({ preventScroll: true }); }
    this.mark();
  },
  card(name, i, e) {
    const head = '<span class="ab-name"><b>' + i + '</b> ' + esc(name) + '</span>';
    if (!e) return '<div class="ab-card ab-empty">' + head + '<span class="ab-thumb" style="aspect-ratio:1"></span><span class="ab-cls">\u2026</span></div>';
    const picture = e.box ? abThumb(e, i) : '<span class="ab-thumb ab-none" style="aspect-ratio:' + clamp(data.info.image.width / data.info.image.height, 0.8, 1.2) + '"><span>No map: the published network has no class activation map, so it draws no box.</span></span>';
    const cls = e.label === null ? '<span class="ab-cls">' + esc(e.note) + '</span>' : '<span class="ab-cls" title="' + esc(e.label) + '">' + esc(e.label) + '</span><span class="ab-score">score ' + e.score.toFixed(3) + '</span>';
    const number = e.box ? '<span class="ab-iou"><small>' + abIouName() + '</small> ' + abIou(e) + '</span>' : '<span class="ab-iou"><small>' + abIouName() + '</small> \u2013</span>';
    const body = head + picture + '<span class="ab-line">' + number + '</span>' + cls + '<span class="ab-sw">' + e.switches.map(esc).join(', ') + '</span>';
    if (!e.take) return '<div class="ab-card' + (e.old ? ' ab-old' : '') + '">' + body + '</div>';
    const spoken = 'Row ' + i + ', ' + name + ': ' + abSaid(e) + '. Take these settings over.';
    return '<button type="button" class="ab-card' + (e.old ? ' ab-old' : '') + '" data-ab-take="rows" data-i="' + i + '" aria-label="' + esc(spoken) + '">' + body + '</button>';
  },
  mark() {
    const row = AB.parts.now.row;
    $$('[data-ab-take=rows]').forEach(b => b.setAttribute('aria-pressed', String(Number(b.dataset.i) === row)));
  },
  take(i) {
    const e = this.entries[i];
    if (e && e.take) abTake(e.take);
  },
};
