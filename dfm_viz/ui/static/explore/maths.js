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
  ['C_ME', 'cme', 'channel map', [Y.C_ME + eq, mrow(mi('\u03b4') + thin + Y.P_E + plus + Y.C_M)]],
  ['P_ME', 'pme', 'position map', [Y.P_ME + eq, mrow(mi('\u03b3') + thin + Y.C_E + plus + Y.P_M)]],
  ['F_out', 'fout', '', ['', '']],
];
const CHANNEL_ROWS = [
  ['C_A', 'attention', Y.C_A + eq + mi('GAP') + mo('(') + Y.F_in + mo(')')],
  ['C_M', 'mask', mn(0) + mtext(' if ') + Y.C_A + atLeast + mi('\u03b1') + thin + mi('max') + thin + Y.C_A],
  ['C_E', 'enhancement', Y.C_E + eq + mi('tanh') + thin + Y.C_A],
];
const ACCUMULATE = [Y.Delta_M + eq + mi('\u03c9') + mo('\u00d7'), mrow(mtext('masked neighbours'))];

// Eq. 16 with the operator and the map that are in force.
function outputEquation(apply, draw, off) {
  if (off) return [Y.F_out + eq + Y.F_in, mrow(mtext('module off'))];
  const map = draw === 'channel' ? Y.C_ME : Y.P_ME;
  if (apply === 'add') return [Y.F_out + eq, mrow(Y.F_in + plus + map)];
  if (apply === 'residual') return [Y.F_out + eq + Y.F_in + plus, mrow(Y.F_in + mo('\u00d7') + map)];
  return [Y.F_out + eq, mrow(Y.F_in + mo('\u00d7') + map)];
}
