// Download: the server makes one zip of all there is about this picture and these settings, step by
// step, and hands it over; pressing the button again stops it.
const DL = { running: false, stop: false };
const DL_POLL = 200;

function toggleDownload() {
  if (DL.running) DL.stop = true;
  else if (state.picture) downloadAll();
}

async function downloadAll() {
  Object.assign(DL, { running: true, stop: false });
  const button = $('[data-act=download]');
  button.style.minWidth = button.offsetWidth + 'px';
  button.setAttribute('aria-busy', 'true');
  sayDownload('Stop');
  quiet('download');
  try {
    const begun = await beginDownload();
    if (begun) await followDownload(begun.job);
  } catch (error) {
    odd(error);
    failDownload('Nothing was downloaded.', ODD);
  }
  DL.running = false;
  button.removeAttribute('aria-busy');
  button.style.minWidth = '';
  button.textContent = 'Download';
}

// What the page shows now, and the same again if the server had forgotten the picture.
async function beginDownload(again = false) {
  const { picture, family, settings, truths } = view();
  const asked = { ...settings, colormap: state.colormap, opacity: state.opacity };
  const reply = await call('explore_bundle', { picture, family, settings: asked, truths, title: state.picture.title });
  if (!reply) return failDownload('The server does not answer.', 'Try again in a moment.');
  if (reply.code === 'expired' && !again && await reopen()) return beginDownload(true);
  return reply.error ? failDownload('Nothing was downloaded.', reply.error) : reply;
}

async function followDownload(job) {
  for (let after = 0, misses = 0; ;) {
    await new Promise(done => setTimeout(done, DL_POLL));
    if (DL.stop) {
      sayDownload('', 'Stopped.');
      call('explore_bundle_cancel', { job });
      return;
    }
    const reply = await call('explore_bundle_poll', { job, after });
    if (!reply) {
      if (++misses > 5) return failDownload('The server does not answer.', 'Try the download again in a moment.');
      continue;
    }
    misses = 0;
    if (reply.gone) return failDownload('The download was dropped on the way.', 'Start it again.');
    if (reply.error) return failDownload('Nothing was downloaded.', reply.error);
    after = reply.done;
    const last = reply.items[reply.items.length - 1];
    if (last && last.data) return saveZip(last);
    if (reply.finished) return failDownload('Nothing was downloaded.', 'Try again.');
    if (reply.ahead) sayDownload('Stop', 'Waiting for ' + reply.ahead + (reply.ahead > 1 ? ' other downloads.' : ' other download.'));
    else if (reply.total) sayDownload('Stop ' + Math.max(1, after) + '/' + reply.total, last ? 'Making the ' + last.what + '.' : '');
  }
}

function saveZip(file) {
  const text = atob(file.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const link = document.createElement('a'), url = URL.createObjectURL(new Blob([bytes], { type: 'application/zip' }));
  link.href = url;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  sayDownload('', file.name + ' is downloaded.');
}

// On the button, which keeps its width so that nothing moves, and for those who listen.
function sayDownload(label, words) {
  if (label) set($('[data-act=download]'), 'textContent', label);
  if (words) set($('.dl-said'), 'textContent', words);
}
function failDownload(title, text) {
  notice('download', title, text);
  return null;
}
