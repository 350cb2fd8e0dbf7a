// Single flight, latest wins: at most one request is under way; when it returns and the state has
// moved on, the newest state is sent. A reply is painted only if it is newer than what is shown.
const pump = { asked: 0, shown: 0, running: false, sent: 0, retry: 0, timer: 0, hidden: 0 };

function ask() {
  pump.asked++;
  app.dataset.settled = '0';
  if (!pump.running) run();
}

async function run() {
  pump.running = true;
  clearTimeout(pump.timer);
  while (pump.asked > pump.shown && state.picture) {
    const sequence = pump.asked;
    const busy = setTimeout(() => app.classList.add('busy'), 150);
    pump.sent++;
    const reply = await call('inspect', view());
    clearTimeout(busy);
    if (!reply) { later(); break; }
    pump.retry = 0;
    quiet('offline');
    if (reply.error) {
      if (sequence !== pump.asked) continue;
      pump.shown = sequence;
      await refused(reply);
      continue;
    }
    if (sequence <= pump.shown) continue;
    pump.shown = sequence;
    absorb(reply);
    paintSoon();
  }
  pump.running = false;
  if (pump.asked === pump.shown) app.classList.remove('busy');
}

// The server did not answer: say so, keep the last result, try again with growing pauses.
function later() {
  app.classList.remove('busy');
  notice('offline', 'The server does not answer.', 'The last result stays here; trying again.');
  pump.timer = setTimeout(() => { if (!pump.running) run(); }, Math.min(10000, 1000 * 2 ** pump.retry++));
}

async function call(name, argument) {
  try { return await server[name](argument); } catch (error) { return undefined; }
}

// The server answered with a sentence instead of maps.
async function refused(reply) {
  app.classList.remove('busy');
  if (reply.code === 'expired' && !state.reopening) {
    state.reopening = true;
    const again = await reopen();
    state.reopening = false;
    if (again) return;
  }
  if (data.info && state.family !== data.info.family) {
    notice('family', reply.error, 'The checkpoints before stay here.');
    $('#dx-family').value = data.info.family;
    return chooseFamily(data.info.family);
  }
  notice('refused', reply.error, data.info ? 'The last result stays here.' : 'Choose other checkpoints or another picture.');
  app.dataset.settled = '1';
}

// After the next question has left, not on the next frame: there is at most one reply at a time.
let painting = 0;
function paintSoon() {
  if (!painting) painting = setTimeout(paint, 0);
}
function paint() {
  painting = 0;
  if (!data.info) return;
  quiet('refused');
  paintControls();
  if (state.tab === 'explore') {
    paintPanels();
    paintLesson();
    paintPipeline();
  }
  paintGuess();
  linkPainted();
  if (TABS[state.tab].changed) TABS[state.tab].changed();
  app.dataset.painted = String(pump.shown);
  app.dataset.frames = String(1 + Number(app.dataset.frames || 0));
  if (pump.shown === pump.asked && !state.opening) app.dataset.settled = '1';
  if (window.dfmPainted) window.dfmPainted({ sequence: pump.shown, settings: data.info.settings });
}
