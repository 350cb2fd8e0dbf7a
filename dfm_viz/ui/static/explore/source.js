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
  if (!p) return;
  note.append(p.title, document.createElement('br'), state.truths.length ? 'true box known' : p.width + ' \u00d7 ' + p.height + ', no true box');
}

// Opening: the latest request wins; the picture on the page changes together with its maps.
let opening = 0;
async function openWith(source, extra, truths) {
  const mine = ++opening, busy = setTimeout(() => app.classList.add('busy'), 150);
  state.opening = true;
  app.dataset.settled = '0';
  const reply = await call('open', source);
  clearTimeout(busy);
  if (mine !== opening) return true;
  state.opening = false;
  if (reply && reply.code === 'lost' && extra.file && !extra.again) return openFile(extra.file, true);
  if (!reply || reply.error) {
    app.classList.remove('busy');
    if (data.info && pump.shown === pump.asked) app.dataset.settled = '1';
    if (reply) notice('unread', reply.error, state.picture ? 'The picture before stays here.' : '');
    else notice('offline', 'The server does not answer.', 'Try again in a moment.');
    return false;
  }
  quiet();
  state.opened = { [reply.picture]: { url: reply.preview }, ...(data.info ? { [data.info.picture]: data.preview } : {}) };
  state.picture = { token: reply.picture, title: reply.title, width: reply.width, height: reply.height, ...extra };
  state.home = reply.boxes || [];
  state.truths = truths ? fitTruths(truths, reply) : state.home;
  newGuess();
  state.channel = LINK.ready ? null : LINK.channel;
  if (extra.file) showMine(reply.thumb || reply.preview, reply.title, extra.file);
  paintSource();
  tellNotes(reply, extra.file);
  ask();
  return true;
}

const openExample = (id, truths) => openWith({ example: id }, { example: id }, truths);

async function openFile(file, again = false) {
  const name = file.name || 'picture.png';
  if (file.size > LIMIT) return notice('unread', name + ' has ' + (file.size / 1048576).toFixed(0) + ' MB.', 'The limit is 20 MB; make it smaller and try again.');
  if (file.size === 0) return notice('unread', name + ' is empty.', 'Choose another file.');
  let sent;
  try { sent = await upload(file instanceof File ? file : new File([file], name, { type: file.type })); } catch (error) { sent = null; }
  if (!sent) return notice('offline', name + ' could not be sent.', 'The server did not take it; try again, or choose another file.');
  return openWith({ upload: sent.path, name, stretch: !!file.stretch }, { file, again });
}

function showMine(url, title, file) {
  const button = $('.mine');
  button.hidden = false;
  $('img', button).src = url;
  button.title = title;
  button.setAttribute('aria-label', 'Your picture: ' + title);
  state.mine = file;
}

// The server forgot the picture (it keeps a bounded number): send it again.
async function reopen() {
  const p = state.picture, truths = state.truths, guess = { ...state.guess };
  const again = p.file ? (await openFile(p.file)) === true : p.record ? await openWith({ record: p.record }, { record: p.record }) : await openExample(p.example || facts.view.example);
  if (again) Object.assign(state, { truths, guess });
  paintSource();
  return again;
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
function onDrag(event) {
  if (!hasFile(event)) return;
  event.preventDefault();
  app.classList.toggle('dragging', event.type === 'dragover' || event.type === 'dragenter');
}
function onDrop(event) {
  if (!hasFile(event)) return;
  event.preventDefault();
  app.classList.remove('dragging');
  if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
}
function onPaste(event) {
  const files = event.clipboardData ? [...event.clipboardData.files] : [];
  if (!files.length) return;
  event.preventDefault();
  openFile(files[0]);
}
