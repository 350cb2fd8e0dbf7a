// Where pictures come from: examples, drop, paste, file chooser, webcam.
const LIMIT = 20 * 1024 * 1024;

function buildSource() {
  $('#dx-family').innerHTML = facts.families.map(f => '<option value="' + esc(f.name) + '">' + esc(f.title) + '</option>').join('');
  $('#dx-family').value = state.family;
  $('.thumbs').innerHTML = '<button type="button" class="add phone-only" data-act="browse" aria-label="Add a picture"><svg width="20" height="20" viewBox="0 0 22 22" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true"><path d="M11 14V4m0 0L7 8m4-4 4 4M3 14v3.5h16V14"/></svg></button>' +
    '<button type="button" class="mine" hidden aria-pressed="false"><img alt=""></button>' +
    '<span class="examples"></span>';
  const strip = $('.thumbs'), ends = () => strip.classList.toggle('cut', strip.scrollLeft + strip.clientWidth < strip.scrollWidth - 8);
  strip.addEventListener('scroll', ends);
  strip.addEventListener('wheel', event => {
    if (event.deltaX || strip.scrollWidth <= strip.clientWidth) return;
    event.preventDefault();
    strip.scrollLeft += event.deltaY;
  }, { passive: false });
  new ResizeObserver(ends).observe(strip);
}

function paintSource() {
  const now = state.picture && state.picture.example;
  $$('[data-example]').forEach(b => b.setAttribute('aria-pressed', String(b.dataset.example === now)));
  $('.mine').setAttribute('aria-pressed', String(!!state.picture && !now && !state.picture.record));
  paintMarks();
  const note = $('.thumbs-note'), p = state.picture;
  note.textContent = '';
  if (arriving.name) note.append(arriving.words + ' ' + arriving.name + '\u2026', document.createElement('br'), p ? 'the picture before is shown' : '');
  else if (p) note.append(p.title, document.createElement('br'), state.truths.length ? 'true box known' : p.width + ' \u00d7 ' + p.height + ', no true box');
}

// Opening: the newest choice wins, whatever its road: whoever comes back to an older one does
// nothing. Until the maps are here the page says what is on its way.
let opening = 0;
const arriving = { name: '', words: '', timer: 0 };
function beginOpening(words, name) {
  clearTimeout(arriving.timer);
  Object.assign(arriving, { name, words, timer: setTimeout(() => app.classList.add('busy', 'arriving'), 150) });
  state.opening = true;
  app.dataset.settled = '0';
  paintSource();
  return ++opening;
}
// The maps are here, or will not come.
function endOpening() {
  clearTimeout(arriving.timer);
  if (!arriving.name) return;
  arriving.name = '';
  app.classList.remove('arriving');
  paintSource();
}
// Said instead of opening; false, for those who opened.
function notOpened(title, text) {
  state.opening = false;
  endOpening();
  app.classList.remove('busy');
  if (data.info && pump.shown === pump.asked) app.dataset.settled = '1';
  notice('unread', title, text);
  return false;
}

// more: truths, boxes to begin with; guess, one to begin with; again, the same picture as before, so
// boxes and guess stay; take(), what else changes with the picture; mine, the turn begun already.
async function openWith(source, extra, more = {}) {
  const mine = more.mine || beginOpening('Opening', more.name || nameOf(source));
  const reply = await call('open', source);
  if (mine !== opening) return 'newer';
  if (reply && reply.code === 'lost' && extra.file && !more.twice) return openFile(extra.file, { ...more, mine: 0, twice: true });
  if (!reply) return notOpened('The server does not answer.', 'Try again in a moment.');
  if (reply.error) return notOpened(reply.error, state.picture ? 'The picture before stays here.' : '');
  if (!soundOpening(reply)) return notOpened('The answer of the server cannot be read.', 'Try again, or reload the page.');
  state.opening = false;
  quiet();
  state.opened = { [reply.picture]: { url: reply.preview }, ...(data.info ? { [data.info.picture]: data.preview } : {}) };
  if (state.picture && state.picture.file && !more.again) state.mineTruths = state.truths;
  state.picture = { token: reply.picture, title: reply.title, width: reply.width, height: reply.height, ...extra };
  state.home = reply.boxes || [];
  if (!more.again) {
    state.truths = more.truths ? fitTruths(more.truths, reply) : state.home;
    newGuess();
    if (more.guess) Object.assign(state.guess, more.guess);
    state.channel = LINK.ready ? null : LINK.channel;
  }
  if (extra.file) showMine(reply.thumb || reply.preview, reply.title, extra.file);
  if (more.take) more.take();
  paintSource();
  paintGuess();
  tellNotes(reply, extra.file);
  ask();
  return true;
}
const soundOpening = r => typeof r.picture === 'string' && typeof r.preview === 'string' && r.width > 0 && r.height > 0 && Array.isArray(r.boxes);
function nameOf(source) {
  const example = facts.examples.find(e => e.id === source.example);
  return example ? example.title : source.record || source.example || source.name;
}

