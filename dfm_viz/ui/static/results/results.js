// The Results tab: conclusions, one table or one model card at a time, all as the server tells them.
const RS = { facts: null, open: 'reading', metric: null, mode: 'off', cards: {}, loading: false, turn: 0 };
const RS_KINDS = { retrained: 'Retrained', inference: 'Inference-time' };
// Text with the three marks of Markdown that the conclusions use.
const rsText = text => esc(text).replace(/\*\*([^*]+)\*\*/g, '<b>$1</b>').replace(/(^|[^*])\*([^*]+)\*/g, '$1<em>$2</em>').replace(/\x60([^\x60]+)\x60/g, '<code>$1</code>');
const rsLead = lines => rsText(lines.join(' ')).replace(/ = /g, '\u00a0=\u00a0');
// One decimal; an exact half goes to the even digit, as in the files that are made in Python.
function rsPercent(x) {
  if (x === null || x === undefined) return '\u2013';
  const tenths = Math.floor(x * 10), half = Number.isInteger(x * 4) && !Number.isInteger(x * 2);
  return minus((half ? (tenths + tenths % 2) / 10 : x).toFixed(1));
}
const rsCommand = text => text ? '<pre class="rs-command" tabindex="0" aria-label="Command">' + esc(text) + '</pre>' : '';
// What scrolls sideways can be reached by keyboard, and says what it is.
const rsScroll = (name, inside) => '<div class="rs-scroll" tabindex="0" role="region" aria-label="' + esc(name) + '">' + inside + '</div>';

function rsItems() {
  const of = kind => RS.facts.tables.filter(t => t.kind === kind).map(t => ({ id: t.name, title: t.title.split(': ').slice(0, 2).join(': '), more: t.title.split(': ').slice(2).join(': ') }));
  const groups = [{ title: '', items: [{ id: 'reading', title: 'In short' }] }];
  for (const kind in RS_KINDS) groups.push({ title: RS_KINDS[kind] + ' tables', kind, items: of(kind) });
  for (const f of RS.facts.families) {
    groups.push({ title: f.title, items: f.cards.map(c => ({ id: f.name + '/' + c.name, title: c.title, card: true })) });
  }
  return groups;
}
const rsKnown = id => rsItems().some(g => g.items.some(i => i.id === id));

function rsBuild() {
  const groups = rsItems();
  $('.rs-nav').innerHTML = '<h2 class="sr">Measured</h2>' + groups.map((g, n) => (n === groups.findIndex(x => x.items.some(i => i.card)) ? '<h2 class="rs-cards">Model cards</h2>' : '') +
    (g.title ? '<h3>' + esc(g.title) + '</h3>' : '') +
    (g.items.length ? '<ul>' + g.items.map(i => '<li><button type="button" data-rs="' + esc(i.id) + '">' + esc(i.title) + (i.more ? '<small>' + esc(i.more) + '</small>' : '') + '</button></li>').join('') + '</ul>' : '<p class="muted">None measured yet.</p>')).join('');
  $('#dx-rs-pick').innerHTML = groups.filter(g => g.items.length).map(g => {
    const options = g.items.map(i => '<option value="' + esc(i.id) + '">' + esc(i.title + (i.more ? ', ' + i.more : i.card ? ', ' + g.title : '')) + '</option>').join('');
    return g.title ? '<optgroup label="' + esc(g.title) + '">' + options + '</optgroup>' : options;
  }).join('');
}

// Ask the server; the pane says that it is busy meanwhile.
let rsWaiting = 0;
async function rsAsk(name, query) {
  rsWaiting++;
  $('.rs-body').setAttribute('aria-busy', 'true');
  const reply = await call(name, query);
  if (--rsWaiting === 0) $('.rs-body').removeAttribute('aria-busy');
  return reply;
}

async function rsEnter() {
  if (RS.facts) return rsShow(RS.open);
  if (RS.loading) return undefined;
  RS.loading = true;
  const answer = await rsAsk('results_start', {}), reply = answer && !answer.error && !(answer.tables && answer.families) ? { error: ODD } : answer;
  RS.loading = false;
  if (!reply || reply.error) {
    $('.rs-body').innerHTML = '<p class="rs-wait">' + esc(reply ? reply.error : 'The server does not answer.') + ' <button type="button" class="link" data-rs-again>Try again</button></p>';
    return undefined;
  }
  RS.facts = reply;
  rsBuild();
  return rsShow(RS.open);
}

