// CAM | ADL | DFM and whatever else the family has: one panel per method, all the same size.
function buildPanels() {
  const methods = shownFacts().methods;
  app.dataset.family = shownFacts().name;
  $('.panels').innerHTML = methods.map(m => '<article class="panel" data-method="' + esc(m.name) + '"><header><div><div class="title"><h2 title="' + esc(m.hint) + '">' + esc(m.title) +
    '</h2><span class="badge" hidden></span></div><div class="cls"></div></div><div class="iou"></div></header><div class="stage">' +
    '<div class="view" tabindex="0" role="img"><div class="fit"><img alt=""><canvas></canvas><div class="hatch" hidden></div>' +
    '<svg preserveAspectRatio="none" aria-hidden="true"><g></g><rect class="x" fill="none" stroke="#0C0E12" stroke-width="3.5" stroke-opacity=".6" vector-effect="non-scaling-stroke"/><rect class="x" fill="none" stroke="#fff" stroke-width="1.5" vector-effect="non-scaling-stroke"/></svg><svg class="peaks" aria-hidden="true"></svg><div class="edit" data-edit="truth"></div></div><div class="hair"></div></div>' +
    '<div class="vbar" aria-hidden="true"><canvas></canvas><b style="top:-3px">1</b><b class="zero" style="bottom:-3px">0</b><i></i><b class="cut"></b></div></div><p class="peak"></p><div class="mini"></div></article>').join('');
  $('.switch').innerHTML = methods.map(m => '<button type="button" data-m="' + esc(m.name) + '">' + esc(m.title) + '</button>').join('');
  $('.compare').hidden = methods.length <= FIRST.length;
  $('.compare').innerHTML = '<span>Methods</span>' + methods.map(m => '<button type="button" class="chip" data-toggle="' + esc(m.name) + '" title="' + esc(m.hint) + '">' + esc(m.title) + '</button>').join('');
  $$('.vbar canvas').forEach(c => colourBar(c, true));
  showMethod(methods.some(m => m.name === state.method) ? state.method : 'dfm');
}

// Give a method a panel or take it away. Its map comes with the next answer, if it is not here.
function toggleMethod(name, on = !state.shown.includes(name)) {
  const all = shownFacts().methods.map(m => m.name);
  const shown = all.filter(other => other === name ? on : state.shown.includes(other));
  if (!shown.length || shown.length === state.shown.length) return;
  state.shown = shown;
  if (data.info) paintPanels();
  if (on) ask();
}

function showMethod(name) {
  state.method = name;
  $$('[data-m]').forEach(b => b.setAttribute('aria-pressed', String(b.dataset.m === name)));
  $$('.panel').forEach(p => p.classList.toggle('on', p.dataset.method === name));
  toggleMethod(name, true);
}

function paintPanels() {
  const info = data.info;
  if (app.dataset.family !== info.family) buildPanels();
  $('.has-truth').hidden = !truthsNow().length;
  $('.has-guess').hidden = !info.guess;
  $$('[data-toggle]').forEach(b => b.setAttribute('aria-pressed', String(state.shown.includes(b.dataset.toggle))));
  $('.panels').classList.toggle('many', state.shown.length > 3);
  for (const name in info.methods) {
    const panel = $('.panel[data-method="' + name + '"]');
    if (!panel) continue;
    panel.hidden = !state.shown.includes(name) || !data.parts['map/' + name];
    if (!panel.hidden) paintPanel(panel, name, info.methods[name]);
  }
  if (marking) paintEditor('truth');
}

// Set something only when it changed: rewriting the page costs more than drawing the maps.
function set(node, property, value) { if (node[property] !== value) node[property] = value; }

