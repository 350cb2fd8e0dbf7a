// Fields in which a number is typed. What can be read is taken while it is typed; what cannot is said
// when the field is left, and what stood there when it was entered comes back.
const NUMBERS = '.sl .num, #dx-seed, #dx-channel';
let typedBefore = '';

// A typed number as it is meant: 0.9, 0,9, .5, ,5, 90 %; null for anything else, never another value.
function readNumber(text) {
  const found = /^([+-]?)(\d*)(?:[.,](\d*))?\s*(%?)$/.exec(text.trim().replace('\u2212', '-'));
  if (!found || !(found[2] || found[3])) return null;
  const x = Number(found[1] + (found[2] || '0') + '.' + (found[3] || '0'));
  return found[4] ? Number((x / 100).toFixed(10)) : x;
}
// Whole ones have no mark at all: 1,000 is a thousand to some and one to others.
const readWhole = text => /^\s*\d+\s*$/.test(text) ? Number(text) : null;
// With two decimals, or with as many as were given.
const plainTwo = x => Number(x.toFixed(2)) === x ? x.toFixed(2) : String(Number(x.toFixed(4)));

// How a field is read, its range, what is in force, and how a value is taken over.
function numberField(input) {
  const row = input.closest('.sl');
  if (row) {
    const p = parameters().find(q => q.name === row.dataset.k);
    return { name: p.symbol, low: p.low, high: p.high, step: p.step, read: readNumber, now: () => plainTwo(state.settings[p.name]), put: x => setNumber(p.name, x) };
  }
  if (input.id === 'dx-seed') {
    return { name: 'The seed', low: 0, high: 999999, step: 1, read: readWhole, now: () => String(state.settings.seed),
      put: x => { if (state.settings.seed !== x) { state.settings.seed = x; ask(); } } };
  }
  return { name: 'The channel', low: 0, high: order.length - 1, step: 1, read: readWhole, now: () => state.channel === 'mean' ? '' : String(state.channel), put: chooseChannel };
}
function readField(field, text) {
  const x = field.read(text);
  return x !== null && x >= field.low && x <= field.high ? x : null;
}

function typeNumber(input) {
  const field = numberField(input), x = readField(field, input.value);
  if (x !== null) field.put(x);
}
function typedNumber(input) {
  const field = numberField(input), text = input.value.trim(), x = readField(field, text), before = readField(field, typedBefore);
  if (x !== null) { field.put(x); quiet('number'); }
  else {
    if (before !== null) field.put(before);
    if (text) notice('number', field.name + ' cannot be \u201c' + text.slice(0, 20) + '\u201d.', 'Give a ' + (field.read === readWhole ? 'whole ' : '') + 'number from ' + field.low + ' to ' + field.high + '; ' + (field.now() || 'the mean of all') + ' stays.');
  }
  typedBefore = input.value = field.now();
}

// Arrow keys step, as in any field of numbers.
function numberKey(event) {
  const input = event.target, up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!up || !input.matches(NUMBERS)) return false;
  event.preventDefault();
  const field = numberField(input), x = readField(field, input.value);
  if (x !== null) field.put(clamp(Number((x + up * field.step).toFixed(4)), field.low, field.high));
  typedBefore = input.value = field.now();
  return true;
}
function onFocus(event) { if (event.target.matches(NUMBERS)) typedBefore = event.target.value; }
function onBlur(event) { if (event.target.matches(NUMBERS)) event.target.value = numberField(event.target).now(); }