function rsShow(id) {
  const known = rsKnown(id), table = RS.facts.tables.find(t => t.name === id);
  RS.open = known ? id : 'reading';
  RS.turn++;
  $$('.rs-nav [data-rs]').forEach(b => { if (b.dataset.rs === RS.open) b.setAttribute('aria-current', 'page'); else b.removeAttribute('aria-current'); });
  $('#dx-rs-pick').value = RS.open;
  if (table) rsPaintTable(table);
  else if (RS.open !== 'reading') rsOpenCard(RS.open);
  else $('.rs-body').innerHTML = (known ? '' : '<p class="rs-note">There is no table or card \u201c' + esc(id) + '\u201d here; this is the overview.</p>') + rsReading();
  if (typeof linkSoon === 'function') linkSoon();
}

// The conclusions: each question with the short answer; the rest opens.
function rsReading() {
  const { reading, missing, tables, baselines } = RS.facts;
  const point = p => '<li>' + (p.claim ? '<h3>' + rsText(p.claim) + '</h3>' : '') + '<p>' + rsText(p.short) + '</p>' +
    (p.more ? '<details><summary>More on this</summary><p>' + rsText(p.more) + '</p></details>' : '') + '</li>';
  const list = tables.length ? '<h3 class="rs-h">The tables</h3><ul class="rs-index">' + tables.map(t => '<li><button type="button" class="link" data-rs="' + esc(t.name) + '">' + esc(t.title) + '</button> ' + rsKind(t.kind) + '</li>').join('') + '</ul>' : '';
  return '<div class="rs-text">' +
    (reading ? '<h2>' + esc(reading.title || 'What the tables say') + '</h2><p class="rs-lead">' + rsText(reading.lead) + '</p><ol class="rs-points">' + reading.points.map(point).join('') + '</ol>' : '<h2>Results</h2>') +
    (baselines && baselines.points.length ? '<h3 class="rs-h">' + esc(baselines.title) + '</h3><ul class="rs-list">' + baselines.points.map(t => '<li>' + rsText(t) + '</li>').join('') + '</ul>' : '') +
    (missing ? '<p class="rs-note">' + esc(missing) + '.</p>' : '') + list +
    '<p class="muted rs-end">Retrained and inference-time numbers never stand in one table. What each checkpoint reaches stands on its card.</p></div>';
}
const rsKind = kind => '<span class="rs-kind" data-kind="' + esc(kind) + '">' + esc((RS_KINDS[kind] || kind).toLowerCase()) + '</span>';

// A click in this tab; the page's own handler knows nothing of it.
function rsClick(event) {
  const b = event.target.closest('[data-rs], [data-rs-again], [data-rs-fail]');
  if (!b) return;
  if ('rsAgain' in b.dataset) rsEnter();
  else if (b.dataset.rs) { rsShow(b.dataset.rs); rsTop(); }
  else if (b.dataset.rsFail) rsToExplore(Number(b.dataset.rsFail));
}
function rsChange(event) {
  if (event.target.id === 'dx-rs-pick') { rsShow(event.target.value); return; }
  const what = event.target.dataset.rsSet, table = RS.facts && RS.facts.tables.find(t => t.name === RS.open);
  if (!what || !table) return;
  RS[what] = event.target.value;
  $('.rs-plot').innerHTML = rsPlot(table);
  if (typeof linkSoon === 'function') linkSoon();
}
// The list may be far below the top of what it opens.
function rsTop() {
  const body = $('.rs-body').getBoundingClientRect();
  if (body.top < 0) $('#dx-results').scrollIntoView();
}

const rsWord = x => typeof x === 'string' && x.length > 0 && x.length <= 120;
TABS.results = {
  enter: rsEnter,
  link() {
    const said = {};
    if (RS.open !== 'reading') said.open = RS.open;
    if (RS.metric) said.metric = RS.metric;
    if (RS.mode !== 'off') said.mode = RS.mode;
    return Object.keys(said).length ? said : null;
  },
  unlink(said) {
    if (!said || typeof said !== 'object' || Array.isArray(said)) return false;
    for (const name of ['open', 'metric', 'mode']) if (rsWord(said[name])) RS[name] = said[name];
    if (RS.facts && state.tab === 'results') rsShow(RS.open);
    return Object.keys(said).every(name => ['open', 'metric', 'mode'].includes(name) && rsWord(said[name]));
  },
};
$('#dx-results').addEventListener('click', rsClick);
$('#dx-results').addEventListener('change', rsChange);
