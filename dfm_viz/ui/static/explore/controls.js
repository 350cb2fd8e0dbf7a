// Sliders, choices and "More settings". Ranges, steps, labels and the paper's values come from Python.
const parameters = () => facts.groups.flatMap(g => g.parameters);

function buildControls() {
  const slider = p => {
    const share = (p.paper - p.low) / (p.high - p.low), bounds = 'min="' + p.low + '" max="' + p.high + '" step="' + p.step + '"';
    return '<div class="sl" data-k="' + p.name + '"><div class="top"><math><mi>' + esc(p.symbol) + '</mi></math><label class="lab" for="dx-' + p.name + '">' + esc(p.label) +
      '</label><span class="was">' + esc(p.origin) + ' ' + p.paper.toFixed(2) + '</span><input class="num" inputmode="decimal" autocomplete="off" aria-label="' + p.name + ', typed"></div>' +
      '<div class="rng" style="--p:' + share + '"><input id="dx-' + p.name + '" type="range" ' + bounds + ' aria-label="' + p.name + ': ' + esc(p.label) + '"></div></div>';
  };
  $('.dock').innerHTML = facts.groups.map(g => '<div class="grp"><h3>' + esc(g.title) + '</h3><p>' + esc(g.hint) + '</p>' + g.parameters.map(slider).join('') + '</div>').join('') +
    '<div class="grp"><div class="two">' + ['apply', 'mode'].map(selector).join('') + '</div></div>';
  $('.more .two').innerHTML = ['neighbourhood', 'branches', 'fusion', 'single', 'weights'].map(selector).join('') +
    '<label for="dx-target">Class shown</label><input id="dx-target" list="dx-classes" autocomplete="off" placeholder="each its own"><datalist id="dx-classes"></datalist>' +
    '<label for="dx-colormap">Colours</label><select class="sel" id="dx-colormap">' + facts.colormaps.map(c => '<option value="' + esc(c.name) + '">' + esc(c.title) + '</option>').join('') + '</select>' +
    '<label for="dx-opacity">Map over picture</label><input id="dx-opacity" type="range" min="0" max="1" step="0.05">' +
    '<label for="dx-seed">Seed</label><input id="dx-seed" class="num" inputmode="numeric" autocomplete="off"><span class="hint">The seed counts for one draw by chance.</span>';
}
function selector(name) {
  const c = facts.choices[name];
  return '<label for="dx-' + name + '">' + esc(c.label) + '</label><select class="sel" id="dx-' + name + '" data-choice="' + name + '">' +
    c.options.map(o => '<option value="' + esc(o.value) + '">' + esc(o.label) + '</option>').join('') + '</select>';
}

// What depends on the family: its classes and insertion points.
function fillFamily() {
  const family = familyFacts();
  $('#dx-classes').innerHTML = family.classes.map(c => '<option value="' + esc(c) + '"></option>').join('');
  $('.family small').textContent = family.knows;
  $('.family small').title = family.knows;
  paintStrip();
  $('.points div').innerHTML = family.points.map(p => '<label><input type="checkbox" data-use="' + esc(p.name) + '">' + esc(p.title) + '</label>').join('');
}

function showSlider(row, value) {
  const p = parameters().find(q => q.name === row.dataset.k), range = $('input[type=range]', row), typed = $('.num', row);
  if (Number(range.value) !== value) range.value = String(value);
  if (document.activeElement !== typed) typed.value = plainTwo(value);
  $('.rng', row).style.setProperty('--v', String((value - p.low) / (p.high - p.low)));
  row.classList.toggle('moved', Math.abs(value - p.paper) > 1e-6);
}

