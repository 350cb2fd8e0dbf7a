// Filters: one row per choice with the number of pictures it would leave.
const fxTitle = (list, name) => (list.find(x => x.name === name) || { title: name }).title;

function fxPickSet() {
  const one = fx.facts.sets.find(s => s.id === fx.q.set);
  set($('#fx-set'), 'value', fx.q.set);
  set($('.fx-field small'), 'textContent', one ? one.about : '');
}

// Rows are built when the choices change; afterwards only ticks and numbers do, so focus stays.
function fxRows(where, kind, name, list, chosen, counts) {
  const box = $(where + ' > div'), stamp = JSON.stringify(list);
  if (box.dataset.stamp !== stamp) {
    box.dataset.stamp = stamp;
    box.innerHTML = list.map(x => '<label class="fx-row" title="' + esc(x.hint || '') + '"><input type="' + kind + '" name="fx-' + name + '" value="' + esc(x.name) + '">' +
      (x.sign ? '<i style="color:' + x.colour + '" aria-hidden="true">' + x.sign + '</i>' : '') + '<span>' + esc(x.title) + '</span><b></b></label>').join('');
  }
  $$('.fx-row', box).forEach((row, i) => {
    const input = $('input', row), able = list[i].able !== false;
    input.checked = chosen.includes(list[i].name);
    input.disabled = !able;
    set($('b', row), 'textContent', able ? fxNumber(counts[list[i].name]) : 'not evaluated');
  });
}
function fxOptions(select, list, value) {
  const html = list.map(x => '<option value="' + esc(x.value) + '">' + esc(x.text) + '</option>').join('');
  if (select.dataset.stamp !== html) { select.innerHTML = html; select.dataset.stamp = html; }
  set(select, 'value', value);
}

function fxFilters() {
  const { question: q, counts, methods, flags, columns } = fx.reply;
  fxPickSet();
  fxRows('.fx-methods', 'radio', 'method', methods, [q.method], counts.methods);
  fxRows('.fx-errors', 'checkbox', 'error', fx.facts.errors, q.errors, counts.errors);
  fxRows('.fx-flags', 'checkbox', 'flag', flags, q.flags, counts.flags);
  const modes = Object.keys(counts.modes);
  $('#fx-mode').parentNode.hidden = modes.length < 2;
  fxOptions($('#fx-mode'), modes.map(m => ({ value: m, text: m + ' (' + fxNumber(counts.modes[m]) + ')' })), q.mode);
  const all = Object.values(counts.classes).reduce((a, b) => a + b, 0);
  fxOptions($('#fx-class'), [{ value: '', text: 'any (' + fxNumber(all) + ')' }, ...Object.entries(counts.classes).map(([c, n]) => ({ value: c, text: c + ' (' + fxNumber(n) + ')' }))], q.class === null ? '' : q.class);
  set($('#fx-order'), 'value', q.order);
  for (const axis of ['x', 'y']) fxOptions($('#fx-' + axis), columns.map(c => ({ value: c.key, text: c.title })), fx.axes[axis] || $('#fx-' + axis).value);
  fxRange(q.iou);
  const chips = fxChips();
  $('.fx-chips').innerHTML = chips.map((c, i) => '<button type="button" class="chip" data-fx="drop" data-chip="' + i + '" title="Remove this filter">' + esc(c.text) + ' \u2715</button>').join('');
  $('[data-fx=clear]').disabled = !chips.length;
  set($('.fx-fold'), 'textContent', chips.length ? 'Filters (' + chips.length + ')' : 'Filters');
}

function fxRange([low, high]) {
  const values = [low, high], range = $('.fx-range');
  range.style.setProperty('--low', String(low));
  range.style.setProperty('--high', String(high));
  $$('input', $('.fx-two')).forEach(input => {
    const value = values[Number(input.dataset.end)];
    if (input.type === 'range') input.value = String(value);
    else if (document.activeElement !== input) input.value = plainTwo(value);
  });
}

// The filters in force, each with what takes it away.
function fxChips() {
  const q = fx.reply.question, chips = [], without = (key, x) => ({ [key]: q[key].filter(y => y !== x) });
  for (const e of q.errors) chips.push({ text: fxTitle(fx.facts.errors, e), drop: without('errors', e) });
  for (const f of q.flags) chips.push({ text: fxTitle(fx.reply.flags, f), drop: without('flags', f) });
  if (q.class !== null) chips.push({ text: q.class, drop: { class: null } });
  if (q.iou[0] > 0 || q.iou[1] < 1) chips.push({ text: 'IoU ' + q.iou[0].toFixed(2) + ' to ' + q.iou[1].toFixed(2), drop: { iou: [0, 1] } });
  if (q.lasso) chips.push({ text: 'Drawn in the chart', drop: { lasso: null } });
  return chips;
}
function fxDrop(i) {
  fxAsk(fxChips()[i].drop);
  $('#fx-order').focus({ preventScroll: true });   // the chip goes away; stay near it
}
function fxClear() {
  fxAsk({ errors: [], flags: [], class: null, iou: [0, 1], lasso: null });
}

function fxChange(event) {
  const input = event.target, ticked = name => $$('input[name="' + name + '"]:checked').map(x => x.value);
  if (input.name === 'fx-method') fxAsk({ method: input.value });
  else if (input.name === 'fx-error') fxAsk({ errors: ticked('fx-error') });
  else if (input.name === 'fx-flag') fxAsk({ flags: ticked('fx-flag') });
  else if (input.id === 'fx-set') { fx.axes = { x: null, y: null }; fx.q = { set: input.value }; fxAsk({}); }
  else if (input.id === 'fx-mode') fxAsk({ mode: input.value });
  else if (input.id === 'fx-class') fxAsk({ class: input.value || null });
  else if (input.id === 'fx-order') fxAsk({ order: input.value });
  else if (input.id === 'fx-x' || input.id === 'fx-y') { fx.axes[input.id.slice(3)] = input.value; fxCharts(); if (typeof linkSoon === 'function') linkSoon(); }
  else if (input.matches('.num')) fxTyped(input);
}

// Handles do not pass each other; the list follows while one is dragged.
function fxInput(event) {
  const input = event.target;
  if (input.type !== 'range' || !input.dataset.end || !fx.reply) return;
  const end = Number(input.dataset.end), iou = [...fx.q.iou || [0, 1]], value = Number(input.value);
  iou[end] = end ? Math.max(value, iou[0]) : Math.min(value, iou[1]);
  fxRange(iou);
  fxAsk({ iou });
}
function fxTyped(input) {
  const end = Number(input.dataset.end), iou = [...fx.q.iou || [0, 1]], value = readNumber(input.value);
  const low = end ? iou[0] : 0, high = end ? 1 : iou[1], fine = value !== null && value >= low && value <= high;
  if (fine) { quiet('number'); iou[end] = value; }
  else notice('number', 'This IoU cannot be \u201c' + input.value.slice(0, 20) + '\u201d.', 'Give a number from ' + plainTwo(low) + ' to ' + plainTwo(high) + '; ' + plainTwo(iou[end]) + ' stays.');
  input.value = plainTwo(iou[end]);
  fxRange(iou);
  if (fine) fxAsk({ iou });
}
