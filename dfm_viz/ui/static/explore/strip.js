// The strip of examples, those of the family's own classes first, and what is said under the maps.
const UNSURE = 0.3;       // a top score below this is called low

// Own pictures in the order of their lessons, then the rest.
function ordered(family) {
  const place = e => e.lessons[family] ? e.lessons[family].place : 1000;
  const own = facts.examples.filter(e => e.families.includes(family)).sort((a, b) => place(a) - place(b));
  return { own, rest: facts.examples.filter(e => !own.includes(e)) };
}

const thumb = e => '<button type="button" data-example="' + esc(e.id) + '" aria-pressed="false" aria-label="' + esc(e.title) + '" title="' + esc(e.title) + '"><img alt="" src="' + e.thumb + '"></button>';

function paintStrip() {
  const { own, rest } = ordered(state.family), line = text => '<span class="strip-line">' + esc(text) + '</span>';
  $('.thumbs .examples').innerHTML = (own.length ? '' : line(familyFacts().without)) + own.map(thumb).join('') +
    (rest.length ? line('not of these classes') + rest.map(thumb).join('') : '');
  $('.thumbs').scrollLeft = 0;
  paintSource();
}

const share2 = x => x.toFixed(2).replace(/^0/, '');

// What is to be seen, what boxes that never look would score, and whether the answer can be meant.
function paintLesson() {
  const info = data.info, mine = state.picture && state.picture.token === info.picture ? state.picture : null;
  const example = mine && facts.examples.find(e => e.id === mine.example), family = factsOf(info.family);
  const lesson = example && example.lessons[info.family], chance = info.baselines, cam = Object.values(info.methods)[0];
  const strange = example && !example.families.includes(info.family), unsure = cam.score < UNSURE;
  set($('.lesson .told'), 'textContent', lesson ? lesson.caption : '');
  set($('.lesson .chance'), 'textContent', chance ? 'Without looking: the whole picture would score ' + share2(chance.whole) + ', the best centred square ' + share2(chance.square) + '.' : '');
  set($('.lesson .unknown'), 'textContent', strange ? 'Not of these classes. ' + family.limits : unsure ? 'A low score: ' + cam.title + ' is ' + share2(cam.score) + ' sure of ' + cam.label + '. ' + family.limits : '');
  for (const p of $$('.lesson p')) p.hidden = !p.textContent;
}
