// The pipeline of the shown insertion point, in the order of the paper's Fig. 2.
function buildPipeline() {
  const card = ([id, place, name, lines]) => '<div class="card ' + place + '" data-id="' + id + '"><div class="sym">' + math(SYMBOL[id]) +
    '<span class="here"></span></div><div class="name">' + name + '</div><div class="eq">' + lines.map(x => '<span>' + math(x) + '</span>').join('') +
    '</div><div class="map"><canvas tabindex="0" role="img"></canvas><i></i></div><div class="cb"><span class="lo"></span><canvas aria-hidden="true"></canvas><span class="hi"></span></div><div class="st"></div></div>';
  const heads = [['bc', 'Channel branch'], ['bp', 'Position branch'], ['bx', 'Cross fusion'], ['bd', 'Random draw']];
  $('.flow').innerHTML = '<svg aria-hidden="true"></svg>' + heads.map(([place, text]) => '<h3 class="bh ' + place + '">' + text + '</h3>').join('') +
    card(CARDS[0]) + buildChannels() + CARDS.slice(1, -1).map(card).join('') + '<div class="drawn"><b>draw</b></div>' + card(CARDS[CARDS.length - 1]) +
    ['delta', 'gamma', 'q up', 'q down'].map(c => '<span class="pill ' + c + '"></span>').join('') + '<div class="drawp"></div>';
  $$('.card .cb canvas').forEach(c => colourBar(c));
}

// Ends of the colour bar: fixed by the equations where they can be, else from zero to the maximum.
function scaleOf(id, s) {
  const t = data.info.settings;
  if (state.range === 'own' && !s.flat && !['P_M_prime', 'Delta_M', 'P_M'].includes(id)) return [s.low, s.high];
  const most = t.neighbourhood === 'accumulate' ? Math.max(t.omega, summary(array('point/Delta_M'), 1).high) : t.omega;
  const fixed = { P_M_prime: 1, Delta_M: Math.max(0.01, most), P_M: 1 + most, P_E: 1 }, slots = slotsOf(t);
  for (const name in slots) {
    const { mask, more, weight } = slots[name];
    fixed[name] = (mask === 'P_M' ? 1 + most : mask ? 1 : 0) + (more ? mask ? t[weight] : 1 : 0);
  }
  if (id in fixed && s.low >= 0) return [0, fixed[id]];
  if (id === 'F_in' || id === 'F_out') {
    const a = summary(array('point/F_in'), 1), b = summary(array('point/F_out'), 1);
    return [Math.min(0, a.low, b.low), Math.max(a.high, b.high) || 1];
  }
  return [Math.min(0, s.low), s.high > 0 ? s.high : 1];
}

const statistics = s => '<span>min</span><span>mean</span><span>max</span><div>' + fmt(s.low) + '</div><div>' + fmt(s.mean) + '</div><div>' + fmt(s.high) + '</div>';
const ends = x => Number.isInteger(x) ? minus(String(x)) : fmt(x);
const whyFlat = { Delta_M: 'no cell is beside a masked one, or \u03c9 is 0.', P_M_prime: 'nothing, or everything, is masked.', F_in: 'this channel is silent here.', F_out: 'this channel is silent here.' };

function paintPipeline() {
  const info = data.info, t = info.settings, off = t.mode === 'off';
  sortChannels();
  for (const card of $$('.card')) paintCard(card);
  labelCards();
  paintEquations(t, info.path, off);
  const channel = state.channel === 'mean' ? 'mean of all' : 'channel ' + state.channel;
  $$('.fin .name, .fout .name').forEach(node => set(node, 'textContent', channel));
  const [rows, columns] = shape('point/P_A');
  set($('.dims'), 'textContent', order.length + ' channels, ' + rows + ' \u00d7 ' + columns);
  paintBars();
  paintChannelNotes();
  paintPointChoices();
  const tau = Math.round(100 * t.tau);
  set($('.pill.delta'), 'textContent', '\u00d7 \u03b4 ' + t.delta.toFixed(2));
  set($('.pill.gamma'), 'textContent', '\u00d7 \u03b3 ' + t.gamma.toFixed(2));
  set($('.pill.up'), 'textContent', 100 - tau + ' %');
  set($('.pill.down'), 'textContent', tau + ' %');
  set($('.drawp'), 'innerHTML', math(SYMBOL.P_ME) + ' in ' + tau + '\u00a0% of the draws, ' + math(SYMBOL.C_ME) + ' in ' + (100 - tau) + '\u00a0%. ' +
    (off ? 'The module is off: neither is used.' : 'This one took ' + math(SYMBOL[info.path === 'channel' ? 'C_ME' : 'P_ME']) + '.'));
  $('.drawn').title = 'P_ME in ' + tau + ' % of the draws, C_ME in ' + (100 - tau) + ' %';
  probe();
  wires();
}

