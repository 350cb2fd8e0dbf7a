// Wiring: who reacts to what, and the first paint.
const ACTIONS = {
  theme: () => setTheme(app.dataset.theme === 'dark' ? 'light' : 'dark'),
  api: showApi,
  truth: () => toggleMarking(), 'truth-done': () => { toggleMarking(false); $('[data-act=truth]').focus(); },
  'truth-add': () => addBox('truth'), 'truth-remove': removeTruth, 'truth-home': sameBoxes,
  guess: () => toggleGuess(), 'guess-add': () => addBox('guess'), 'guess-show': revealGuess, 'guess-again': () => toggleGuess(true), 'guess-off': () => toggleGuess(false),
  peaks: () => togglePeaks(), download: toggleDownload, link: openLink, 'link-copy': copyLink, 'link-close': () => $('.share').close(),
  browse: () => $('#dx-file').click(),
  webcam: openWebcam, shoot, unwebcam: stopWebcam,
  dismiss: () => quiet(),
  reset, more: () => toggleMore(),
  mean: () => chooseChannel(state.channel === 'mean' ? order[0] : 'mean'),
  'same-class': () => setTarget(data.info.methods.cam.class_index),
  'as-trained': () => { asTrained(); ask(); },
};

function onClick(event) {
  const b = event.target.closest('button, a[data-act], [data-bars]');
  if (!b) return;
  if (b.matches('a')) event.preventDefault();
  if (b.dataset.act && ACTIONS[b.dataset.act]) ACTIONS[b.dataset.act]();
  else if (b.dataset.tab) showTab(b.dataset.tab);
  else if (b.dataset.example) openExample(b.dataset.example);
  else if (b.matches('.mine') && state.mine) openFile(state.mine, { truths: state.picture && state.picture.file ? state.truths : state.mineTruths });
  else if (b.dataset.m) showMethod(b.dataset.m);
  else if (b.dataset.toggle) toggleMethod(b.dataset.toggle);
  else if (b.dataset.point) choosePoint(b.dataset.point);
  else if (b.dataset.draw && data.info.settings.mode !== 'off') chooseDraw(Number(b.dataset.draw));
  else if (b.dataset.bars) { const channel = channelAt(b, event.clientX); if (channel !== null) chooseChannel(channel); }
}

// Gradio's own description of the endpoints opens from its footer, which this page does not show.
function showApi() {
  const button = document.querySelector('footer button.show-api');
  if (button) button.click();
}

// Dark follows the page (Gradio follows the system) until the visitor chooses.
function setTheme(theme) {
  document.body.classList.toggle('dark', theme === 'dark');
  followTheme();
}
function followTheme() {
  const theme = document.body.classList.contains('dark') ? 'dark' : 'light';
  if (app.dataset.theme === theme) return;
  app.dataset.theme = theme;
  $('[data-act=theme]').textContent = theme === 'dark' ? 'Light' : 'Dark';
  $('[data-act=theme]').setAttribute('aria-label', 'Switch to ' + (theme === 'dark' ? 'light' : 'dark') + ' colours');
  if (data.info) paintBars();
}

function listen() {
  app.addEventListener('click', onClick);
  app.addEventListener('input', onInput);
  app.addEventListener('change', onChange);
  app.addEventListener('focusin', onFocus);
  app.addEventListener('focusout', onBlur);
  app.addEventListener('pointermove', pointAt);
  app.addEventListener('pointerdown', event => { if (!startBox(event)) pointAt(event); });
  app.addEventListener('pointermove', dragBox);
  for (const type of ['pointerup', 'pointercancel']) app.addEventListener(type, endBox);
  app.addEventListener('keydown', event => { if (!tabKey(event) && !boxKey(event) && !numberKey(event)) keyAt(event); });
  for (const type of ['click', 'input', 'change', 'keyup', 'pointerup']) app.addEventListener(type, linkSoon);
  $('.webcam').addEventListener('close', stopWebcam);
  for (const type of ['click', 'change']) $('.share').addEventListener(type, onShare);
  for (const type of ['dragenter', 'dragover', 'dragleave']) document.addEventListener(type, onDrag);
  document.addEventListener('drop', onDrop);
  document.addEventListener('paste', onPaste);
  document.addEventListener('keydown', event => { if (event.key !== 'Escape' || undoDrag() || $('.share').open) return; if (marking) toggleMarking(false); else if (!$('.more').hidden) toggleMore(false); });
  new MutationObserver(followTheme).observe(document.body, { attributes: true, attributeFilter: ['class'] });
  new ResizeObserver(() => { if (data.info) { paintBars(); wires(); } }).observe($('.flow'));
}

async function start() {
  app.dataset.tab = state.tab;
  followTheme();
  facts = await call('start', {});
  if (!facts || facts.error || !facts.families || !facts.view) {
    notice('offline', facts && facts.error || 'The server does not answer.', 'Reload the page in a moment.');
    return;
  }
  state.family = facts.family;
  state.settings = { ...facts.settings };
  state.opacity = facts.view.opacity;
  state.colormap = facts.colormaps[0].name;
  readLink();
  usePalette(facts.colormaps.find(c => c.name === state.colormap).lut);
  buildSource();
  buildControls();
  buildPanels();
  buildProbe();
  buildPipeline();
  fillFamily();
  paintControls();
  listen();
  applyLink();
  if (new URLSearchParams(location.search).get('view') === 'api') setTimeout(showApi, 500);
  await openLinked();
  document.fonts.ready.then(() => { if (data.info) { wired = ''; paintBars(); wires(); } });
}
start();
