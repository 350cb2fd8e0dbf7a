// The true boxes: known for examples, drawn or typed for one's own pictures. All can be edited; an
// example's own boxes (state.home) can be had back.
let marking = false;
state.home = [];

EDITORS.truth = {
  most: 20,
  boxes: () => state.truths,
  title: i => 'True box' + (state.truths.length > 1 ? ' ' + (i + 1) : ''),
  change: (boxes, done) => setTruths(boxes, done),
};

function toggleMarking(on = !marking) {
  marking = on;
  app.classList.toggle('marking', on);
  $('[data-act=truth]').setAttribute('aria-pressed', String(on));
  $('.marks').hidden = !on;
  paintMarks();
  if (data.info) paintPanels();
}

// The bar of the editor, and the layers over the panels.
function paintMarks() {
  const own = !state.home.length, some = state.truths.length > 0;
  set($('[data-act=truth]'), 'textContent', some ? 'Edit true box' + (state.truths.length > 1 ? 'es' : '') : 'Draw the true box');
  if (document.activeElement !== $('#dx-truth')) set($('#dx-truth'), 'value', truthText());
  $('[data-act=truth-home]').hidden = own || truthText() === truthText(state.home);
  $('[data-act=truth-remove]').disabled = !some;
  if (marking && state.picture) paintEditor('truth');
}
// On the page the boxes are as edited, even before the answer is here.
const truthsNow = () => state.picture && data.info.picture === state.picture.token ? state.truths : data.info.truths;

function setTruths(boxes, done = true) {
  state.truths = boxes;
  if (done) paintSource();
  paintMarks();
  if (data.info) paintPanels();
  ask();
}
function removeTruth() {
  const at = document.activeElement.closest('.tb'), index = at ? [...at.parentElement.children].indexOf(at) : state.truths.length - 1;
  if (state.truths.length) removeBox('truth', index);
}
const sameBoxes = () => { setTruths(state.home); quiet('truth'); };

const truthText = (boxes = state.truths) => boxes.map(b => b.map(x => String(Math.round(x * 10) / 10)).join(', ')).join('; ');
// Four numbers each, several parted by semicolons; null if that is not what the text says. Four
// words are four numbers, so that 0,5 may be a half; else commas part them.
function readBoxes(text) {
  const numbers = one => {
    const words = one.trim().replace(/\s*,\s+|\s+,/g, ' ').split(/\s+/);
    return (words.length === 4 ? words : one.split(/[\s,]+/).filter(Boolean)).map(word => word.includes('%') ? null : readNumber(word));
  };
  const boxes = text.split(';').filter(t => t.trim()).map(numbers);
  return boxes.every(b => b.length === 4 && b.every(x => x !== null) && b[0] < b[2] && b[1] < b[3]) ? boxes : null;
}
const fitsIn = (b, { width, height }) => b[0] >= 0 && b[1] >= 0 && b[2] <= width && b[3] <= height;

// Typed boxes: anything else is explained and stays in the field, to be corrected.
function typeTruths(input) {
  const boxes = readBoxes(input.value), { width, height } = state.picture, most = EDITORS.truth.most;
  const fine = boxes && boxes.every(b => fitsIn(b, state.picture)) && boxes.length <= most;
  input.setAttribute('aria-invalid', String(!fine));
  if (fine) { quiet('truth'); setTruths(boxes); return; }
  notice('truth', boxes && boxes.length > most ? boxes.length + ' boxes are too many.' : 'That is no box in this picture.',
    'Give x0, y0, x1, y1 in pixels, inside ' + width + ' \u00d7 ' + height + '; up to ' + most + ' boxes, parted by semicolons.');
}
