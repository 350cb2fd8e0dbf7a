// "Copy link", and what teachers hide in it.
const HIDE_PARTS = {
  pictures: 'example pictures', upload: 'own pictures', checkpoints: 'checkpoints', tabs: 'the other pages',
  sliders: 'all controls', more: 'More settings', peaks: 'Peaks', truth: 'true-box editor', guess: 'Guess first',
  numbers: 'class, score and IoU', methods: 'choice of methods', pipeline: 'Inside DFM', api: 'API',
};
// Parts of the page are hidden by the style sheet; single controls, under their settings' names, here.
const hideNames = () => [...Object.keys(HIDE_PARTS), ...parameters().map(p => p.name), ...Object.keys(facts.choices), 'target', 'colours', 'opacity', 'seed', 'points', ...Object.keys(TABS)];

function applyHide(names) {
  app.dataset.hide = names.join(' ');
  for (const name of names) {
    const control = $('#dx-' + (name === 'colours' ? 'colormap' : name)), rest = $('.sl[data-k="' + name + '"]') || $('.tabs [data-tab="' + name + '"]') || (name === 'points' && $('.points'));
    if (rest) rest.classList.add('gone');
    else if (control && !(name in HIDE_PARTS)) for (const node of [control, $('label[for="' + control.id + '"]'), control.id === 'dx-seed' && $('.more .hint')]) if (node) node.classList.add('gone');
  }
  for (const group of $$('.grp')) group.classList.toggle('gone', !$$('.sl, .sel', group).some(node => !node.classList.contains('gone')));
}

function linkText() {
  const ticked = $$('.hides input').filter(box => box.checked).map(box => box.value);
  const single = LINK.hide.filter(name => !(name in HIDE_PARTS)), query = linkQuery(true, [...ticked, ...single]);
  return location.origin + location.pathname + (query ? '?' + query : '');
}
function openLink() {
  const dialog = $('.share'), own = state.picture && !state.picture.example && !state.picture.record;
  if (!$('.hides').firstChild) $('.hides').innerHTML = Object.keys(HIDE_PARTS).map(name => '<label><input type="checkbox" value="' + name + '">' + esc(HIDE_PARTS[name]) + '</label>').join('');
  $$('.hides input').forEach(box => { box.checked = LINK.hide.includes(box.value); });
  $('.note', dialog).textContent = own ? 'Your picture is not in the link and stays with you: the link opens these settings on the first example.' : 'It opens this picture with everything as you see it now' + (state.guess.on ? '; the guess begins anew.' : '.');
  $('.said', dialog).textContent = '';
  $('#dx-link').value = linkText();
  dialog.showModal();
  copyLink();
}
// The browser may refuse; then the text is selected, ready to be copied by hand.
async function copyLink() {
  const field = $('#dx-link'), said = $('.share .said');
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    said.textContent = 'Copied.';
  } catch (error) {
    said.textContent = 'The browser did not let the page copy; the link is selected: copy it with Ctrl+C, or \u2318C.';
  }
}
function onShare(event) {
  if (event.target.matches('.hides input')) { $('#dx-link').value = linkText(); $('.share .said').textContent = ''; }
  else if (event.target === $('.share') && event.type === 'click') event.target.close();
}
