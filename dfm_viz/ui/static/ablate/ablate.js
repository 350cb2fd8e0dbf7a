// The Ablate tab: what its parts share, and what of it goes into a link. Each part is an object in
// AB.parts: key(info) says what its answer depends on, and it is asked again when that changes.
const AB_USUAL = { parameter: 'beta', count: 21, side: 10, metric: 'iou', range: 'full', sanity: false, method: 'dfm', seed: 0 };
const AB = {
  parts: {}, facts: null, active: false, built: false, watched: false, of: '', photo: null, moved: 0,
  chosen: { ...AB_USUAL },
  pinned: null, cell: null, kept: { omega: 0.15, mode: 'expected' },
};
const abRoot = () => $('#dx-ablate');
const abSec = name => $('.ab-sec[data-sec=' + name + ']');
const abHas = () => !!data.info && data.info.truths.length > 0;
const abPercent = x => Math.round(100 * x) + '\u00a0%';

// What every question of this tab says. The answers are about what the page shows, not about what
// the visitor is just changing; every change ends in a new call of changed().
function abQuestion(info, changes) {
  return { family: info.family, picture: info.picture, truths: info.truths, settings: { ...info.settings, ...changes } };
}
function abKey(info, without, more) {
  const t = { ...info.settings };
  for (const name of ['colormap', 'opacity', ...without]) delete t[name];
  return JSON.stringify([info.family, info.picture, info.truths, t, more]);
}

async function abEnter() {
  AB.active = true;
  if (!AB.facts) {
    const answer = await call('ablate_facts', {}), reply = answer && !answer.error && !answer.swept ? { error: ODD } : answer;
    if (!reply || reply.error) {
      notice('ablate', reply ? reply.error : 'The server does not answer.', 'Open this tab again in a moment.');
      return;
    }
    AB.facts = reply;
  }
  if (!AB.built) abBuild();
  abChanged();
}

function abBuild() {
  AB.built = true;
  const titles = { rows: 'Table 1', sweep: 'Sweep', grid: '\u03b4 \u00d7 \u03b3', curves: 'Threshold', now: 'Draws', pin: 'Pin', sanity: 'Random weights' };
  $('.ab-nav').innerHTML = Object.keys(titles).map(name => '<button type="button" class="link" data-ab-go="' + name + '">' + titles[name] + '</button>').join('');
  abBuildSwitches();
  for (const name in AB.parts) {
    const part = AB.parts[name];
    Object.assign(part, { name, visible: false, done: '', failed: '', turn: 0 });
    if (part.build) part.build();
  }
  const root = abRoot();
  root.addEventListener('click', abClick);
  root.addEventListener('change', abChoose);
  root.addEventListener('keydown', abKeys);
  root.addEventListener('pointermove', event => abHover(event));
  app.addEventListener('input', event => { if (event.target.id === 'dx-opacity' && AB.active) abPaintAll(); });
  app.addEventListener('change', event => { if (event.target.id === 'dx-colormap' && AB.active) abPaintAll(); });
  const seen = new IntersectionObserver(entries => {
    for (const entry of entries) AB.parts[entry.target.dataset.sec].visible = entry.isIntersecting;
    AB.watched = true;
    abWake();
  }, { rootMargin: '80px' });
  $$('.ab-sec').forEach(node => seen.observe(node));
  let width = 0;
  new ResizeObserver(() => { if (root.clientWidth && root.clientWidth !== width) { width = root.clientWidth; abPaintAll(); } }).observe(root);
}

// A new answer of `inspect` is on the page.
function abChanged() {
  const info = data.info;
  if (!AB.active || !AB.built || !info) return;
  const t = info.settings, of = info.picture + ' ' + info.family;
  if (t.omega > 0) AB.kept.omega = t.omega;
  if (t.mode !== 'off') AB.kept.mode = t.mode;
  if (AB.of !== of) {
    AB.of = of;
    for (const name in AB.parts) { const part = AB.parts[name]; part.done = part.failed = ''; part.empty(); part.paint(); }
    abPhoto();
  }
  AB.moved = performance.now();
  abPaintSwitches();
  for (const name in AB.parts) AB.parts[name].follow();
  abWake();
}

// The picture once, small, for all thumbnails.
function abPhoto() {
  const image = new Image();
  image.onload = () => { AB.photo = image; abPaintAll(); };
  AB.photo = null;
  if (data.preview) image.src = data.preview.url;
}
function abPaintAll() {
  if (AB.active && AB.built && data.info) for (const name in AB.parts) AB.parts[name].paint();
}

