// One table of measurements: its numbers as bars with intervals, then every cell, then what differs.
function rsMetrics(table) {
  const names = [];
  for (const bar of table.bars) for (const name in bar.values) if (!names.includes(name)) names.push(name);
  return names;
}
const rsModes = table => [...new Set(table.bars.map(b => b.mode))].filter(Boolean);
const rsMode = table => { const modes = rsModes(table); return modes.includes(RS.mode) || !modes.length ? RS.mode : modes.includes('off') ? 'off' : modes[0]; };
// GT-known tells most about boxes: it does not depend on the class being right.
const rsMetric = table => {
  const names = rsMetrics(table);
  return names.includes(RS.metric) ? RS.metric : names.find(n => n === 'GT-known at best') || names[names.length - 1];
};
// The row in the chosen mode; a method without a module has one mode only and stays.
function rsBars(table) {
  const rows = [...new Set(table.bars.map(b => b.row))];
  return rows.map(row => {
    const own = table.bars.filter(b => b.row === row);
    return own.find(b => b.mode === rsMode(table)) || (own.length === 1 ? own[0] : null);   // or it diverged
  }).filter(Boolean);
}

const rsAttribute = (options, chosen) => options.map(([value, text]) => '<option value="' + esc(value) + '"' + (value === chosen ? ' selected' : '') + '>' + esc(text) + '</option>').join('');
const RS_MODES = { off: 'module off', expected: 'expected', position: 'position', channel: 'channel' };

function rsPaintTable(table) {
  const metrics = rsMetrics(table), modes = rsModes(table);
  $('.rs-body').innerHTML = '<h2>' + esc(table.title) + '</h2>' +
    '<p class="rs-lead">' + rsKind(table.kind) + ' ' + rsLead(table.lead) + '</p>' +
    (metrics.length ? '<figure class="rs-figure"><figcaption><label for="dx-rs-metric">Bars show</label><select class="sel" id="dx-rs-metric" data-rs-set="metric">' +
      rsAttribute(metrics.map(m => [m, m]), rsMetric(table)) + '</select>' +
      (modes.length > 1 ? '<label for="dx-rs-mode">Test time</label><select class="sel" id="dx-rs-mode" data-rs-set="mode">' + rsAttribute(modes.map(m => [m, RS_MODES[m] || m]), rsMode(table)) + '</select>' : '') +
      '</figcaption><div class="rs-plot">' + rsPlot(table) + '</div></figure>' : '') +
    rsScroll(table.title, rsGrid(table)) +
    (table.notes.length ? '<h3 class="rs-h">What differs from the paper</h3><ul class="rs-list">' + table.notes.map(n => '<li>' + rsText(n) + '</li>').join('') + '</ul>' : '') +
    (table.baselines ? '<h3 class="rs-h">Against a box that never looks</h3><p class="rs-lead">' + rsText(table.baselines) + '</p>' : '') +
    rsElsewhere(table) +
    (table.command ? '<h3 class="rs-h">Measured with</h3>' + rsCommand(table.command) : '');
}

// Names that a card has too, with another number: both, and what was done differently.
function rsElsewhere(table) {
  const found = table.elsewhere || [];
  const card = f => rsKnown(f.card) ? ' <button type="button" class="link" data-rs="' + esc(f.card) + '">Open the card</button>' : '';
  return found.length ? '<h3 class="rs-h">The same names on the cards, and why the numbers differ</h3><ul class="rs-list">' + found.map(f => '<li>' + rsText(f.text) + card(f) + '</li>').join('') + '</ul>' : '';
}

