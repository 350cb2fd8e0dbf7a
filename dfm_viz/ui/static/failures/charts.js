// Two charts. Figures come from the server; plotly.js, which draws them, is loaded when they are
// first shown, and the page's colours are put on here so that they follow the theme.
const fxPlots = { script: null, stamp: '', reply: null, failed: false };
const FX_CONFIG = { displaylogo: false, responsive: true, scrollZoom: false, doubleClick: false, modeBarButtons: [['lasso2d', 'select2d']] };

function fxPlotly() {
  if (!fxPlots.script) {
    fxPlots.script = new Promise((resolve, reject) => {
      const script = document.createElement('script'), root = (window.gradio_config && window.gradio_config.root) || '.';
      script.src = root.replace(/\/$/, '') + '/gradio_api/file=' + fx.facts.plotly.split('/').map(encodeURIComponent).join('/');
      script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error('no Plotly')));
      script.onerror = reject;
      document.head.append(script);
    });
    fxPlots.script.catch(() => { fxPlots.script = null; });
  }
  return fxPlots.script;
}

async function fxCharts() {
  const { order, ...q } = fx.q, stamp = JSON.stringify([q, fx.axes]);
  if (fxPlots.stamp === stamp) return fxRing();
  fxPlots.stamp = stamp;
  const [Plotly, reply] = await Promise.all([fxPlotly().catch(() => null), call('failures_charts', { ...q, ...fx.axes })]);
  if (fxPlots.stamp !== stamp) return;
  if (!Plotly || !reply || reply.error) {
    fxPlots.stamp = '';
    const text = reply && reply.error ? reply.error : 'The charts could not be loaded. The filters and the gallery work without them.';
    if (!fxPlots.reply) $$('.fx-plot').forEach(node => { node.innerHTML = '<p class="fx-load">' + esc(text) + '</p>'; });
    return;
  }
  try {
    fxPlots.reply = { ...reply, scatter: JSON.parse(reply.scatter), bars: JSON.parse(reply.bars), lasso: q.lasso };
  } catch (error) {
    odd(error);
    fxPlots.stamp = '';
    $$('.fx-plot').forEach(node => { node.innerHTML = '<p class="fx-load">' + ODD + '</p>'; });
    return;
  }
  for (const axis of ['x', 'y']) set($('#fx-' + axis), 'value', reply[axis]);
  await fxDraw();
}

const fxCss = name => getComputedStyle(app).getPropertyValue(name).trim();
function fxColours(layout) {
  const ink = fxCss('--ink2'), line = fxCss('--line'), accent = fxCss('--accent');
  layout.font = { color: ink, family: getComputedStyle(app).fontFamily, size: 12 };
  for (const axis of [layout.xaxis, layout.yaxis]) Object.assign(axis, { gridcolor: line, linecolor: line, zerolinecolor: line });
  for (const shape of layout.shapes || []) shape.line.color = shape.type === 'path' ? accent : fxCss('--line2');
  layout.hoverlabel = { ...layout.hoverlabel, bgcolor: fxCss('--surface'), bordercolor: fxCss('--line2'), font: { color: fxCss('--ink'), size: 12 } };
  layout.modebar = { bgcolor: 'rgba(0,0,0,0)', color: fxCss('--line2'), activecolor: ink };
  layout.newselection = { line: { color: accent, width: 2, dash: 'solid' } };
  return layout;
}

async function fxDraw() {
  const { scatter, bars, lasso, x, y } = fxPlots.reply, touch = matchMedia('(pointer: coarse)').matches;
  const [left, right] = $$('.fx-plot'), copy = figure => [structuredClone(figure.data), structuredClone(figure.layout)];
  const [points, plane] = copy(scatter), [columns, ground] = copy(bars);
  if (lasso && lasso.x === x && lasso.y === y) plane.shapes.push({ type: 'path', path: 'M' + lasso.corners.map(c => c.join(',')).join('L') + 'Z', line: { width: 2 } });
  if (touch) plane.dragmode = false;           // so that a finger still scrolls the page; the lasso is in the corner
  points[points.length - 1].marker.line.color = points[points.length - 1].marker.color = fxCss('--ink');
  $$('.fx-load').forEach(node => node.remove());
  await fxReact(left, points, plane, { ...FX_CONFIG, displayModeBar: touch ? true : 'hover' });
  await fxReact(right, columns, ground, { ...FX_CONFIG, displayModeBar: false });
  const said = fxPlots.reply, note = $('.fx-scatter > p');
  left.setAttribute('aria-label', said.scatter_text);
  right.setAttribute('aria-label', said.bars_text);
  set(note, 'textContent', (said.drawn < said.count ? fxNumber(said.drawn) + ' of ' + fxNumber(said.count) + ' points are drawn, evenly chosen; filters and numbers use all. ' : '') + 'Press a point to find its picture; drag around points to keep only those.');
  if (!left.dataset.wired) {
    left.dataset.wired = '1';
    left.on('plotly_click', event => { const number = event.points[0].customdata; if (number !== undefined) fxFind(Number(number)); });
    left.on('plotly_selected', fxLasso);
    right.on('plotly_click', event => { const [method, kind] = event.points[0].customdata; fxAsk({ method, errors: [kind] }); });
  }
  fxRing();
  fxPane().dataset.charts = String(Number(fxPane().dataset.charts || 0) + 1);
}

// In a page with a base address, as Gradio's, plotly.js names its hatches and clips by the page's
// whole address at the first drawing; the address changes here, and the hatches would go out.
async function fxReact(node, traces, layout, config) {
  await window.Plotly.react(node, traces, fxColours(layout), config);
  if (!node._context._baseUrl) return;
  node._context._baseUrl = '';
  await window.Plotly.redraw(node);
}

// A point was pressed: its page of the gallery, its picture in view.
function fxFind(number) {
  fx.picked = number;
  fxAsk({}, fx.page, number);
}

// What was drawn around points becomes a filter; the server decides what lies inside.
function fxLasso(event) {
  if (!event || (!event.lassoPoints && !event.range)) return;
  const drawn = event.lassoPoints || event.range, short = v => Number(v.toFixed(3));
  let corners = event.lassoPoints ? drawn.x.map((px, i) => [px, drawn.y[i]]) :
    [[drawn.x[0], drawn.y[0]], [drawn.x[1], drawn.y[0]], [drawn.x[1], drawn.y[1]], [drawn.x[0], drawn.y[1]]];
  const step = Math.ceil(corners.length / 60);
  corners = corners.filter((c, i) => i % step === 0).map(c => c.map(short));
  if (corners.length < 3) return;
  const { x, y } = fxPlots.reply;
  fx.axes = { x, y };
  fxAsk({ lasso: { x, y, corners } });
}

function fxRing() {
  const node = $('.fx-plot'), reply = fxPlots.reply;
  if (!reply || !node.data || !fx.reply) return;
  const row = fx.reply.rows.find(r => r.number === fx.picked);
  window.Plotly.restyle(node, { x: [row ? [row.ious[reply.x]] : []], y: [row ? [row.ious[reply.y]] : []] }, [node.data.length - 1]);
}

function fxTheme() {
  if (fxPlots.reply && state.tab === 'failures') fxDraw();
  else fxPlots.repaint = true;
}
function fxResize() {
  if (!fxPlots.reply) return;
  if (fxPlots.repaint) { fxPlots.repaint = false; fxDraw(); }
  $$('.fx-plot').forEach(node => { if (node.data) window.Plotly.Plots.resize(node); });
}
