// What a reload or Back would lose is kept in this tab of this browser: the visitor's picture as it
// was sent, if it is small enough, its boxes and the guess. Nothing of it leaves the browser.
const KEEP_MOST = 3 * 1024 * 1024;       // characters; browsers allow about five million in all
const KEEP = { picture: 'dfm_viz picture ' + location.pathname, view: 'dfm_viz view ' + location.pathname };
const kept = { view: null, file: null, held: null };     // held: the file that the store has now

function keepRead(key) {
  try { return JSON.parse(sessionStorage.getItem(key)); } catch (error) { return null; }
}
function keepWrite(key, value) {
  try { sessionStorage.setItem(key, JSON.stringify(value)); return true; } catch (error) { return false; }
}
const ownShown = () => !!(state.picture && state.picture.file);

// The file itself, once; its place is made free first, so that two never have to fit.
function keepFile(file) {
  if (kept.held === file) return;
  kept.held = null;
  try { sessionStorage.removeItem(KEEP.picture); } catch (error) { return; }
  if (file.size * 4 / 3 > KEEP_MOST) return;
  const reader = new FileReader();
  reader.onload = () => {
    const url = reader.result;
    if (state.mine === file && keepWrite(KEEP.picture, { name: file.name, type: file.type, stretch: !!file.stretch, data: url.slice(url.indexOf(',') + 1) })) kept.held = file;
  };
  reader.readAsDataURL(file);
}
// Boxes and guess of the picture that is shown.
function keepView() {
  const p = state.picture;
  if (!p || state.opening || !LINK.ready) return;
  const of = p.file ? { own: p.file.name, size: p.file.size } : { example: p.example, record: p.record };
  keepWrite(KEEP.view, { ...of, truths: state.truths, guess: state.guess });
}

// At the start: what there is of the visit before, whoever wrote it.
function keepFound() {
  const view = keepRead(KEEP.view), picture = keepRead(KEEP.picture), numbers = b => Array.isArray(b) && b.length === 4 && b.every(Number.isFinite);
  if (view && typeof view === 'object' && Array.isArray(view.truths) && view.truths.every(numbers) && view.guess && (view.guess.box === null || numbers(view.guess.box))) kept.view = view;
  try {
    if (picture) {
      kept.file = new File([decode({ dtype: 'u8', data: picture.data })], picture.name, { type: picture.type });
      kept.file.stretch = !!picture.stretch;
    }
  } catch (error) { kept.file = null; }
}
const sameFile = (view, file) => !!view && view.own === file.name && view.size === file.size;
const keptOf = view => ({ truths: view.truths, guess: { on: !!view.guess.on, box: view.guess.box, shown: !!view.guess.shown } });

// The picture of the visit before; true if it is on its way to the page again.
async function openKept() {
  const { view, file } = kept;
  if (!view || !view.own) return false;
  if (!file || !sameFile(view, file)) {
    kept.after = ['Your picture was too large to be kept here.', 'Open ' + view.own + ' again; its boxes and your guess come back with it.'];
    return false;
  }
  const ok = await openFile(file, keptOf(view));
  if (!ok) kept.after = ['Your picture could not be brought back.', 'Open ' + view.own + ' again.'];
  if (ok === true) kept.after = ['Your picture is back, as you left it.', 'It was kept in this tab of your browser; closing the tab forgets it.'];
  return !!ok;
}
// Boxes and guess for a file that is opened again by hand, and the guess for an example.
function keptFor(file) {
  if (!sameFile(kept.view, file) || kept.file) return {};
  const more = keptOf(kept.view);
  kept.view = null;
  return more;
}
function keptGuess(example) {
  const { view } = kept;
  if (!view || view.own || view.example !== example || !view.guess.on || !view.guess.box) return undefined;
  kept.after = ['Your guess is back, as you left it.', ''];
  return keptOf(view).guess;
}
// Said once the page is there, unless something else has to be.
function sayKept() {
  if (kept.after && $('.notice').hidden) notice('kept', ...kept.after);
  kept.after = null;
}

window.addEventListener('pagehide', keepView);
window.addEventListener('beforeunload', event => {
  keepView();
  if (ownShown() && kept.held !== state.picture.file) event.preventDefault();    // the browser asks
});
