// One model card: what it is, what it reaches in every mode, and where it is known to fail.
async function rsOpenCard(id) {
  const turn = RS.turn, [family, card] = id.split('/');
  if (!RS.cards[id]) {
    const wait = setTimeout(() => { if (turn === RS.turn) $('.rs-body').innerHTML = '<p class="rs-wait">Reading the card.</p>'; }, 150);
    const reply = await rsAsk('results_card', { family, card });
    clearTimeout(wait);
    if (!reply || reply.error) {
      if (turn === RS.turn) $('.rs-body').innerHTML = '<p class="rs-wait">' + esc(reply ? reply.error : 'The server does not answer.') + ' <button type="button" class="link" data-rs="' + esc(id) + '">Try again</button></p>';
      return;
    }
    RS.cards[id] = reply;
  }
  if (turn !== RS.turn) return;
  const told = RS.cards[id];
  $('.rs-body').innerHTML = rsCard(told);
  if (!told.failures) return;
  if (!told.shown) {
    const reply = await rsAsk('results_failures', { family, card });
    if (reply && !reply.error) told.shown = reply.failures;
    else told.trouble = reply ? reply.error : 'The server does not answer; open the card again.';
  }
  if (turn === RS.turn) $('.rs-failures').innerHTML = told.shown ? told.shown.map(rsFailure).join('') : '<p class="rs-note">' + esc(told.trouble) + '</p>';
}

function rsCard(card) {
  const fact = ([label, text]) => '<dt>' + esc(label) + '</dt><dd>' + esc(text) + '</dd>';
  return '<h2>' + esc(card.title) + ' <small>' + esc(card.family + '/' + card.card) + '</small></h2><p class="rs-lead">' + esc(card.what) + '</p>' +
    '<h3 class="rs-h">What it reaches</h3>' + (card.scores.length ? card.scores.map(rsScores).join('') : '<p class="muted">Not measured here.</p>') +
    (card.elsewhere.length ? '<h3 class="rs-h">The same name in the tables, and why the numbers differ</h3><ul class="rs-list">' + card.elsewhere.map(f =>
      '<li><button type="button" class="link" data-rs="' + esc(f.table) + '">' + esc(f.title) + '</button>: ' + rsText(f.text) + ' \u201cHere\u201d is the table, \u201cthere\u201d this card.</li>').join('') + '</ul>' : '') +
    '<h3 class="rs-h">Where it is known to fail</h3>' + (card.failures ? '<div class="legend">' + rsLegend() + '</div><div class="rs-failures"><p class="rs-wait">Fetching the pictures.</p></div>' : card.unshown ? '<p class="muted">' + esc(card.unshown) + '</p>' :
      '<p class="muted">No failures are on this card yet. This finds them, among pictures that may be shown:</p>' + rsCommand(card.command)) +
    '<h3 class="rs-h">About it</h3><dl class="rs-facts">' + card.facts.map(fact).join('') + '</dl>' +
    (card.notes.length ? '<h3 class="rs-h">To know when reading the numbers</h3><ul class="rs-list">' + card.notes.map(n => '<li>' + esc(n) + '</li>').join('') + '</ul>' : '');
}
const rsLegend = () => '<span><svg width="30" height="12" aria-hidden="true"><rect x="2" y="2" width="26" height="8" fill="none" stroke="var(--accent)" stroke-width="3.5"/></svg>its box</span>' +
  '<span><svg width="30" height="12" aria-hidden="true"><rect x="1" y="2" width="28" height="8" fill="none" stroke="var(--ink)" stroke-width="1.75" stroke-dasharray="4 3"/></svg>true box</span>';

