// The same method on a network that has learned nothing: what is left comes from the architecture.
AB_ACTIONS.sanity = () => {
  AB.chosen.sanity = !AB.chosen.sanity;
  AB.parts.sanity.paint();
  abWake();
};
AB.parts.sanity = {
  long: true, kind: 'sanity', entry: null,
  ready: () => AB.chosen.sanity,
  key: info => abKey(info, ['path'], [AB.parts.sanity.method(), AB.chosen.seed]),
  query: info => ({ ...abQuestion(info, {}), method: AB.parts.sanity.method(), seed: AB.chosen.seed }),
  method: () => data.info.methods[AB.chosen.method] ? AB.chosen.method : 'dfm',
  empty() { this.entry = null; this.done = ''; },
  begin() { if (this.entry) this.entry.old = true; },
  items(list) { this.entry = list[0]; },
  finish() {},
  follow() {},
  show() {},
  paint() {
    const root = $('.ab-sanity'), section = abSec('sanity'), note = $('.ab-note', section), which = $('.ab-which', section), on = AB.chosen.sanity;
    $('[data-ab=sanity]').setAttribute('aria-pressed', String(on));
    $('[data-ab=sanity]').textContent = on ? 'Hide random weights' : 'Compare with random weights';
    which.hidden = !on;
    const names = Object.keys(data.info.methods), stamp = names.join();
    if (which.dataset.stamp !== stamp) {
      which.dataset.stamp = stamp;
      which.innerHTML = '<span class="ab-pick"><label for="ab-method">Method</label><select class="sel" id="ab-method">' + names.map(n => '<option value="' + esc(n) + '">' + esc(methodFacts(n).title) + '</option>').join('') + '</select></span><span class="ab-pick"><label for="ab-seed">Random network</label><select class="sel" id="ab-seed">' +
        Array.from({ length: AB.facts.seeds }, (_, i) => '<option value="' + i + '">' + (i + 1) + '</option>').join('') + '</select></span>';
    }
    $('#ab-method').value = this.method();
    $('#ab-seed').value = String(AB.chosen.seed);
    if (!on) { root.innerHTML = '<p class="muted">Does the map show what the network learned, or only the picture? Compare it with the map of the same architecture with random weights.</p>'; note.textContent = ''; return; }
    const e = this.entry;
    if (!e) { root.innerHTML = '<p class="muted">Building the random network.</p>'; note.textContent = ''; return; }
    const card = (x, id, title) => '<div class="ab-card"><span class="ab-name"><b>' + title + '</b></span>' + abThumb(x, id) + '<span class="ab-line"><span class="ab-cls" title="' + esc(x.label) + '">' + esc(x.label) + '</span><span class="ab-iou"><small>' + abIouName() + '</small> ' + abIou(x) + '</span></span></div>';
    const r = e.correlation;
    root.innerHTML = '<div class="ab-two' + (e.old ? ' ab-old' : '') + '">' + card(e.trained, 't', 'Trained weights') + card(e.random, 'r', 'Random weights') + '<div class="ab-corr"><span class="muted">Rank correlation of the two maps</span><b>' + (r === null ? '\u2013' : minus(r.toFixed(2))) + '</b><p>' + this.words(r) + '</p></div></div>';
    abMaps(root, { t: e.trained, r: e.random });
    set(note, 'textContent', 'Both maps are of the same class, \u201c' + e.trained.label + '\u201d. A map worth trusting changes when the weights are thrown away; one that stays shows the picture\u2019s edges and the architecture, not what was learned. One random network can agree by chance, in either direction, so look at all ' + AB.facts.seeds + '.');
  },
  words(r) {
    if (r === null) return 'One of the maps is flat, so there is nothing to compare.';
    const size = Math.abs(r);
    if (size < 0.3) return 'The maps have little in common: this one depends on what was learned.';
    if (size < 0.6) return (r < 0 ? 'Partly opposed' : 'Partly alike') + ': try the other random networks before you conclude anything.';
    return r > 0 ? 'Much alike: a large part of this map needs no learning at all.' : 'Nearly opposed: the same structure with the sign turned, which needs no learning either.';
  },
};
