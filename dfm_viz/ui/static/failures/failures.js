// The Failures tab: what is asked of the records (fx.q), and the last answer (fx.reply).
// The server filters and counts; at most one question is under way and the latest wins.
const fx = {
  facts: null, q: {}, page: 0, show: null, axes: { x: null, y: null }, reply: null, picked: null,
  version: 0, running: false, starting: false, asked: null,
};
const fxPane = () => $('#dx-failures');
const fxNumber = n => n.toLocaleString('en').replace(/,/g, '\u202f');

TABS.failures = {
  enter() { fxBegin(); fxResize(); },
  leave() {},
  link: fxLink,
  unlink: fxUnlink,
};

async function fxBegin() {
  if (fx.starting) return;
  fx.starting = true;
  const answer = await call('failures_start', {}), reply = answer && !answer.error && !answer.sets ? { error: ODD } : answer;
  if (!reply || reply.error) {
    fx.starting = false;
    return fxSay('<h2>The records cannot be read.</h2><p>' + esc(reply ? reply.error : 'The server does not answer; try again in a moment.') + '</p><p><button type="button" class="btn" data-fx="begin">Try again</button></p>');
  }
  fx.facts = reply;
  $('.fx-own > div').innerHTML = fxSteps();
  if (!fx.listening) fxListen();
  if (!reply.sets.length) {
    fx.starting = false;                       // looked for again when the tab is opened again
    return fxSay('<h2>No records yet</h2><p>Records say, picture by picture, which box each method drew and why it counts as right or wrong.</p>' + fxSteps() + reply.problems.map(fxWrong).join(''));
  }
  $('#fx-set').innerHTML = reply.sets.map(s => '<option value="' + esc(s.id) + '">' + esc(s.title) + '</option>').join('');
  $('#fx-order').innerHTML = reply.orders.map(o => '<option value="' + o.name + '">' + esc(o.title) + '</option>').join('');
  if (!reply.sets.some(s => s.id === fx.q.set)) {
    if (fx.q.set) fx.lost = true;
    const here = reply.sets.find(s => s.families.includes(state.family)) || reply.sets[0];
    fx.q = { set: here.id };
  }
  fxAsk({}, fx.page);
}

function fxSay(html) {
  const plain = $('.fx-plain');
  plain.innerHTML = html;
  plain.hidden = false;
  $('.fx-body').hidden = true;
}
const fxWrong = text => '<p class="fx-wrong">' + esc(text) + '</p>';

// How one's own pictures come here.
function fxSteps() {
  const [evaluate, serve] = fx.facts.commands;
  return '<ol><li>Evaluate a family of checkpoints, such as <code>checkpoints/' + esc(state.family) + '</code>, on your pictures: a folder with <code>test/CLASS/picture.jpg</code>, named as the family\u2019s classes, and the true boxes in <code>boxes.csv</code>, whose first line is <code>path,x0,y0,x1,y1</code>. For the data set the family was trained on, leave <code>--data folder</code> out.<pre>' + esc(evaluate) + '</pre></li><li>Start the app with the records, and with the data to see the photographs:<pre>' + esc(serve) + '</pre></li><li>Open Failures.</li></ol>';
}

// Ask with something changed. Every change but turning the page goes back to the first page.
function fxAsk(change, page = 0, show = null) {
  Object.assign(fx.q, change);
  fx.page = page;
  fx.show = show;
  fx.version++;
  if (!fx.running) fxRun();
}

async function fxRun() {
  fx.running = true;
  try { await fxTurns(); } catch (error) {
    fx.running = false;
    fxPane().classList.remove('fx-busy');
    odd(error);
    fxRefused({ error: ODD });
  }
}
async function fxTurns() {
  let done = -1, twice = false;
  while (done !== fx.version) {
    done = fx.version;
    const busy = setTimeout(() => fxPane().classList.add('fx-busy'), 150);
    const reply = await call('failures_find', { ...fx.q, page: fx.page, show: fx.show });
    clearTimeout(busy);
    if (done !== fx.version) continue;
    fxPane().classList.remove('fx-busy');
    if (!reply || reply.error) { fxRefused(reply); continue; }
    const before = fx.reply;
    try { fxTake(reply); twice = false; } catch (error) {
      if (twice) throw error;
      fx.reply = before;
      twice = true;
      done = -1;                               // asked once more: it may have been cut on the way
    }
  }
  fx.running = false;
}

function fxRefused(reply) {
  const text = reply ? reply.error : 'The server does not answer. What is shown stays here.';
  const again = '<p class="fx-wrong">' + esc(text) + ' <button type="button" class="link" data-fx="again">Try again</button></p>';
  $('.fx-plain').hidden = true;
  $('.fx-body').hidden = false;
  fxPickSet();
  $('.fx-notes').innerHTML = again;
  if (!reply || !fx.reply) return;
  fx.reply = null;
  $('.fx-gallery').innerHTML = '';
  $('.fx-count').textContent = 'No pictures';
}