// Percent with its interval below; both threshold policies side by side.
function rsScores(s) {
  const number = ([value, low, high]) => '<td>' + rsPercent(value) + (low === null ? '' : '<small>' + rsPercent(low) + ' to ' + rsPercent(high) + '</small>') + '</td>';
  const cut = part => '<td>' + (part.threshold === null ? '\u2013' : Number(part.threshold.toFixed(3))) + '</td>';
  const sure = s.modes.some(m => m.clas[1] !== null);
  const row = m => '<tr class="rs-first"><th scope="row">' + esc(m.title) + '</th>' + number(m.clas) + cut(m.fixed) + number(m.fixed.loc) + number(m.fixed.known) + cut(m.oracle) + number(m.oracle.loc) + number(m.oracle.known) + '</tr>';
  const grid = '<table class="rs-table rs-two-heads"><thead><tr><th rowspan="2" scope="col">test time</th><th rowspan="2" scope="col">Top-1 Clas</th><th colspan="3" scope="colgroup">at the fixed threshold</th><th colspan="3" scope="colgroup">at the best threshold of this split</th></tr><tr>' +
    ['threshold', 'Top-1 Loc', 'GT-known', 'threshold', 'Top-1 Loc', 'GT-known'].map(t => '<th scope="col">' + t + '</th>').join('') + '</tr></thead><tbody>' + s.modes.map(row).join('') +
    s.without.map(([title, value]) => '<tr class="rs-first rs-chance"><th scope="row">' + esc(title) + '</th><td colspan="6">without looking</td><td>' + rsPercent(value) + '</td></tr>').join('') + '</tbody></table>';
  const seeds = s.seeds ? ', ' + s.seeds + (s.seeds === 1 ? ' seed' : ' seeds') : '';
  return '<p class="rs-lead">Percent of the ' + esc(s.n) + ' pictures of the ' + esc(s.split) + ' split' + seeds + '. ' +
    (sure ? 'The small numbers are 95 % bootstrap intervals over the pictures.' : 'No intervals were kept for these numbers.') + '</p>' +
    rsScroll('Scores on the ' + s.split + ' split', grid) +
    (s.outcomes.length ? '<p class="rs-lead">Pictures by outcome at the fixed threshold, module off: ' + s.outcomes.map(([kind, n]) => esc(kind) + ' ' + n).join(', ') + '.</p>' : '') +
    '<details class="rs-how"><summary>How it was measured</summary><p>' + esc(s.protocol) + '.</p>' + rsCommand(s.command) + '</details>';
}

function rsFailure(f, number) {
  const under = Object.entries(f.settings).map(([name, value]) => name + ' ' + value).join(', ');
  const picture = f.image ? '<div class="rs-photo" style="aspect-ratio:' + f.width + '/' + f.height + ';max-width:calc(var(--rs-tall) * ' + f.width + ' / ' + f.height + ')"><img src="' + f.image + '" alt="' + esc(f.title) + '"><svg viewBox="0 0 ' + f.width + ' ' + f.height + '" preserveAspectRatio="none" aria-hidden="true">' + boxLines(f.width, f.height, f.box, null, f.truths) + '</svg></div>' :
    '<p class="rs-photo rs-none">The picture \u201c' + esc(f.example) + '\u201d comes with a package that is not installed here.</p>';
  return '<figure>' + picture + '<figcaption><p>' + esc(f.sentence) + '</p><p class="muted">' + esc(under) + (f.credit ? '. Picture: ' + esc(f.credit) : '') + '</p>' +
    (f.image ? '<button type="button" class="link" data-rs-fail="' + number + '">Open in Explore</button>' : '') + '</figcaption></figure>';
}

// The same question in Explore: family, settings and picture of the failure.
async function rsToExplore(number) {
  const card = RS.cards[RS.open], f = card.shown[number];
  if (state.family !== card.family) { $('#dx-family').value = card.family; chooseFamily(card.family); }
  Object.assign(state.settings, facts.settings, { target: null, points: null });
  asTrained();
  Object.assign(state.settings, f.settings);
  if (!state.shown.includes(f.method)) state.shown = familyFacts().methods.map(m => m.name).filter(n => n === f.method || state.shown.includes(n));
  state.method = f.method;
  buildPanels();
  paintControls();
  showTab('explore');
  await openExample(f.example);
}
