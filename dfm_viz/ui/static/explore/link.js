// The whole view in the address: what differs from the defaults, under the names the API has, so
// that links can also be typed. Values that make no sense are left out, and said once.
const LINK = { params: null, truths: undefined, channel: null, example: null, hide: [], bad: [], timer: 0, ready: false };
const LINK_KEPT = ['lesson', 'step'];                     // whoever shows lessons reads and writes them
const LINK_STRANGERS = /^(view$|__|utm_|fbclid$|gclid$|ref$)/;   // not ours: kept in the address, never copied
const plainNumber = x => String(Number(x.toFixed(4)));

// One entry per thing a link can say: read(text, refuse) takes it over, write() gives its text or nothing.
const linkNumber = (get, put, low, high, usual, step = 0) => ({
  read: (text, refuse) => {
    const x = readNumber(text);
    if (x === null) return refuse();
    const rounded = step ? Number((Math.round((x - low) / step) * step + low).toFixed(4)) : x, kept = clamp(rounded, low, high);
    if (Math.abs(x - kept) > 5e-5) refuse(plainNumber(kept));
    put(kept);
  },
  write: () => get() !== usual && plainNumber(get()),
});
const linkChoice = (get, put, values, usual) => ({
  read: (text, refuse) => { if (values().includes(text)) put(text); else refuse(); },
  write: () => get() !== usual() && get(),
});
// Names parted by commas; those that are not known are refused one by one.
const linkNames = (put, known, write) => ({
  read: (text, refuse) => {
    const names = [...new Set(text.split(',').map(n => n.trim()).filter(Boolean))], good = names.filter(n => known().includes(n));
    if (good.length) put(good);
    if (good.length < names.length || !names.length) refuse(good.length ? good.join(',') : undefined);
  },
  write,
});
const linkSwitch = (get, put) => ({
  read: (text, refuse) => { if (text === '1' || text === '0') put(text === '1'); else refuse(); },
  write: get,
});
const pointNames = () => familyFacts().points.map(p => p.name);
const usedPoints = () => state.settings.points || pointNames();

function tabText(name) {
  try { const value = TABS[name].link && TABS[name].link(); return value ? JSON.stringify(value) : ''; } catch (error) { return ''; }
}

function linkFields() {
  const set_ = state.settings, setting = name => [() => state.settings[name], x => { state.settings[name] = x; }];
  const f = {
    family: linkChoice(() => state.family, x => { state.family = x; }, () => facts.families.map(x => x.name), () => facts.family),
    example: { read: (text, refuse) => { if (/^(toy|part)-[0-9]{1,9}$/.test(text) || facts.examples.some(e => e.id === text)) LINK.example = text; else refuse(); },
      write: () => state.picture && state.picture.example !== facts.view.example && state.picture.example },
    // A picture of an evaluated set, as the Failures tab names it; the server looks whether it has it.
    record: { read: (text, refuse) => { if (/^[^/].*\/\d{1,8}$/.test(text) && text.length < 400) LINK.record = text; else refuse(); }, write: () => state.picture && state.picture.record },
    tab: linkChoice(() => state.tab, x => { LINK.tab = x; }, () => Object.keys(TABS), () => 'explore'),
  };
  for (const p of parameters()) f[p.name] = linkNumber(...setting(p.name), p.low, p.high, facts.settings[p.name]);
  for (const name in facts.choices) {
    f[name] = linkChoice(...setting(name), () => facts.choices[name].options.map(o => o.value), () => facts.settings[name]);
    const write = f[name].write;
    f[name].write = () => state.settings[name] !== null && write();
  }
  f.seed = linkNumber(...setting('seed'), 0, 999999, facts.settings.seed, 1);
  f.target = {
    read: (text, refuse) => {
      const classes = familyFacts().classes, index = /^\d+$/.test(text) ? Number(text) : classes.indexOf(text);
      if (index >= 0 && index < classes.length) set_.target = index; else refuse();
    },
    write: () => set_.target !== null && String(set_.target),
  };
  f.points = linkNames(names => { set_.points = names.length < pointNames().length ? pointNames().filter(n => names.includes(n)) : null; }, pointNames, () => set_.points && set_.points.join(','));
  f.point = linkChoice(() => state.point, x => { state.point = x; }, usedPoints, () => usedPoints()[usedPoints().length - 1]);
  f.channel = {
    read: (text, refuse) => { if (text === 'mean') LINK.channel = text; else if (/^\d{1,5}$/.test(text)) LINK.channel = Number(text); else refuse(); },
    write: () => data.info && state.channel !== data.info.usual_channel && String(state.channel),
  };
  f.cell = {
    read: (text, refuse) => {
      const place = text.split(',').map(t => t.trim() ? Number(t) : NaN);
      if (place.length !== 2 || !place.every(Number.isFinite)) return refuse();
      state.place = place.map(x => clamp(x, 0, 1));
      if (place.some(x => x < 0 || x > 1)) refuse(state.place.join(','));
    },
    write: () => state.place.join() !== '0.62,0.62' && state.place.map(x => plainNumber(x)).join(','),
  };
  f.draws = linkNames(names => { for (const n of names) state.draws[n] = 'channel'; }, pointNames, () => pointNames().filter(n => state.draws[n] === 'channel').join(','));
  f.show = linkNames(names => { state.shown = usualShown().length ? familyFacts().methods.map(m => m.name).filter(n => names.includes(n)) : []; }, () => familyFacts().methods.map(m => m.name), () => state.shown.join() !== usualShown().join() && state.shown.join(','));
  f.method = linkChoice(() => state.method, x => { state.method = x; }, () => state.shown, () => 'dfm');
  f.colours = linkChoice(() => state.colormap, x => { state.colormap = x; }, () => facts.colormaps.map(c => c.name), () => facts.colormaps[0].name);
  f.opacity = linkNumber(() => state.opacity, x => { state.opacity = x; }, 0, 1, facts.view.opacity);
  f.range = linkChoice(() => state.range, x => { state.range = x; }, () => ['zero', 'own'], () => 'zero');
  f.peaks = linkSwitch(() => !state.peaks && '0', on => { state.peaks = on; });
  f.guess = linkSwitch(() => state.guess.on && '1', on => { state.guess.on = on; });
  f.truths = {
    read: (text, refuse) => { const boxes = readBoxes(text); if (boxes && boxes.length <= EDITORS.truth.most) LINK.truths = boxes; else refuse(); },
    write: () => state.picture && (state.picture.example || state.picture.record) && truthText() !== truthText(state.home) && (truthText().replace(/ /g, '') || ';'),
  };
  f.hide = linkNames(names => { LINK.hide = names; }, hideNames, () => LINK.hide.join(','));
  // What a tab says of itself is its own affair; it comes back to it as it was.
  for (const name of Object.keys(TABS)) {
    f[name] = {
      read: (text, refuse) => { try { const value = JSON.parse(text); if (!TABS[name].unlink || TABS[name].unlink(value) === false) refuse(); } catch (error) { refuse(); } },
      write: () => { const text = tabText(name); return text !== LINK.usual[name] && text; },
    };
  }
  return f;
}