// Everything the visitor can set, as the state has it.
function paintControls() {
  const t = state.settings, effective = data.info ? data.info.settings : {};
  $$('.sl').forEach(row => showSlider(row, t[row.dataset.k]));
  $$('[data-choice]').forEach(s => { const v = t[s.dataset.choice] || effective[s.dataset.choice]; if (v && s.value !== v) s.value = v; });
  const both = $('#dx-branches').value === 'both';
  $('#dx-fusion').disabled = !both;
  $('#dx-single').disabled = both;
  const target = $('#dx-target');
  if (document.activeElement !== target) target.value = t.target === null ? '' : familyFacts().classes[t.target];
  set($('#dx-colormap'), 'value', state.colormap);
  set($('#dx-opacity'), 'value', String(state.opacity));
  if (document.activeElement !== $('#dx-seed')) set($('#dx-seed'), 'value', String(t.seed));
  const used = t.points || familyFacts().points.map(p => p.name);
  $$('[data-use]').forEach(box => { box.checked = used.includes(box.dataset.use); box.disabled = box.checked && used.length === 1; });
}

function setNumber(name, value) {
  const p = parameters().find(q => q.name === name), clean = Number(clamp(value, p.low, p.high).toFixed(4));
  if (state.settings[name] === clean) return;
  state.settings[name] = clean;
  showSlider($('.sl[data-k="' + name + '"]'), clean);
  ask();
}

function onInput(event) {
  const input = event.target, row = input.closest('.sl');
  if (input.matches(NUMBERS)) typeNumber(input);
  else if (row) {
    setNumber(row.dataset.k, Number(input.value));
  } else if (input.id === 'dx-opacity') {
    state.opacity = Number(input.value);
    $$('.fit canvas').forEach(c => { c.style.opacity = input.value; });
  } else if (input.id === 'dx-target') {
    const index = familyFacts().classes.indexOf(input.value);
    if (index >= 0) setTarget(index);
    else if (input.value === '') setTarget(null);
  }
}
function setTarget(index) {
  if (state.settings.target === index) return;
  state.settings.target = index;
  ask();
}

function onChange(event) {
  const input = event.target;
  if (input.dataset.choice) { state.settings[input.dataset.choice] = input.value; ask(); }
  else if (input.id === 'dx-family') chooseFamily(input.value);
  else if (input.id === 'dx-path') chooseDraw(Number(input.value));
  else if (input.id === 'dx-range') { state.range = input.value; paintPipeline(); }
  else if (input.id === 'dx-colormap') chooseColours(input.value);
  else if (input.matches(NUMBERS)) typedNumber(input);
  else if (input.id === 'dx-target') paintTarget(input);
  else if (input.id === 'dx-truth') typeTruths(input);
  else if (input.dataset.use) choosePoints();
  else if (input.id === 'dx-file') { if (input.files[0]) openFile(input.files[0]); input.value = ''; }
}
// A name that is no class goes back to what is in force.
function paintTarget(input) {
  const index = state.settings.target;
  if (!familyFacts().classes.includes(input.value)) input.value = index === null ? '' : familyFacts().classes[index];
}

function choosePoints() {
  const all = familyFacts().points.map(p => p.name), used = all.filter(name => $('[data-use="' + name + '"]').checked);
  if (!used.length) return;
  state.settings.points = used.length === all.length ? null : used;
  if (!used.includes(state.point)) { state.point = null; state.channel = null; }
  paintControls();
  ask();
}

function chooseColours(name) {
  state.colormap = name;
  usePalette(facts.colormaps.find(c => c.name === name).lut);
  $$('.vbar canvas').forEach(c => colourBar(c, true));
  if (data.info) { paintPanels(); paintPipeline(); }
}

// Back to the readings that the family's DFM checkpoint was trained with.
function asTrained() {
  for (const name in facts.choices) if (facts.settings[name] === null) state.settings[name] = null;
}

function reset() {
  Object.assign(state.settings, facts.settings, { points: null });
  state.draws = {};
  paintControls();
  ask();
}

function toggleMore(open) {
  const more = $('.more'), show = open === undefined ? more.hidden : open;
  more.hidden = !show;
  $$('[data-act=more]').forEach(b => b.setAttribute('aria-expanded', String(show)));
  if (show) { more.scrollIntoView({ block: 'nearest' }); $('.more select').focus({ preventScroll: true }); }
  else $('.foot [data-act=more]').focus({ preventScroll: true });
}
