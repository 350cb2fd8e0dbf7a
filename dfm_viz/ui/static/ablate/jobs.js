// When the parts are asked again. Quick ones one after the other as soon as something moved; long
// ones as jobs: start, poll, cancel. At most one job at a time, and the newest setting wins.
const abTurns = { quick: false, long: false, count: 0, retry: 0 };
const abPause = time => new Promise(done => setTimeout(done, time));
const AB_CALM = 150, AB_POLL = 120, AB_SHOW = 400;

function abWake() {
  abIdle();
  abQuick();
  abLong();
}
function abStale(long) {
  if (!AB.active || !data.info) return [];
  const stale = Object.values(AB.parts).filter(part => {
    const seen = part.visible || (part.beside && AB.parts[part.beside].visible);
    if (!!part.long !== long || !seen || !part.ready()) return false;
    const key = part.key(data.info);
    return key !== part.done && key !== part.failed;
  });
  return long ? stale : stale.sort((a, b) => a.turn - b.turn);
}
// For those who wait for the page, tests above all.
function abIdle() {
  const idle = AB.watched && !!data.info && !abTurns.quick && !abTurns.long && !abStale(true).length && !abStale(false).length;
  abRoot().dataset.idle = idle ? '1' : '0';
}

async function abQuick() {
  if (abTurns.quick) return;
  abTurns.quick = true;
  try { await abQuickOnes(); } finally { abTurns.quick = false; }
  abIdle();
}
async function abQuickOnes() {
  for (let part; (part = abStale(false)[0]);) {
    const key = part.key(data.info), of = AB.of;
    part.turn = ++abTurns.count;
    const reply = await call(part.asks, part.query(data.info));
    if (of !== AB.of) continue;
    if (!reply) { abAgain(); break; }
    if (await abRefused(part, key, reply)) continue;
    part.done = key;
    try { part.whole(reply); part.paint(); } catch (error) { abOdd(part, key, error); }
  }
}
// What cannot be read is asked once more, for it may have been cut on the way; then it is said.
function abOdd(part, key, error) {
  odd(error);
  part.empty();
  part.done = '';
  part.paint();
  if (part.odd !== key) { part.odd = key; return; }
  part.odd = '';
  part.failed = key;
  notice('ablate', ODD, 'The rest of the page stays as it is.');
  $('.notice').dataset.of = part.name;
  abFailed(part, ODD);
}

async function abLong() {
  if (abTurns.long) return;
  abTurns.long = true;
  try { await abLongOnes(); } finally { abTurns.long = false; }
  abIdle();
}
async function abLongOnes() {
  let token = null, gone = 0;
  for (let part; (part = abStale(true)[0]);) {
    const calm = AB_CALM - (performance.now() - AB.moved);
    if (calm > 0) { await abPause(calm); continue; }
    const key = part.key(data.info), of = AB.of;
    const reply = await call('ablate_start', { kind: part.kind, instead: token, ...part.query(data.info) });
    token = null;
    if (!reply) { abAgain(); break; }
    if (await abRefused(part, key, reply)) continue;
    token = reply.job;
    if (of !== AB.of) continue;
    let end = 'odd';
    try {
      part.begin(reply.plan);
      end = await abFollow(part, key, token);
    } catch (error) { abWaiting(part, null); abOdd(part, key, error); }
    if (end === 'away') { abAgain(); break; }
    if (end === 'gone' && ++gone > 2) part.failed = key;
    if (end === 'stopped' || end === 'odd') call('ablate_cancel', { job: token });
    if (end !== 'moved') token = null;
  }
  if (token) call('ablate_cancel', { job: token });
}

// Poll one job until it is done, or nobody wants it any more.
async function abFollow(part, key, token) {
  const begun = performance.now();
  let after = 0, misses = 0;
  part.stop = false;
  for (let wait = 40; ; wait = AB_POLL) {
    await abPause(wait);
    if (part.stop) { part.failed = key; part.stop = false; abStopped(part, after); return 'stopped'; }
    if (!AB.active || !data.info || part.key(data.info) !== key) { abWaiting(part, null); return 'moved'; }
    const reply = await call('ablate_poll', { job: token, after });
    if (!reply) { if (++misses > 3) { abWaiting(part, null); return 'away'; } continue; }
    misses = 0;
    if (reply.gone || (reply.error && !reply.items)) { abWaiting(part, null); return 'gone'; }
    if (part.key(data.info) !== key) { abWaiting(part, null); return 'moved'; }
    after = reply.done;
    if (reply.items.length) { part.items(reply.items); part.paint(); }
    if (reply.finished) {
      abWaiting(part, null);
      if (await abRefused(part, key, reply)) return 'refused';
      part.done = key;
      part.finish();
      part.paint();
      return 'done';
    }
    if (performance.now() - begun > AB_SHOW) abWaiting(part, reply);
  }
}

// The answer is a sentence: say it, and do not ask the same again until something changes.
async function abRefused(part, key, reply) {
  if (!reply.error) {
    if (abTurns.retry) { abTurns.retry = 0; quiet('offline'); }
    if ($('.notice').dataset.of === part.name) quiet('ablate');
    abFailed(part, '');
    return false;
  }
  part.failed = key;
  if (reply.code === 'expired' && await reopen()) return true;
  notice('ablate', reply.error, 'The rest of the page stays as it is.');
  $('.notice').dataset.of = part.name;
  abFailed(part, reply.error);
  return true;
}
function abAgain() {
  notice('offline', 'The server does not answer.', 'The last result stays here; trying again.');
  setTimeout(() => { if (AB.active) abWake(); }, Math.min(10000, 1000 * 2 ** abTurns.retry++));
}

// Right in the head of a part, so that nothing below it moves.
function abWaiting(part, reply) {
  const node = $('.ab-wait', abSec(part.name));
  abSec(part.name).classList.toggle('ab-busy', !!reply);
  if (!reply) { node.hidden = true; return; }
  if (node.hidden || !$('progress', node)) {
    node.innerHTML = '<progress></progress><span class="ab-count"></span><button type="button" class="link" data-ab-stop="' + part.name + '">Stop</button>';
    node.hidden = false;
  }
  const bar = $('progress', node), total = reply.total;
  const text = total ? reply.done + ' of ' + total : reply.ahead ? 'waiting for ' + reply.ahead + (reply.ahead > 1 ? ' others' : ' other') : 'starting';
  if (total) { bar.max = total; bar.value = reply.done; } else bar.removeAttribute('value');
  bar.setAttribute('aria-label', text);
  set($('.ab-count', node), 'textContent', text);
}
function abStopped(part, done) {
  const node = $('.ab-wait', abSec(part.name));
  abSec(part.name).classList.remove('ab-busy');
  node.innerHTML = '<span>Stopped after ' + done + '.</span><button type="button" class="link" data-ab-again="' + part.name + '">Start again</button>';
  node.hidden = false;
}
function abFailed(part, text) {
  const section = abSec(part.name);
  let node = $('.ab-wait', section);
  if (!node) { node = document.createElement('span'); node.className = 'ab-wait'; $('.ab-h', section).append(node); }
  node.hidden = !text;
  node.innerHTML = text ? '<span>' + esc(text) + '</span><button type="button" class="link" data-ab-again="' + part.name + '">Try again</button>' : '';
}
