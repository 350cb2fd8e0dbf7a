// Lines of Fig. 2 between the cards, drawn from where the cards are. Accent: the enhancements.
let wired = '';
function wires() {
  const flow = $('.flow'), svg = $('.flow > svg'), t = data.info.settings;
  if (getComputedStyle(svg).display === 'none') { wired = ''; return; }
  const origin = flow.getBoundingClientRect();
  const stamp = [origin.width, origin.height, t.tau, t.mode, data.info.path, t.branches, t.fusion, t.single].join(' ');
  if (stamp === wired) return;
  wired = stamp;
  const at = query => {
    const e = $(query, flow).getBoundingClientRect();
    return { l: e.left - origin.left, r: e.right - origin.left, t: e.top - origin.top, b: e.bottom - origin.top,
      y: (e.top + e.bottom) / 2 - origin.top, x: (e.left + e.right) / 2 - origin.left };
  };
  const map = place => at('.' + place + ' .map canvas');
  const chan = at('.chan'), pa = map('pa'), pe = map('pe'), pp = map('pp'), dm = map('dm'), pm = map('pm'), cme = map('cme'), pme = map('pme');
  const fin = map('fin'), fout = map('fout'), draw = at('.drawn'), ce = at('[data-bars=C_E]'), cm = at('[data-bars=C_M]');
  const peCard = at('.pe'), paCard = at('.pa'), ppCard = at('.pp');
  const marker = (id, fill) => '<marker id="dx-' + id + '" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 .5 7 4 0 7.5z" fill="' + fill + '"/></marker>';
  const plain = 'var(--wire)', accent = 'var(--accent)';
  let out = '<defs>' + marker('a', plain) + marker('b', accent) + '</defs>';
  const line = (d, stroke = plain, width = 1.25, dashed = false) => {
    out += '<path d="' + d + '" fill="none" stroke="' + stroke + '" stroke-width="' + width + '" stroke-linejoin="round"' + (dashed ? ' stroke-dasharray="3 4"' : '') +
      ' marker-end="url(#dx-' + (stroke === plain ? 'a' : 'b') + ')"/>';
  };
  const fork = fin.r + 6;
  line('M' + (fin.r + 1) + ' ' + fin.y + 'H' + fork + 'V' + chan.y + 'H' + (chan.l - 1));
  line('M' + fork + ' ' + fin.y + 'V' + pa.y + 'H' + (pa.l - 1));
  line('M' + (pa.r + 1) + ' ' + pa.y + 'H' + (pe.l - 1));
  const under = paCard.b + 10, lane = peCard.t - 14;
  line('M' + pa.x + ' ' + (paCard.b + 2) + 'V' + under + 'H' + pp.x + 'V' + (ppCard.b + 3));
  line('M' + (pp.r + 1) + ' ' + pp.y + 'H' + (dm.l - 1));
  line('M' + (dm.r + 1) + ' ' + dm.y + 'H' + (pm.l - 1));
  // Masks and enhancements to the two maps that are drawn from, bending between a and b.
  const a = chan.r + 8, b = cme.l - 12, end = cme.l - 1, slots = slotsOf(t), pills = {};
  const begin = { C_M: 'M' + chan.r + ' ' + cm.y, C_E: 'M' + chan.r + ' ' + ce.y, P_M: 'M' + (pm.r + 1) + ' ' + pm.y, P_E: 'M' + (peCard.l + 44) + ' ' + (peCard.t - 1) + 'V' + lane };
  for (const [id, y, more] of [['C_ME', cme.y, cme.y + 30], ['P_ME', pme.y, pme.y - 30]]) {
    const s = slots[id];
    if (s.mask) line(begin[s.mask] + 'H' + (a + 6) + 'L' + (b - 2) + ' ' + y + 'H' + end);
    if (s.more) line(begin[s.more] + 'H' + a + 'L' + b + ' ' + more + 'H' + end, accent, 1.75);
    if (s.mask && s.more && !pills[s.weight]) pills[s.weight] = s.more === 'P_E' ? [chan.r - 60, lane] : [a + (b - a) * 0.7, ce.y + (more - ce.y) * 0.7];
  }
  const off = t.mode === 'off';
  line('M' + (cme.r + 1) + ' ' + cme.y + 'H' + draw.x + 'V' + (draw.t - 1), plain, 1 + 2.5 * (1 - t.tau), off || data.info.path !== 'channel');
  line('M' + (pme.r + 1) + ' ' + pme.y + 'H' + draw.x + 'V' + (draw.b + 1), plain, 1 + 2.5 * t.tau, off || data.info.path === 'channel');
  line('M' + draw.r + ' ' + fout.y + 'H' + (fout.l - 1), plain, 1.25, off);
  svg.innerHTML = out;
  const put = (query, x, y) => { const e = $(query, flow); e.style.left = x + 'px'; e.style.top = y + 'px'; };
  put('.pill.up', draw.x, (cme.y + draw.t) / 2 - 6);
  put('.pill.down', draw.x, (pme.y + draw.b) / 2 + 6);
  for (const weight of ['delta', 'gamma']) {
    const pill = $('.pill.' + weight, flow);
    pill.hidden = !pills[weight];
    if (pills[weight]) put('.pill.' + weight, Math.min(pills[weight][0], cme.l - 4 - pill.offsetWidth / 2), pills[weight][1]);
  }
}
