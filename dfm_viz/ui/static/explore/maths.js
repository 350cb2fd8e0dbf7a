// MathML of the paper's symbols and equations (native, no library, read aloud by screen readers).
const mi = x => '<mi>' + x + '</mi>', mo = x => '<mo>' + x + '</mo>', mn = x => '<mn>' + x + '</mn>';
const mtext = x => '<mtext>' + x.replace(/^ | $/g, '\u00a0') + '</mtext>';
const thin = '<mspace width=".2em"/>';
const sub = (a, b) => '<msub><mi>' + a + '</mi><mi mathvariant="normal">' + b + '</mi></msub>';
const math = x => '<math>' + x + '</math>', mrow = x => '<mrow>' + x + '</mrow>';

const SYMBOL = {
  C_A: sub('C', 'A'), C_E: sub('C', 'E'), C_M: sub('C', 'M'),
  P_A: sub('P', 'A'), P_E: sub('P', 'E'), P_M: sub('P', 'M'),
  P_M_prime: '<msubsup><mi>P</mi><mi mathvariant="normal">M</mi><mo>\u2032</mo></msubsup>',
  Delta_M: sub('\u0394', 'M'), C_ME: sub('C', 'ME'), P_ME: sub('P', 'ME'),
  F_in: sub('F', 'in'), F_out: sub('F', 'out'),
};
const PLAIN = { C_A: 'C_A', C_E: 'C_E', C_M: 'C_M', P_A: 'P_A', P_E: 'P_E', P_M: 'P_M', P_M_prime: 'P prime M',
  Delta_M: 'Delta M', C_ME: 'C_ME', P_ME: 'P_ME', F_in: 'F in', F_out: 'F out' };

const Y = SYMBOL, eq = mo('='), plus = mo('+'), atLeast = mo('\u2265');
// id, place in the grid, name, equation in at most two lines
const CARDS = [
  ['F_in', 'fin', '', [mrow(mtext('what arrives'))]],
  ['P_A', 'pa', 'attention', [Y.P_A + eq + mi('CAP') + mo('(') + Y.F_in + mo(')')]],
  ['P_E', 'pe', 'enhancement', [Y.P_E + eq + mi('tanh') + thin + Y.P_A]],
  ['P_M_prime', 'pp', 'mask', [Y.P_M_prime + eq + mn(0) + mtext(' where'), Y.P_A + atLeast + mi('\u03b2') + thin + mi('max') + thin + Y.P_A]],
  ['Delta_M', 'dm', 'neighbours', [Y.Delta_M + eq + mi('\u03c9') + mtext(' within'), mrow(mn(3) + mo('\u00d7') + mn(3) + mtext(' of a mask'))]],
  ['P_M', 'pm', 'focused mask', [Y.P_M + eq + Y.P_M_prime + plus + Y.Delta_M]],
  ['C_ME', 'cme', '', ['', '']],
  ['P_ME', 'pme', '', ['', '']],
  ['F_out', 'fout', '', ['', '']],
];
const CHANNEL_ROWS = [
  ['C_A', 'attention', Y.C_A + eq + mi('GAP') + mo('(') + Y.F_in + mo(')')],
  ['C_M', 'mask', mn(0) + mtext(' if ') + Y.C_A + atLeast + mi('\u03b1') + thin + mi('max') + thin + Y.C_A],
  ['C_E', 'enhancement', Y.C_E + eq + mi('tanh') + thin + Y.C_A],
];
const ACCUMULATE = [Y.Delta_M + eq + mi('\u03c9') + mo('\u00d7'), mrow(mtext('masked neighbours'))];

// What C_ME and P_ME hold: Eq. 13 and 14 (each mask with the other branch's enhancement), or what
// Table 1 has in their place. One branch alone draws between its mask and its enhancement.
function slotsOf(t) {
  const c = { mask: 'C_M', more: 'C_E', weight: 'delta' }, p = { mask: 'P_M', more: 'P_E', weight: 'gamma' };
  if (t.branches === 'both') {
    const swap = t.fusion === 'cross' ? { C_ME: { more: p.more }, P_ME: { more: c.more } } : {};
    return { C_ME: { name: 'channel map', ...c, ...swap.C_ME }, P_ME: { name: 'position map', ...p, ...swap.P_ME } };
  }
  const own = t.branches === 'channel' ? c : p, sum = { name: 'sum', ...own };
  if (t.single === 'sum') return { C_ME: sum, P_ME: sum };
  return { C_ME: { name: 'enhancement', more: own.more }, P_ME: { name: 'mask', mask: own.mask } };
}
const LETTER = { delta: '\u03b4', gamma: '\u03b3' };
function slotEquation(id, s) {
  const more = s.more ? (s.mask ? mi(LETTER[s.weight]) + thin : '') + Y[s.more] : '';
  return [Y[id] + eq, mrow(more + (more && s.mask ? plus : '') + (s.mask ? Y[s.mask] : ''))];
}

// Eq. 16 with the operator and the map that are in force.
function outputEquation(apply, draw, off) {
  if (off) return [Y.F_out + eq + Y.F_in, mrow(mtext('module off'))];
  const map = draw === 'channel' ? Y.C_ME : Y.P_ME;
  if (apply === 'add') return [Y.F_out + eq, mrow(Y.F_in + plus + map)];
  if (apply === 'residual') return [Y.F_out + eq + Y.F_in + plus, mrow(Y.F_in + mo('\u00d7') + map)];
  return [Y.F_out + eq, mrow(Y.F_in + mo('\u00d7') + map)];
}