// Take settings over; the sliders and the whole page follow.
function abTake(values) {
  Object.assign(state.settings, values);
  paintControls();
  ask();
}
// Where the present setting is, before the server has answered for it.
const abNumber = name => state.settings[name];

const AB_ACTIONS = {};
function abClick(event) {
  const b = event.target.closest('[data-ab], [data-ab-go], [data-ab-set], [data-ab-take], [data-ab-metric], [data-ab-range], [data-plot], [data-ab-again], [data-ab-stop]');
  if (!b || !data.info) return;
  const d = b.dataset;
  if (d.abGo) {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    abSec(d.abGo).scrollIntoView({ block: 'start', behavior: calm ? 'auto' : 'smooth' });
  } else if (d.abSet) abTake({ [d.abSet]: d.value });
  else if (d.abTake) AB.parts[d.abTake].take(Number(d.i));
  else if (d.abMetric || d.abRange) {
    AB.chosen[d.abMetric ? 'metric' : 'range'] = d.abMetric || d.abRange;
    AB.parts.grid.paint();
  } else if (d.plot) AB.parts[d.plot].press(event);
  else if (d.abAgain) { const part = AB.parts[d.abAgain]; part.failed = ''; abFailed(part, ''); abWake(); }
  else if (d.abStop) AB.parts[d.abStop].stop = true;
  else if (AB_ACTIONS[d.ab]) AB_ACTIONS[d.ab](b);
}
function abChoose(event) {
  const { id, value } = event.target;
  if (id === 'ab-parameter') { AB.chosen.parameter = value; AB.parts.sweep.empty(); }
  else if (id === 'ab-count') { AB.chosen.count = Number(value); AB.parts.sweep.empty(); }
  else if (id === 'ab-side') { AB.chosen.side = Number(value); AB.parts.grid.empty(); }
  else if (id === 'ab-method') { AB.chosen.method = value; AB.parts.sanity.empty(); }
  else if (id === 'ab-seed') { AB.chosen.seed = Number(value); AB.parts.sanity.empty(); }
  else return;
  abPaintAll();
  abWake();
}
function abKeys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const plot = event.target.closest('[data-plot]'), cell = event.target.closest('.ab-cell');
  if (plot && AB.parts[plot.dataset.plot].arrow(event)) event.preventDefault();
  else if (cell && AB.parts.grid.arrow(event)) event.preventDefault();
}
function abHover(event) {
  const plot = event.target.closest('[data-plot]');
  if (plot) AB.parts[plot.dataset.plot].hover(event);
  const cell = event.target.closest('.ab-cell');
  if (cell) AB.parts.grid.look(Number(cell.dataset.i), false);
}

// What the visitor chose here, for the link, where it is not the usual; and back, as far as it fits.
function abLink() {
  const said = {};
  for (const name in AB_USUAL) if (AB.chosen[name] !== AB_USUAL[name]) said[name] = AB.chosen[name];
  if (AB.cell !== null) said.cell = AB.cell;
  if (AB.pinned !== null) said.pinned = AB.pinned;
  return Object.keys(said).length ? said : null;
}
function abUnlink(link) {
  if (!link || typeof link !== 'object' || Array.isArray(link)) return false;
  const c = AB.chosen, one = (name, allowed) => { if (allowed.includes(link[name])) c[name] = link[name]; };
  const parameters = ['alpha', 'beta', 'omega', 'delta', 'gamma', 'tau', 'apply', 'neighbourhood', 'branches', 'fusion', 'single', 'threshold', 'points'];
  one('parameter', parameters);
  one('count', [5, 11, 21, 51, 101]);
  one('side', [5, 10, 15, 21]);
  one('metric', ['iou', 'area']);
  one('range', ['full', 'own']);
  one('sanity', [true, false]);
  one('seed', [0, 1, 2]);
  if (typeof link.method === 'string' && /^[a-z0-9_]{1,40}$/.test(link.method)) c.method = link.method;
  if (Number.isInteger(link.cell) && link.cell >= 0 && link.cell < 441) AB.cell = link.cell;
  AB.pinned = abPinFrom(link.pinned);
  if (!AB.built) return true;
  for (const name in AB.parts) if (AB.parts[name].show) AB.parts[name].show();
  abPaintAll();
  abWake();
  return true;
}

TABS.ablate = { enter: abEnter, leave: () => { AB.active = AB.watched = false; }, changed: abChanged, link: abLink, unlink: abUnlink };