function paintPanel(panel, name, m) {
  const info = data.info, { width, height } = info.image, part = data.parts['map/' + name];
  const view = $('.view', panel), fit = $('.fit', panel), image = $('img', panel), lines = $('.fit > svg', panel);
  const ratio = width / height, extreme = clamp(ratio, 1, 3);
  view.style.aspectRatio = String(extreme);
  fit.style.width = 100 * Math.min(1, ratio / extreme) + '%';
  if (data.preview && image.getAttribute('src') !== data.preview.url) image.src = data.preview.url;
  const canvas = $('.fit canvas', panel), stamp = part.key + state.colormap;
  if (canvas.dataset.stamp !== stamp) {
    grid(canvas, array('map/' + name), part.shape[0], part.shape[1]);
    canvas.dataset.stamp = stamp;
  }
  canvas.style.opacity = String(state.opacity);
  $('.fit .hatch', panel).hidden = !m.flat;
  const off = name === 'dfm' && info.off && different(info.off.box, m.box) ? info.off.box : null;
  const truths = truthsNow(), guess = info.guess && info.guess.box, drawn = [m.box, off, truths, guess, width, height].join(' ');
  if (lines.dataset.drawn !== drawn) {
    lines.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
    $('g', lines).innerHTML = boxLines(width, height, m.flat ? null : m.box, off, truths, guess);
    lines.dataset.drawn = drawn;
  }
  set($('.cls', panel), 'textContent', m.label + ', score ' + m.score.toFixed(3));
  $('.cls', panel).title = m.label;
  const cam = info.methods.cam;
  $('.cls', panel).classList.toggle('other', !!cam && cam.class_index !== m.class_index);
  set($('.iou', panel), 'innerHTML', m.iou === null ? '' : '<small>IoU</small>' + m.iou.toFixed(2));
  badge($('.badge', panel), m.badge);
  const cut = info.settings.threshold, mark = 'calc(' + 100 * cut + '% - 6px)';
  $('.vbar i', panel).style.bottom = 100 * cut + '%';
  $('.cut', panel).style.bottom = mark;
  set($('.cut', panel), 'textContent', cut > 0.06 && cut < 0.94 ? fmt(cut).replace(/0$/, '') : '');
  paintPeak(panel, name, m);
  const role = marking ? 'group' : 'img';     // what is inside an image cannot be used
  if (view.getAttribute('role') !== role) view.setAttribute('role', role);
  setLabel(view, describeMethod(name, m));
  const foot = { cam: footCam, adl: footAdl, dfm: footDfm }[name] || footOther;
  foot($('.mini', panel), m, methodFacts(name));
}

const different = (a, b) => a.some((x, i) => Math.abs(x - b[i]) > 0.5);
function badge(node, text) {
  node.hidden = !text;
  set(node, 'textContent', text || '');
  set(node, 'title', text || '');
}

function footCam(node, m, about) {
  if (!node.firstChild) node.innerHTML = '<figure><img alt="The picture without a map"><figcaption>picture</figcaption></figure><div class="txt"></div>';
  const image = $('img', node);
  if (data.preview && image.getAttribute('src') !== data.preview.url) image.src = data.preview.url;
  set($('.txt', node), 'textContent', about.about + (m.flat ? ' The map is flat: ' + fmt(m.low, 1) + ' everywhere, so there is no box.' : ' Raw map from ' + fmt(m.low, 1) + ' to ' + fmt(m.high, 1) + '.'));
}

// The others have no maps of their own to show; no slider moves them.
function footOther(node, m, about) {
  if (!node.firstChild) node.innerHTML = '<div class="txt"></div>';
  remark($('.txt', node), m, about.about);
}

