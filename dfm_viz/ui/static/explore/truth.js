// The true box: known for examples; a visitor draws it for own pictures, or types it.
let marking = null;       // null, 'ready', or the corner where a drag began

function toggleMarking(on) {
  marking = on ? 'ready' : null;
  app.classList.toggle('marking', !!on);
  const button = $('[data-act=truth]');
  button.setAttribute('aria-pressed', String(!!on));
  button.textContent = on ? 'Drag over the object, or press here to stop' : 'Draw the true box';
}

function imagePoint(event, fit) {
  const box = fit.getBoundingClientRect(), { width, height } = data.info.image;
  return [clamp((event.clientX - box.left) / box.width, 0, 1) * width, clamp((event.clientY - box.top) / box.height, 0, 1) * height];
}
const corners = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];

function startMarking(event) {
  const view = event.target.closest && event.target.closest('.view');
  if (marking !== 'ready' || !view || !data.info) return false;
  event.preventDefault();
  const fit = $('.fit', view), lines = $('svg g', view), from = imagePoint(event, fit), { width, height } = data.info.image;
  const move = e => { lines.innerHTML = boxLines(width, height, null, null, [corners(from, imagePoint(e, fit))]); };
  view.setPointerCapture(event.pointerId);
  view.addEventListener('pointermove', move);
  view.addEventListener('pointerup', e => {
    view.removeEventListener('pointermove', move);
    $$('.panel svg').forEach(svg => { svg.dataset.drawn = ''; });
    const box = corners(from, imagePoint(e, fit)).map(x => Math.round(x * 10) / 10);
    toggleMarking(false);
    if (box[2] - box[0] > width / 100 && box[3] - box[1] > height / 100) setTruths([box]);
    else paintPanels();
  }, { once: true });
  return true;
}

function setTruths(boxes) {
  state.truths = boxes;
  paintSource();
  ask();
}

const truthText = () => state.truths.map(b => b.map(x => String(Math.round(x * 10) / 10)).join(', ')).join('; ');

// Typed boxes: four numbers each, several parted by semicolons; anything else goes back.
function typeTruths(input) {
  const { width, height } = state.picture, boxes = input.value.split(';').filter(t => t.trim()).map(t => t.split(/[\s,]+/).filter(Boolean).map(Number));
  const fine = boxes.every(b => b.length === 4 && b.every(Number.isFinite) && b[0] < b[2] && b[1] < b[3] && b[0] >= 0 && b[1] >= 0 && b[2] <= width && b[3] <= height);
  if (fine) setTruths(boxes);
  else notice('truth', 'That is no box in this picture.', 'Give x0, y0, x1, y1 in pixels, inside ' + width + ' \u00d7 ' + height + '; several boxes are parted by semicolons.');
  if (fine) quiet('truth');
}
