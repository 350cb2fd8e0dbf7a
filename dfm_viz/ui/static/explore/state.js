// What the visitor chose (state) and the last complete reply of the server (data).
const app = $('.explore');
const state = {
  tab: 'explore', family: null, settings: {}, truths: [], picture: null, point: null, channel: null,
  place: [0.62, 0.62], range: 'zero', colormap: null, opacity: 0.6, method: 'dfm', shown: [], draws: {}, peaks: true,
};
const data = { info: null, parts: {}, arrays: {}, preview: null };
let facts = null;          // reply of `start`: families, examples, parameters, colours

const factsOf = name => facts.families.find(f => f.name === name);
const familyFacts = () => factsOf(state.family);
// Of the family on the page, which is the chosen one as soon as its first reply is here.
const shownFacts = () => data.info ? factsOf(data.info.family) : familyFacts();
const methodFacts = name => shownFacts().methods.find(m => m.name === name) || { name, title: name };
const array = name => data.arrays[name];
const shape = name => data.parts[name].shape;
const pointTitle = name => (shownFacts().points.find(p => p.name === name) || { title: name }).title;

// Which methods have a panel: those before, where the family has them, else CAM, ADL and DFM.
const FIRST = ['cam', 'adl', 'dfm'];
function usualShown(before = []) {
  const names = familyFacts().methods.map(m => m.name), has = name => names.includes(name);
  const wanted = [...new Set([...before, ...FIRST, ...names])].filter(has);
  const some = wanted.slice(0, Math.max(3, before.filter(has).length));
  return names.filter(name => some.includes(name));
}
function chooseShown() { state.shown = usualShown(state.shown); }

// What one request says: everything the visitor set, and which parts need not be sent again.
function view() {
  const have = {};
  for (const name in data.parts) have[name] = data.parts[name].key;
  const path = {};
  for (const name of familyFacts().points.map(p => p.name)) path[name] = state.draws[name] || 'position';
  return { picture: state.picture.token, family: state.family, settings: { ...state.settings, path },
    truths: state.truths, guess: state.guess.shown ? state.guess.box : null, point: state.point, channel: state.channel, shown: state.shown, have };
}

// A reply read as a whole before anything changes: an error leaves the page as it was.
// Parts that are not in it have not changed.
function absorbed(reply) {
  const parts = { ...data.parts }, arrays = { ...data.arrays }, { info } = reply;
  if (!info || !info.settings || !info.methods || !Object.keys(info.methods).length || !info.image || typeof info.picture !== 'string') throw new Error('no facts in the answer');
  for (const name in reply.parts) {
    const { data: text, ...part } = reply.parts[name], values = decode({ ...part, data: text });
    if (values.length !== part.shape.reduce((n, x) => n * x, 1)) throw new Error(name + ' is cut off');
    parts[name] = part;
    arrays[name] = values;
  }
  for (const name of reply.gone || []) { delete parts[name]; delete arrays[name]; }
  if (!arrays['point/C_A']) throw new Error('no maps in the answer');
  return { info, parts, arrays, preview: state.opened[info.picture] || data.preview };
}
const lastGood = { info: null };        // should the new one turn out not to be paintable
function takeOver(taken) {
  Object.assign(lastGood, data);
  Object.assign(data, taken);
  if (state.point === null) state.point = data.info.point;
  if (state.channel === null || state.channel >= array('point/C_A').length) state.channel = data.info.channel;
}
state.opened = {};         // token -> preview, so that the picture changes together with its maps
