// The picture with a map and boxes, small; and the segments of the component switches.
function abThumb(entry, id) {
  const { width, height } = data.info.image, ratio = width / height, stage = clamp(ratio, 0.8, 1.6);
  const fit = ratio > stage ? 'width:100%;aspect-ratio:' + ratio : 'height:100%;aspect-ratio:' + ratio;
  return '<span class="ab-thumb" style="aspect-ratio:' + stage + '"><span class="ab-fit" style="' + fit + '"><canvas data-ab-map="' + id + '"></canvas><svg viewBox="0 0 ' + width + ' ' + height + '" preserveAspectRatio="none" aria-hidden="true">' +
    (entry ? boxLines(width, height, entry.flat ? null : entry.box, entry.other || null, data.info.truths) : '') + '</svg>' + (entry && entry.flat ? '<i class="ab-hatch"></i>' : '') + '</span></span>';
}
const abSheet = document.createElement('canvas');
function abMaps(root, entries, wide = 240) {
  const { width, height } = data.info.image, tall = Math.max(1, Math.round(wide * height / width));
  for (const canvas of $$('[data-ab-map]', root)) {
    const entry = entries[canvas.dataset.abMap];
    canvas.width = wide;
    canvas.height = tall;
    const g = canvas.getContext('2d');
    if (AB.photo) g.drawImage(AB.photo, 0, 0, wide, tall);
    if (!entry || !entry.map) continue;
    if (!entry.bytes) entry.bytes = decode({ dtype: 'u8', data: entry.map });
    grid(abSheet, entry.bytes, entry.side, entry.side);
    g.globalAlpha = AB.photo ? state.opacity : 1;
    g.drawImage(abSheet, 0, 0, wide, tall);
    g.globalAlpha = 1;
  }
}
// What a thumbnail shows, in words.
const abSaid = e => (e.label ? e.label + ', score ' + e.score.toFixed(3) + ', ' : '') + (e.flat ? 'flat map, no box' : (e.iou === null ? '' : 'IoU ' + e.iou.toFixed(2) + ', ') + 'box ' + abPercent(e.area) + ' of the picture');
const abIou = e => e.flat ? 'no box' : e.iou === null ? abPercent(e.area) : e.iou.toFixed(2);
const abIouName = () => abHas() ? 'IoU' : 'area';

// Component switches: the choices of "More settings", here as segments.
const AB_SWITCHES = ['branches', 'fusion', 'single', 'apply', 'neighbourhood', 'mode'];
function abBuildSwitches() {
  $('.ab-switches').innerHTML = AB_SWITCHES.map(name => {
    const c = facts.choices[name];
    return '<div class="ab-switch" role="group" aria-label="' + esc(c.label) + '"><span>' + esc(c.label) + '</span><span class="seg">' + c.options.map(o =>
      '<button type="button" data-ab-set="' + name + '" data-value="' + esc(o.value) + '">' + esc(o.label) + '</button>').join('') + '</span></div>';
  }).join('');
}
function abPaintSwitches() {
  const t = { ...data.info.settings };
  for (const name of AB_SWITCHES) if (state.settings[name]) t[name] = state.settings[name];
  const both = t.branches === 'both', off = t.mode === 'off';
  for (const b of $$('[data-ab-set]')) {
    const name = b.dataset.abSet;
    b.setAttribute('aria-pressed', String(t[name] === b.dataset.value));
    b.disabled = (name === 'fusion' && !both) || (name === 'single' && both);
    b.title = b.disabled ? (both ? 'Counts for one branch alone.' : 'Needs both branches.') : off && name !== 'mode' ? 'The module is off, so this changes nothing now.' : '';
  }
}