// Before anything is built: the state as the address has it.
function readLink() {
  const fields = linkFields(), params = LINK.params = new URLSearchParams(location.search);
  LINK.usual = Object.fromEntries(Object.keys(TABS).map(name => [name, tabText(name)]));
  for (const key in fields) {
    if (key === 'show') chooseShown();
    const all = params.getAll(key), text = all[0], short = t => (t.length > 40 ? t.slice(0, 40) + '\u2026' : t);
    if (!all.length) continue;
    const refuse = became => LINK.bad.push(key + '=' + short(text) + (became === undefined ? '' : ' (now ' + short(became) + ')'));
    if (all.length > 1) LINK.bad.push(key + ', given ' + all.length + ' times');
    if (text.length > 4000) refuse(); else fields[key].read(text, refuse);
  }
  for (const key of new Set(params.keys())) {
    if (!(key in fields) && !LINK_KEPT.includes(key) && !LINK_STRANGERS.test(key)) LINK.bad.push(key.slice(0, 40));
  }
  if (!state.shown.includes(state.method)) state.method = state.shown[0];
  LINK.fields = fields;
}

// After the page is built, before the first picture.
function applyLink() {
  $('#dx-range').value = state.range;
  togglePeaks(state.peaks);
  applyHide(LINK.hide);
  paintGuess();
  if (LINK.tab) showTab(LINK.tab);
}

// The picture of a link, or the first example. A record that is not here any more is said with the rest.
async function openLinked() {
  const { record, example, truths } = LINK;
  if (record && await openWith({ record }, { record }, { truths })) return;
  if (record) LINK.bad.push('record=' + record);
  keepFound();
  if (!record && !example && !truths && await openKept()) return;
  const id = example || facts.view.example;
  if (id) await openWith({ example: id }, { example: id }, { truths: record ? undefined : truths, guess: keptGuess(id) });
}

// Boxes of a link, once the picture's size is known: what does not fit is cut, or left out.
function fitTruths(boxes, size) {
  const cut = boxes.map(b => tidyBox(b.map((x, i) => clamp(x, 0, i % 2 ? size.height : size.width)))).filter(b => b[0] < b[2] && b[1] < b[3]);
  if (boxes.some(b => !fitsIn(b, size))) LINK.bad.push('truths=' + truthText(boxes) + (cut.length ? ' (now ' + truthText(cut) + ')' : ''));
  return cut;
}

// After each paint. The first one ends the reading: one notice, and from now on the address follows.
function linkPainted() {
  if (!LINK.ready) {
    LINK.ready = true;
    if (LINK.channel !== null && state.channel !== LINK.channel) LINK.bad.push('channel=' + LINK.channel + ' (now ' + state.channel + ')');
    const { bad } = LINK, most = 8, more = bad.length > most ? ' and ' + (bad.length - most) + ' more' : '';
    if (bad.length) notice('link', 'Not all of this link could be used.', 'Left out or brought into range: ' + bad.slice(0, most).join('; ') + more + '. Everything else is as the link says.');
    sayKept();
  }
  linkSoon();
}

// What the address should say. For others: without what belongs to this visit alone.
function linkQuery(forOthers, hide = LINK.hide) {
  const query = new URLSearchParams();
  for (const [key, value] of LINK.params) if (LINK_KEPT.includes(key) || (!forOthers && LINK_STRANGERS.test(key))) query.append(key, value);
  for (const key in LINK.fields) {
    const value = key === 'hide' ? hide.join(',') : LINK.fields[key].write();
    if (value) query.set(key, value);
  }
  return query.toString().replace(/%2C/g, ',').replace(/%3B/g, ';').replace(/%3A/g, ':');
}
function linkSoon() {
  if (!LINK.ready) return;
  clearTimeout(LINK.timer);
  LINK.timer = setTimeout(writeLink, 300);
}
function writeLink() {
  if (heldBox) return linkSoon();
  keepView();
  const query = linkQuery(false), now = query ? '?' + query : '';
  if (now === location.search) return;
  // A page inside another may not be allowed to change its address; the link can still be copied.
  try { history.replaceState(history.state, '', location.pathname + now + location.hash); } catch (error) { LINK.denied = true; }
}
