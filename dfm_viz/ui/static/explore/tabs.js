// The tabs. A tab's own files put an object into TABS under its name; all of its functions are optional:
//   enter()   it is shown now            leave()   it is hidden now
//   changed() it is shown, and a new answer of `inspect` has just been painted (see pump.js)
const TABS = { explore: {}, ablate: {}, failures: {}, results: {} };

function showTab(name) {
  if (!TABS[name] || state.tab === name) return;
  const before = state.tab;
  state.tab = name;
  app.dataset.tab = name;
  $$('[data-pane]').forEach(pane => { pane.hidden = pane.dataset.pane !== name; });
  $$('.tabs [data-tab]').forEach(b => {
    b.setAttribute('aria-selected', String(b.dataset.tab === name));
    b.tabIndex = b.dataset.tab === name ? 0 : -1;
  });
  // On a phone the tabs scroll sideways: bring the chosen one into sight.
  const strip = $('.tabs'), tab = $('.tabs [data-tab=' + name + ']');
  strip.scrollLeft = tab.offsetLeft - strip.offsetLeft - (strip.clientWidth - tab.offsetWidth) / 2;
  if (TABS[before].leave) TABS[before].leave();
  // A picture that is just being opened is painted when its answer is here.
  if (name === 'explore' && data.info && state.point !== null && state.channel !== null) paint();
  if (TABS[name].enter) TABS[name].enter();
}

// Arrow keys move between tabs, as the pattern for tab lists has it.
function tabKey(event) {
  const all = $$('.tabs [data-tab]'), at = all.indexOf(event.target.closest('[data-tab]'));
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (at < 0 || to === undefined) return false;
  event.preventDefault();
  const tab = all[(to + all.length) % all.length];
  tab.focus();
  showTab(tab.dataset.tab);
  return true;
}
