// "Guess first": the answer stays hidden until the visitor has drawn where the object is.
state.guess = { on: false, box: null, shown: false };
const guessing = () => state.guess.on && !state.guess.shown;

EDITORS.guess = {
  most: 1,
  boxes: () => state.guess.box ? [state.guess.box] : [],
  title: () => 'Your guess',
  change: boxes => { state.guess.box = boxes[0] || null; paintGuess(); },
};

function toggleGuess(on = !state.guess.on) {
  if (on && marking) toggleMarking(false);
  Object.assign(state.guess, { on, box: null, shown: false });
  paintGuess();
  if (!on) { repaintAll(); ask(); }
}
// A new picture is a new question.
function newGuess() {
  Object.assign(state.guess, { box: null, shown: false });
  paintGuess();
}
function revealGuess() {
  if (!state.guess.box) return;
  state.guess.shown = true;
  paintGuess();
  repaintAll();
  ask();
  $('.guessed').focus({ preventScroll: true });
}
function repaintAll() {
  if (!data.info || state.tab !== 'explore') return;
  paintPanels();
  wired = '';
  paintPipeline();
}

function paintGuess() {
  const { on, box } = state.guess, hidden = guessing(), stage = $('.guess');
  $('[data-act=guess]').setAttribute('aria-pressed', String(on));
  app.classList.toggle('guessing', hidden);
  stage.hidden = !hidden;
  $('[data-act=truth]').disabled = hidden;
  $('[data-act=guess-show]').disabled = !box;
  set($('.guess .hint'), 'textContent', box ? 'Move it or pull its corners until you are sure.' : 'Drag over the picture, or place a box and move it with the arrow keys.');
  const result = data.info && data.info.guess, words = $('.guessed');
  words.hidden = !on || hidden;
  if (!words.hidden) set($('span', words), 'textContent', result ? guessWords(result) : 'Comparing\u2026');
  if (hidden && state.picture) {
    const { width, height, token } = state.picture, seen = state.opened[token], fit = $('.fit', stage), view = $('.guess-view');
    view.style.aspectRatio = String(clamp(width / height, 0.5, 3));
    fit.style.width = 100 * Math.min(1, width / height / clamp(width / height, 0.5, 3)) + '%';
    if (seen && $('img', fit).getAttribute('src') !== seen.url) $('img', fit).src = seen.url;
    paintEditor('guess');
  }
}

function guessWords(result) {
  const shown = Object.keys(result.methods).filter(name => state.shown.includes(name));
  const each = shown.map(name => methodFacts(name).title + '\u2019s box ' + result.methods[name].toFixed(2));
  return 'Your guess, IoU with: ' + (result.truth === null ? '' : 'the true box ' + result.truth.toFixed(2) + ', ') + each.join(', ') + '.';
}