// The equations that depend on a choice, and which branches take part.
function paintEquations(t, path, off) {
  const flow = $('.flow'), stamp = [t.apply, path, off, t.neighbourhood, t.branches, t.fusion, t.single].join(' ');
  if (flow.dataset.stamp === stamp) return;
  flow.dataset.stamp = stamp;
  const write = (place, lines) => $$(place + ' .eq span').forEach((node, i) => { node.innerHTML = math(lines[i]); });
  write('.fout', outputEquation(t.apply, path, off));
  write('.dm', t.neighbourhood === 'accumulate' ? ACCUMULATE : CARDS.find(c => c[0] === 'Delta_M')[3]);
  const slots = slotsOf(t);
  for (const [id, place] of [['C_ME', '.cme'], ['P_ME', '.pme']]) {
    write(place, slotEquation(id, slots[id]));
    $(place + ' .name').textContent = slots[id].name;
  }
  $('.bh.bx').textContent = t.branches !== 'both' ? 'One branch' : t.fusion === 'cross' ? 'Cross fusion' : 'Normal fusion';
  flow.classList.toggle('no-channel', t.branches === 'position');
  flow.classList.toggle('no-position', t.branches === 'channel');
}

function paintCard(card) {
  const id = card.dataset.id, part = data.parts['point/' + id], values = array('point/' + id), [rows, columns] = part.shape;
  const s = summary(values, columns), [low, high] = scaleOf(id, s), stamp = [part.key, low, high, state.colormap].join(' ');
  if (card.dataset.stamp === stamp) return;
  card.dataset.stamp = stamp;
  const canvas = $('.map canvas', card);
  cells(canvas, values, rows, columns, low, high);
  const bar = $('.cb canvas', card);
  if (bar.dataset.colours !== state.colormap) { colourBar(bar); bar.dataset.colours = state.colormap; }
  $('.lo', card).textContent = ends(low);
  $('.hi', card).textContent = ends(high);
  card.classList.toggle('flat', s.flat);
  const row = $('.st', card);
  row.classList.toggle('say', s.flat);
  row.innerHTML = s.flat ? 'Flat, ' + fmt(s.low) + ' everywhere' + (whyFlat[id] ? ': ' + whyFlat[id] : '.') : statistics(s);
}

// Insertion points and draws to choose from; rebuilt only when they change.
function paintPointChoices() {
  const info = data.info, points = info.settings.points, box = $('.switch-point'), stamp = state.family + points.join(' ');
  if (box.dataset.stamp !== stamp) {
    box.dataset.stamp = stamp;
    box.innerHTML = points.map(p => '<button type="button" data-point="' + esc(p) + '">' + esc(pointTitle(p)) + '</button>').join('');
  }
  $$('[data-point]').forEach(b => b.setAttribute('aria-pressed', String(b.dataset.point === info.point)));
  const select = $('#dx-path'), words = info.paths.map(p => drawWords(p.draw) + ' (' + Math.round(100 * p.probability) + ' %)');
  if (select.dataset.stamp !== words.join()) {
    select.dataset.stamp = words.join();
    select.innerHTML = words.map((w, i) => '<option value="' + i + '">' + esc(w) + '</option>').join('');
  }
  const shown = info.paths.findIndex(p => p.shown);
  if (document.activeElement !== select || Number(select.value) !== shown) select.value = String(shown);
  select.disabled = info.settings.mode === 'off';
}

function choosePoint(name) {
  if (name === data.info.point) return;
  state.point = name;
  state.channel = null;
  ask();
}
function chooseDraw(index) {
  state.draws = { ...data.info.paths[index].draw };
  ask();
}