function fxTake(reply) {
  const fresh = !fx.reply || fx.reply.question.set !== reply.question.set;
  fx.reply = reply;
  fx.q = { ...reply.question };
  fx.page = reply.page;
  $('.fx-plain').hidden = true;
  $('.fx-body').hidden = false;
  if (fresh) fx.picked = null;
  const bad = fx.lost ? ['records', ...reply.ignored] : reply.ignored;
  fx.lost = false;
  $('.fx-notes').innerHTML = (bad.length ? fxWrong('Not everything in the link exists here; left out: ' + bad.join(', ') + '.') : '') +
    fx.facts.problems.map(fxWrong).join('') + reply.problems.map(fxWrong).join('') + reply.notes.map(t => '<p>' + esc(t) + '</p>').join('');
  fxFilters();
  fxGallery();
  fxCharts();
  fxPane().dataset.shown = String(fx.version);
  if (typeof linkSoon === 'function') linkSoon();
}

function fxListen() {
  fx.listening = true;
  const pane = fxPane();
  pane.addEventListener('click', fxClick);
  pane.addEventListener('change', fxChange);
  pane.addEventListener('input', fxInput);
  pane.addEventListener('keydown', fxKey);
  pane.addEventListener('focusin', event => { const tile = event.target.closest('.fx-tile'); if (tile) fxPick(Number(tile.dataset.n)); });
  new MutationObserver(fxTheme).observe(app, { attributes: true, attributeFilter: ['data-theme'] });
}

function fxClick(event) {
  const b = event.target.closest('button');
  if (!b) return;
  const what = b.dataset.fx;
  if (b.matches('.fx-tile')) fxOpen(Number(b.dataset.n));
  else if (what === 'begin') fxBegin();
  else if (what === 'again') fxAsk({}, fx.page);
  else if (what === 'clear') fxClear();
  else if (what === 'turn') fxTurn(Number(b.dataset.by));
  else if (what === 'drop') fxDrop(Number(b.dataset.chip));
  else if (what === 'fold') b.setAttribute('aria-expanded', String(b.parentNode.classList.toggle('fx-open')));
}

// Open the picture in Explore as it was evaluated: family, parameters, mode, threshold, true boxes.
async function fxOpen(number) {
  const row = fx.reply.rows.find(r => r.number === number), opens = fx.reply.opens;
  if (opens.error) return notice('record', 'This picture cannot be opened in Explore.', opens.error);
  fxPick(number);
  const take = () => {
    state.settings = { ...facts.settings, ...opens.settings };
    state.draws = {};
    if (!state.shown.includes(opens.method)) state.shown = [...state.shown, opens.method];
    chooseFamily(opens.family);
    $('#dx-family').value = opens.family;
  };
  if (await openWith({ record: row.record }, { record: row.record }, { take }) !== true) return;
  state.method = opens.method;
  paintControls();
  showTab('explore');
}

// What a link says of this tab, and taking it over again. Nonsense is left out by the server.
function fxLink() {
  if (!fx.reply) return fx.q.set ? { ...fx.q, page: fx.page } : null;
  const q = fx.reply.question, out = { set: q.set, method: q.method, mode: q.mode };
  for (const key of ['errors', 'flags']) if (q[key].length) out[key] = q[key];
  for (const key of ['class', 'lasso']) if (q[key] !== null) out[key] = q[key];
  if (q.iou[0] > 0 || q.iou[1] < 1) out.iou = q.iou;
  if (q.order !== fx.facts.orders[0].name) out.order = q.order;
  if (fx.page) out.page = fx.page;
  if (fx.picked !== null) out.selected = fx.picked;
  for (const axis of ['x', 'y']) if (fx.axes[axis]) out[axis] = fx.axes[axis];
  return out;
}
function fxUnlink(said) {
  if (!said || typeof said !== 'object' || Array.isArray(said) || typeof said.set !== 'string') return false;
  const whole = n => Number.isInteger(n) && n >= 0;
  fx.q = { set: said.set };
  for (const key of ['method', 'mode', 'errors', 'class', 'iou', 'flags', 'lasso', 'order']) if (key in said) fx.q[key] = said[key];
  for (const axis of ['x', 'y']) fx.axes[axis] = typeof said[axis] === 'string' ? said[axis] : null;
  fx.picked = whole(said.selected) ? said.selected : null;
  if (!fx.facts) { fx.page = whole(said.page) ? said.page : 0; return true; }
  if (fx.facts.sets.some(s => s.id === said.set)) fxAsk({}, whole(said.page) ? said.page : 0);
  return true;
}
