// The gallery: one page of pictures with their boxes. Rows come at once, pictures a few at a time.

// Two digits, or as many as it takes not to look like .5 when it is less.
const fxIou = x => [2, 3, 4].map(n => x.toFixed(n)).find(t => Number(t) < 0.5 || x >= 0.5) || x.toFixed(6);

const FX_FEW = 6;

function fxGallery() {
  const { rows, count, total, page, pages } = fx.reply, node = $('.fx-gallery'), held = node.contains(document.activeElement);
  const words = count === total ? 'All ' + fxNumber(total) + ' pictures' : fxNumber(count) + ' of ' + fxNumber(total) + ' pictures';
  set($('.fx-count'), 'textContent', words);
  set($('.fx-said'), 'textContent', words + (count ? ', page ' + (page + 1) + ' of ' + pages : '') + '.');
  $$('.fx-pager').forEach(pager => fxPager(pager, page, pages));
  $('.fx-legend').hidden = !count;
  $('.fx-legend .fx-true').hidden = !rows.some(r => r.truths.length);
  set($('.fx-legend .end'), 'textContent', 'Boxes are cut at .2 of the maximum.' + (fx.reply.pictures ? ' Press a picture to open it in Explore.' : ''));
  node.classList.toggle('fx-blank', !fx.reply.pictures);
  node.innerHTML = rows.length ? rows.map(fxTile).join('') :
    '<p>No picture fits all of these filters. <button type="button" class="link" data-fx="clear">Clear all filters</button></p>';
  const current = rows.find(r => r.number === (fx.show === null ? fx.picked : fx.show));
  const land = current || (fx.land === -1 ? rows[rows.length - 1] : rows[0]) || {};
  const first = $('.fx-tile[data-n="' + land.number + '"]');
  fx.land = 0;
  if (first) first.tabIndex = 0;
  fxMark();
  if (first && (held || fx.show !== null)) first.focus({ preventScroll: fx.show === null });
  if (fx.reply.pictures) fxPictures(rows.map(r => r.number));
}

function fxPager(node, page, pages) {
  const held = node.contains(document.activeElement) && document.activeElement.dataset.by;
  node.hidden = pages < 2;
  node.innerHTML = '<button type="button" class="btn" data-fx="turn" data-by="-1"' + (page ? '' : ' disabled') + '>Previous</button><span>Page ' + fxNumber(page + 1) + ' of ' + fxNumber(pages) +
    '</span><button type="button" class="btn" data-fx="turn" data-by="1"' + (page < pages - 1 ? '' : ' disabled') + '>Next</button>';
  if (held) ($('[data-by="' + held + '"]:not(:disabled)', node) || $('button:not(:disabled)', node) || node).focus();
}
function fxTurn(by, focus) {
  const page = clamp(fx.page + by, 0, fx.reply.pages - 1);
  if (page === fx.page) return;
  fx.picked = null;
  fx.land = focus;
  fxAsk({}, page);
}

function fxTile(row) {
  const error = fx.facts.errors.find(e => e.name === row.error), ratio = row.width / row.height, wide = ratio >= 4 / 3;
  const star = row.peak && '<svg x="' + (100 * row.peak[0] / row.width).toFixed(2) + '%" y="' + (100 * row.peak[1] / row.height).toFixed(2) + '%" overflow="visible"><path d="' + PEAK_STAR + '" fill="#fff" stroke="#0C0E12" stroke-width="2" stroke-linejoin="round" paint-order="stroke"/></svg>';
  const named = row.correct ? row.class : row.class + ', taken for ' + row.said;
  const label = row.name + ': ' + named + '. IoU ' + fxIou(row.iou) + ', ' + error.title + '. Open in Explore.';
  return '<button type="button" class="fx-tile" data-n="' + row.number + '" tabindex="-1" aria-label="' + esc(label) + '" title="' + esc(row.name + ': ' + named) + '"><span class="fx-photo"><span class="fx-fit" style="aspect-ratio:' + row.width + '/' + row.height + ';' + (wide ? 'width:100%' : 'height:100%') + '"><svg preserveAspectRatio="none" viewBox="0 0 ' + row.width + ' ' + row.height + '" aria-hidden="true">' +
    boxLines(row.width, row.height, row.peak ? row.box : null, null, row.truths) + '</svg><svg aria-hidden="true">' + (star || '') + '</svg></span></span>' +
    '<b>' + fxIou(row.iou) + '<i style="color:' + error.colour + '" aria-hidden="true">' + error.sign + '</i><span>' + esc(error.title) + '</span></b><span class="fx-cls">' +
    esc(row.correct ? row.class : row.class + ' \u2192 ' + row.said) + '</span></button>';
}

// Small pictures of this page; those of an earlier page are not waited for.
async function fxPictures(numbers) {
  const mine = fx.photos = {}, set_ = fx.q.set;
  for (let i = 0; i < numbers.length; i += FX_FEW) {
    const reply = await call('failures_pictures', { set: set_, numbers: numbers.slice(i, i + FX_FEW) });
    if (fx.photos !== mine) return;
    if (!reply || reply.error || !reply.pictures) return fxLack(numbers.slice(i), reply ? reply.error || 'not loaded: ' + ODD : 'not loaded: the server does not answer');
    for (const number in reply.pictures) {
      const found = reply.pictures[number], fit = $('.fx-tile[data-n="' + number + '"] .fx-fit');
      if (!fit) continue;
      if (found.error) fxLack([number], found.error);
      else { const image = new Image(); image.alt = ''; image.src = found.url; fit.prepend(image); }
    }
  }
  fxPane().dataset.photos = String(fx.version);
}
function fxLack(numbers, text) {
  for (const number of numbers) {
    const photo = $('.fx-tile[data-n="' + number + '"] .fx-photo'), note = document.createElement('span');
    if (!photo) continue;
    note.className = 'fx-lack';
    note.textContent = text;
    photo.append(note);
  }
}

// The picture that was picked: framed here, ringed in the chart.
function fxPick(number) {
  if (fx.picked === number) return;
  fx.picked = number;
  fxMark();
  if (typeof linkSoon === 'function') linkSoon();
}
function fxMark() {
  $$('.fx-tile').forEach(tile => {
    const on = Number(tile.dataset.n) === fx.picked;
    if (on) tile.setAttribute('aria-current', 'true'); else tile.removeAttribute('aria-current');
    if (on) { $$('.fx-tile[tabindex="0"]').forEach(t => { t.tabIndex = -1; }); tile.tabIndex = 0; }
  });
  fxRing();
}

// Arrows move among the pictures and over the page's ends; Page Up and Down turn the page.
function fxKey(event) {
  const tile = event.target.closest('.fx-tile');
  if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
  const tiles = $$('.fx-tile'), at = tiles.indexOf(tile);
  const columns = Math.max(1, tiles.filter(t => t.offsetTop === tiles[0].offsetTop).length);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns, Home: 0, End: tiles.length - 1 }[event.key];
  const turn = { PageUp: -1, PageDown: 1 }[event.key];
  if (to === undefined && !turn) return;
  event.preventDefault();
  if (turn) return fxTurn(turn, 0);
  if (tiles[to]) return tiles[to].focus();
  if (event.key === 'ArrowRight') fxTurn(1, 0);
  else if (event.key === 'ArrowLeft') fxTurn(-1, -1);
}