const openExample = (id, truths) => openWith({ example: id }, { example: id }, { truths });

async function openFile(file, more = {}) {
  const name = file.name || 'picture.png';
  if (file.size > LIMIT) return notice('unread', name + ' has ' + (file.size / 1048576).toFixed(0) + ' MB.', 'The limit is 20 MB; make it smaller and try again.');
  if (file.size === 0) return notice('unread', name + ' is empty.', 'Choose another file.');
  const mine = beginOpening('Sending', name);
  let sent;
  try { sent = await upload(file instanceof File ? file : new File([file], name, { type: file.type })); } catch (error) { sent = null; }
  if (mine !== opening) {
    if (sent) call('discard', { upload: sent.path });
    return 'newer';
  }
  if (!sent) return notOpened(name + ' could not be sent.', 'The server did not take it; try again, or choose another file.');
  return openWith({ upload: sent.path, name, stretch: !!file.stretch }, { file }, { ...(more.truths || more.again ? {} : keptFor(file)), ...more, mine });
}

function showMine(url, title, file) {
  const button = $('.mine');
  button.hidden = false;
  $('img', button).src = url;
  button.title = title;
  button.setAttribute('aria-label', 'Your picture: ' + title);
  state.mine = file;
  keepFile(file);
}

// The server forgot the picture (it keeps a bounded number): send it again, once for all who ask.
// Boxes and guess stay as they are; false if the picture cannot be had again.
let reopening = null;
function reopen() {
  if (!reopening) reopening = sendAgain().finally(() => { reopening = null; });
  return reopening;
}
async function sendAgain() {
  const { file, record, example, title } = state.picture, more = { again: true, name: title };
  if (file) return !!await openFile(file, more);
  const source = record ? { record } : { example: example || facts.view.example };
  return !!await openWith(source, source, more);
}

function chooseFamily(name) {
  if (data.info && name !== data.info.family) quiet('family');
  state.family = name;
  Object.assign(state.settings, { target: null, points: null });
  asTrained();
  chooseShown();
  state.point = null;
  state.channel = null;
  state.draws = {};
  fillFamily();
  paintControls();
  ask();
}

// One bar for everything that needs saying; kind tells who may take it away.
function notice(kind, title, text) {
  const bar = $('.notice');
  $('b', bar).textContent = title;
  $('span', bar).textContent = text || '';
  bar.dataset.kind = kind;
  bar.hidden = false;
}
function quiet(kind) {
  const bar = $('.notice');
  if (!kind || bar.dataset.kind === kind) bar.hidden = true;
}

async function openWebcam() {
  const dialog = $('.webcam'), video = $('video', dialog), text = $('p', dialog);
  text.textContent = 'Waiting for the camera.';
  dialog.showModal();
  try {
    if (!navigator.mediaDevices) throw new Error('none');
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    if (!dialog.open) return stopWebcam();
    await video.play();
    text.textContent = '';
  } catch (error) {
    text.textContent = error.name === 'NotAllowedError' ? 'The browser did not allow the camera; allow it in the address bar and try again.' :
      'No camera was found, or this address may not use it: browsers allow cameras on https and on localhost only.';
  }
}
function stopWebcam() {
  const video = $('.webcam video');
  if (video.srcObject) video.srcObject.getTracks().forEach(track => track.stop());
  video.srcObject = null;
  if ($('.webcam').open) $('.webcam').close();
}
function shoot() {
  const video = $('.webcam video');
  if (!video.videoWidth) return;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  stopWebcam();
  canvas.toBlob(blob => openFile(new File([blob], 'webcam.jpg', { type: 'image/jpeg' })), 'image/jpeg', 0.92);
}

const hasFile = event => event.dataTransfer && [...event.dataTransfer.types].includes('Files');
// A link or a picture of another page: the browser would leave this page for it.
const hasLink = event => event.dataTransfer && [...event.dataTransfer.types].includes('text/uri-list');
const intoField = event => event.target.closest && event.target.closest('input, textarea');
function onDrag(event) {
  if (!hasFile(event) && !(hasLink(event) && !intoField(event))) return;
  event.preventDefault();
  app.classList.toggle('dragging', hasFile(event) && (event.type === 'dragover' || event.type === 'dragenter'));
}
function onDrop(event) {
  app.classList.remove('dragging');
  if (hasFile(event)) {
    event.preventDefault();
    openFirst([...event.dataTransfer.files]);
  } else if (hasLink(event) && !intoField(event)) {
    event.preventDefault();
    notice('dropped', 'That is a link, not a picture file.', 'Save the picture first, then drop the file here.');
  }
}
function onPaste(event) {
  const files = event.clipboardData ? [...event.clipboardData.files] : [];
  if (!files.length) return;
  event.preventDefault();
  openFirst(files);
}
async function openFirst(files) {
  if (!files.length || await openFile(files[0]) !== true || files.length === 1) return;
  notice('several', files.length + ' files were given, one picture can be open.', (files[0].name || 'The first') + ' was taken, the first of them; drop another when you want it.');
}
