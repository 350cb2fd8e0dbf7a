// Single flight, latest wins: at most one request is under way; when it returns and the state has
// moved on, the newest state is sent. A reply is painted only if it is newer than what is shown.
const pump = { asked: 0, shown: 0, running: false, sent: 0, retry: 0, odd: 0, reopened: 0, timer: 0, hidden: 0 };

function ask() {
  pump.asked++;
  app.dataset.settled = '0';
  if (!pump.running) run();
}

async function run() {
  pump.running = true;
  clearTimeout(pump.timer);
  try { await turns(); } catch (error) { pump.running = false; odd(error); giveUp(ODD); }
  if (pump.asked === pump.shown) app.classList.remove('busy');
}

async function turns() {
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
    let taken = null;
    try { taken = absorbed(reply); } catch (error) {
      if (pump.odd++ > 0) { odd(error); giveUp(ODD); }   // once more first: it may have been cut on the way
      continue;
    }
    pump.shown = sequence;
    pump.odd = pump.reopened = 0;
    quiet('odd');
    takeOver(taken);
    paintSoon();
  }
  pump.running = false;      // at once, not when run() goes on: a question in between would be lost
}

// What cannot be read: the last result stays, and the next move asks anew.
const ODD = 'The answer of the server cannot be read; try again, or reload the page.';
const odd = error => console.error(error);
function giveUp(text) {
  pump.shown = pump.asked;
  pump.odd = 0;
  endOpening();
  app.classList.remove('busy');
  notice('odd', text, data.info ? 'The last result stays here.' : '');
  if (!state.opening) app.dataset.settled = '1';
}

// The server did not answer: say so, keep the last result, try again with growing pauses.
function later() {
  app.classList.remove('busy');
  notice('offline', 'The server does not answer.', 'The last result stays here; trying again.');
  pump.timer = setTimeout(() => { if (!pump.running) run(); }, Math.min(10000, 1000 * 2 ** pump.retry++));
}

// What is no answer at all, be it silence or nonsense, is undefined.
async function call(name, argument) {
  try {
    const reply = await server[name](argument);
    return reply && typeof reply === 'object' && !Array.isArray(reply) ? reply : undefined;
  } catch (error) { return undefined; }
}

// The server answered with a sentence instead of maps.
async function refused(reply) {
  app.classList.remove('busy');
  if (reply.code === 'expired' && pump.reopened++ < 2 && await reopen()) return;
  endOpening();
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
  try { paintAll(); } catch (error) {
    odd(error);
    if (!lastGood.info) return giveUp(ODD);
    Object.assign(data, lastGood);
    lastGood.info = null;
    giveUp(ODD);
    paintSoon();
    return;
  }
  linkPainted();
  app.dataset.painted = String(pump.shown);
  app.dataset.frames = String(1 + Number(app.dataset.frames || 0));
  if (pump.shown === pump.asked && !state.opening) app.dataset.settled = '1';
  if (window.dfmPainted) window.dfmPainted({ sequence: pump.shown, settings: data.info.settings });
}
function paintAll() {
  quiet('refused');
  if (state.picture && data.info.picture === state.picture.token && !state.opening) endOpening();
  paintControls();
  if (state.tab === 'explore') {
    paintPanels();
    paintLesson();
    paintPipeline();
  }
  paintGuess();
  if (TABS[state.tab].changed) TABS[state.tab].changed();
}