// ADL: importance and drop mask of every point. They act in training only.
function footAdl(node, m, about) {
  const points = data.info.adl_points, stamp = points.join(' ');
  if (node.dataset.points !== stamp) {
    node.dataset.points = stamp;
    node.innerHTML = points.map(p => '<figure data-p="' + esc(p) + '"><div class="grpd"><canvas role="img"></canvas><canvas role="img"></canvas></div><figcaption>' + esc(pointTitle(p)) + '</figcaption></figure>').join('') + '<div class="txt"></div>';
  }
  $$('figure', node).forEach(figure => {
    ['importance', 'drop_mask'].forEach((kind, i) => {
      const part = 'adl/' + figure.dataset.p + '/' + kind, canvas = $$('canvas', figure)[i];
      const key = data.parts[part].key + state.colormap, [rows, columns] = shape(part);
      setLabel(canvas, describeMap('ADL ' + (i ? 'drop mask' : 'importance') + ' at ' + pointTitle(figure.dataset.p), array(part), rows, columns));
      if (canvas.dataset.stamp === key) return;
      canvas.dataset.stamp = key;
      cells(canvas, array(part), rows, columns, i ? 0 : 0.5, 1);
      canvas.title = (i ? 'Drop mask, 0 to 1' : 'Importance, 0.5 to 1') + ', ' + pointTitle(figure.dataset.p);
    });
  });
  remark($('.txt', node), m, about.about);
}

// DFM: every outcome of the draws, with its probability. A click shows that one in the pipeline.
function footDfm(node, m) {
  const paths = data.info.paths, off = data.info.settings.mode === 'off';
  if (node.dataset.count !== String(paths.length)) {
    node.dataset.count = String(paths.length);
    node.innerHTML = '<div class="grpd">' + paths.map((p, i) => '<button type="button" class="draw" data-draw="' + i + '"><canvas></canvas><span></span></button>').join('') + '</div><div class="txt"></div>';
  }
  $$('.draw', node).forEach((button, i) => {
    const path = paths[i], part = 'path/' + i, canvas = $('canvas', button), stamp = data.parts[part].key + state.colormap;
    if (canvas.dataset.stamp !== stamp) {
      canvas.dataset.stamp = stamp;
      const [rows, columns] = shape(part), s = summary(array(part), columns);
      cells(canvas, array(part), rows, columns, s.low, s.high);
    }
    const percent = Math.round(100 * path.probability) + '\u00a0%', words = drawWords(path.draw);
    set($('span', button), 'textContent', path.letters + '\u00a0' + percent.replace('\u00a0', ''));
    const label = 'Draw ' + words + ', probability ' + percent + ': show it in the pipeline';
    if (button.title !== label) { button.title = label; button.setAttribute('aria-label', label); }
    button.setAttribute('aria-pressed', String(!off && path.shown));
  });
  const where = data.info.settings.points.map(pointTitle);
  const texts = {
    expected: paths.length > 2 ? 'The mean of ' + count(paths.length) + ' draws: P or C at ' + where.join(', then ') + '.' : 'The mean of both draws, P and C, at ' + where[0] + '.',
    off: 'Module off: nothing is erased, as in published numbers.',
    position: 'Every point takes P, the position map.', channel: 'Every point takes C, the channel map.',
    sampled: 'One draw by chance, seed ' + data.info.settings.seed + '.',
  };
  remark($('.txt', node), m, texts[data.info.settings.mode] || '');
}
const count = n => ({ 2: 'two', 4: 'four', 8: 'eight' })[n] || String(n);
const drawWords = draw => Object.values(draw).join(', ');

// One sentence under a panel; the two that ask for a decision come first.
function remark(node, m, text) {
  const info = data.info, cam = info.methods.cam;
  let html = esc(text);
  if (m.flat) html = 'The map is flat, so there is no box. ' + html;
  else if (m.changed) html = 'The DFM checkpoint was trained with ' + esc(m.changed.was) + '. <button type="button" class="link" data-act="as-trained">Use ' + esc(m.changed.was) + '</button>';
  if (cam && m.class_index !== cam.class_index) html = 'Another class than CAM\u2019s, so the boxes are not comparable. <button type="button" class="link" data-act="same-class">Use the same class</button>';
  if (node.dataset.html !== html) { node.innerHTML = html; node.dataset.html = html; }
}
