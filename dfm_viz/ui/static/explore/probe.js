// One shared cell: the same place in every map, and the chain of numbers there.
const CHAIN = ['P_A', 'P_E', 'P_M_prime', 'Delta_M', 'P_M', 'P_ME'], CHANNEL_CHAIN = ['C_A', 'C_M', 'C_E', 'C_ME'];
let speak = 0;

function cell() {
  const [rows, columns] = shape('point/P_A');
  return { rows, columns, row: clamp(Math.floor(state.place[0] * rows), 0, rows - 1), column: clamp(Math.floor(state.place[1] * columns), 0, columns - 1) };
}

function buildProbe() {
  const arrow = more => '<span class="ar' + more + '">\u2192</span>', item = (id, more) => '<span class="' + more + '">' + math(SYMBOL[id]) + ' <b data-v="' + id + '"></b></span>';
  const chain = ids => ids.map((id, i) => { const me = id.endsWith('ME') ? ' me' : ''; return (i ? arrow(me) : '') + item(id, me); }).join('');
  $('.probe').innerHTML = '<span class="where"></span>' + chain(CHAIN) + '<span class="sep"></span><span class="where"></span>' + chain(CHANNEL_CHAIN);
}

function valueAt(id, at) {
  if (id === 'C_A' || id === 'C_M' || id === 'C_E') return state.channel === 'mean' ? summary(array('point/' + id), 1).mean : array('point/' + id)[state.channel];
  return array('point/' + id)[at.row * at.columns + at.column];
}
const whole = id => id === 'P_M_prime' || id === 'C_M';

function probe() {
  if (!data.info || !$('.probe').firstChild) return;
  const at = cell(), [where, channel] = $$('.probe .where'), mean = state.channel === 'mean';
  set(where, 'textContent', 'Row ' + (at.row + 1) + ', column ' + (at.column + 1));
  set(channel, 'textContent', mean ? 'All channels' : 'Channel ' + state.channel);
  for (const node of $$('.probe [data-v]')) {
    const id = node.dataset.v, x = valueAt(id, at);
    set(node, 'textContent', whole(id) && Number.isInteger(x) ? String(x) : fmt(x));
  }
  const size = [100 / at.columns, 100 / at.rows];
  for (const card of $$('.card')) {
    set($('.here', card), 'textContent', fmt(valueAt(card.dataset.id, at)));
    const mark = $('.map i', card).style;
    mark.width = 'calc(' + size[0] + '% + 2px)';
    mark.height = 'calc(' + size[1] + '% + 2px)';
    mark.left = 'calc(' + at.column * size[0] + '% - 1px)';
    mark.top = 'calc(' + at.row * size[1] + '% - 1px)';
  }
  const { width, height } = data.info.image;
  for (const mark of $$('.view .x')) {
    const box = { x: at.column * width / at.columns, y: at.row * height / at.rows, width: width / at.columns, height: height / at.rows };
    for (const key in box) mark.setAttribute(key, box[key]);
  }
}

// Moved by the visitor: repaint at once, announce after a pause.
function moveCell(row, column, at) {
  const place = [(clamp(row, 0, at.rows - 1) + 0.5) / at.rows, (clamp(column, 0, at.columns - 1) + 0.5) / at.columns];
  if (place[0] === state.place[0] && place[1] === state.place[1]) return;
  state.place = place;
  probe();
  linkSoon();
  sayAloud(() => {
    const here = cell();
    return 'Row ' + (here.row + 1) + ', column ' + (here.column + 1) + ': ' + CHAIN.map(id => PLAIN[id] + ' ' + fmt(valueAt(id, here))).join(', ') + '.';
  });
}
// To screen readers, after a pause: the last of several messages counts.
function sayAloud(words) {
  clearTimeout(speak);
  speak = setTimeout(() => { $('output.sr').textContent = words(); }, 500);
}

const MAPS = '.map canvas, .view';
function pointAt(event) {
  const target = event.target.closest && event.target.closest(MAPS);
  if (!target || !data.info) return;
  const box = (target.matches('.view') ? $('.fit', target) : target).getBoundingClientRect(), at = cell();
  const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  if (x < 0 || x >= 1 || y < 0 || y >= 1) return;
  moveCell(Math.floor(y * at.rows), Math.floor(x * at.columns), at);
}

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
function keyAt(event) {
  const step = ARROWS[event.key];
  if (!step || !data.info || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches(MAPS)) {
    event.preventDefault();
    const at = cell();
    moveCell(at.row + step[0], at.column + step[1], at);
  } else if (event.target.matches('[data-bars]')) {
    event.preventDefault();
    stepChannel(step[0] + step[1]);
  }
}