function rsPlot(table) {
  const metric = rsMetric(table), bars = rsBars(table), all = bars.map(b => b.values[metric]).filter(Boolean);
  const lines = metric.startsWith('GT-known') ? table.lines : [];
  const top = Math.max(1, ...all.flatMap(v => [v.high || 0, v.mean, v.paper || 0, ...v.seeds]), ...lines.map(l => l.value));
  const step = top > 50 ? 20 : 10, most = Math.min(100, step * Math.ceil(top / step)), at = x => (100 * clamp(x / most, 0, 1)).toFixed(2) + '%';
  const ticks = Array.from({ length: most / step + 1 }, (_, i) => i * step);
  const several = all.some(v => v.seeds.length > 1), spans = all.some(v => v.low !== null), paper = all.some(v => v.paper !== undefined);
  const row = b => {
    const v = b.values[metric];
    if (!v) return '<span class="rs-name">' + esc(b.row) + '</span><span class="rs-track"><em>' + esc(b.note || 'no boxes: it has no map') + '</em></span><b></b>';
    const words = b.row + ', ' + (RS_MODES[b.mode] || b.mode) + ': ' + rsPercent(v.mean) + ' percent' + (v.low !== null ? ', interval ' + rsPercent(v.low) + ' to ' + rsPercent(v.high) : '') +
      (v.paper !== undefined ? ', the paper ' + v.paper.toFixed(2) : '') + ', ' + v.seeds.length + (v.seeds.length === 1 ? ' seed' : ' seeds');
    return '<span class="rs-name">' + esc(b.row) + (b.mode !== rsMode(table) ? '<small>' + esc(RS_MODES[b.mode] || b.mode) + '</small>' : '') + '</span>' +
      '<span class="rs-track" role="img" aria-label="' + esc(words) + '" title="' + esc(words) + '">' + '<i class="rs-bar" style="width:' + at(v.mean) + '"></i>' +
      (v.low !== null ? '<i class="rs-span" style="left:' + at(v.low) + ';width:calc(' + at(v.high) + ' - ' + at(v.low) + ')"></i>' : '') +
      (v.seeds.length > 1 ? v.seeds.map(x => '<i class="rs-seed" style="left:' + at(x) + '"></i>').join('') : '') +
      (v.paper !== undefined ? '<i class="rs-paper" style="left:' + at(v.paper) + '"></i>' : '') + '</span><b>' + rsPercent(v.mean) + '</b>';
  };
  const key = (kind, text) => '<span><i class="' + kind + '"></i>' + text + '</span>';
  return '<div class="rs-bars"><div class="rs-rules" aria-hidden="true"><div>' + ticks.map(t => '<i style="left:' + at(t) + '"></i>').join('') +
    lines.map(l => '<i class="rs-line" style="left:' + at(l.value) + '"></i>').join('') + '</div></div>' + bars.map(row).join('') +
    '<span></span><span class="rs-axis" aria-hidden="true">' + ticks.map(t => '<i style="left:' + at(t) + '">' + t + '</i>').join('') + '</span><span class="rs-unit">%</span></div>' +
    '<p class="rs-legend">' + (spans ? key('rs-span', '95 % interval over the pictures' + (several ? ', mean of the seeds' : '')) : '') + (several ? key('rs-seed', 'one seed each') : '') +
    (paper ? key('rs-paper', 'the paper\u2019s row, on other pictures: see below') : '') +
    lines.map(l => key('rs-line', esc(l.title) + ' ' + rsPercent(l.value) + ', without looking')).join('') + '</p>';
}

// The same cells as in RESULTS.md. A row's further modes stand under its name.
function rsGrid(table) {
  const rows = table.rows, cell = text => '<td>' + rsText(minus(text.replace(/\(-/g, '(\u2212'))) + '</td>';
  const span = i => { let n = 1; while (i + n < rows.length && !rows[i + n][0]) n++; return n; };
  const line = (r, i) => {
    const head = r[0] || i === 0 ? '<th scope="rowgroup" rowspan="' + span(i) + '">' + esc(r[0]) + '</th>' : '';
    const bare = r.slice(2).every(t => !t);
    return '<tr class="' + (r[0] ? 'rs-first' : '') + (r[1] === 'chance' ? ' rs-chance' : '') + '">' + head +
      (bare ? '<td colspan="' + (r.length - 1) + '">' + esc(r[1]) + '</td>' : '<td>' + esc(r[1] === 'chance' ? 'without looking' : r[1]) + '</td>' + r.slice(2).map(cell).join('')) + '</tr>';
  };
  return '<table class="rs-table"><thead><tr>' + table.columns.map(c => '<th scope="col">' + esc(c) + '</th>').join('') + '</tr></thead><tbody>' + rows.map(line).join('') + '</tbody></table>';
}
