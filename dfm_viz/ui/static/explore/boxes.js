// Boxes that a visitor draws over a picture: by mouse, pen or finger, and by keyboard.
// A layer with data-edit="name" lies over the picture; EDITORS[name] says whose boxes they are:
//   boxes() the list now, in pixels    change(boxes, done) take over; not done while a drag goes on
//   most  how many there may be        title(i) what the i-th is called, in words
const EDITORS = {}, HANDLES = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'];
let heldBox = null;          // the drag under way
const tidyBox = box => box.map(x => Math.round(x * 10) / 10);
const corners = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
const bigEnough = (b, size) => b[2] - b[0] >= size.width / 100 && b[3] - b[1] >= size.height / 100;
const canvasSize = () => state.picture || data.info.image;

function paintEditor(name) {
  const editor = EDITORS[name], boxes = editor.boxes(), { width, height } = canvasSize();
  const layers = $$('[data-edit="' + name + '"]'), first = layers.find(layer => layer.offsetParent);
  for (const layer of layers) {
    while (layer.children.length > boxes.length) layer.lastChild.remove();
    boxes.forEach((b, i) => {
      let node = layer.children[i];
      if (!node) {
        node = layer.appendChild(document.createElement('div'));
        node.className = 'tb';
        node.innerHTML = HANDLES.map(h => '<i data-h="' + h + '"></i>').join('');
      }
      const at = { left: b[0] / width, top: b[1] / height, width: (b[2] - b[0]) / width, height: (b[3] - b[1]) / height };
      for (const key in at) node.style[key] = 100 * at[key] + '%';
      node.classList.toggle('slim', node.offsetWidth < 64 || node.offsetHeight < 64);
      node.tabIndex = layer === first ? 0 : -1;
      if (layer !== first) return;      // the others show the same boxes: read one of them aloud
      node.setAttribute('role', 'button');
      setLabel(node, boxWords(editor, i) + ' Arrow keys move it, with Shift they resize it, Delete removes it.');
    });
  }
}
// Said after a pause, when the box may be gone already: nothing then.
function boxWords(editor, i) {
  if (!editor.boxes()[i]) return '';
  const [x0, y0, x1, y1] = editor.boxes()[i].map(x => Math.round(x));
  return editor.title(i) + ' from ' + x0 + ', ' + y0 + ' to ' + x1 + ', ' + y1 + '.';
}

function pointIn(layer, event) {
  const box = layer.getBoundingClientRect(), { width, height } = canvasSize();
  return [clamp((event.clientX - box.left) / box.width, 0, 1) * width, clamp((event.clientY - box.top) / box.height, 0, 1) * height];
}

function startBox(event) {
  const layer = event.target.closest && event.target.closest('[data-edit]');
  if (!layer || event.button || heldBox) return false;
  event.preventDefault();
  const name = layer.dataset.edit, editor = EDITORS[name], before = editor.boxes(), node = event.target.closest('.tb');
  let index = node ? [...layer.children].indexOf(node) : before.length, handle = node ? event.target.dataset.h || 'move' : 'new';
  if (handle === 'new' && before.length >= editor.most) index = editor.most - 1;    // one more takes the last one's place
  heldBox = { layer, name, editor, before, index, handle, from: pointIn(layer, event), start: before[index], id: event.pointerId };
  layer.setPointerCapture(event.pointerId);
  if (node) node.focus({ preventScroll: true });
  return true;
}

function dragBox(event) {
  if (!heldBox || event.pointerId !== heldBox.id) return;
  const { layer, editor, before, index, handle, from, start } = heldBox, at = pointIn(layer, event), { width, height } = canvasSize();
  let box;
  if (handle === 'new') box = corners(from, at);
  else if (handle === 'move') {
    const x = clamp(at[0] - from[0], -start[0], width - start[2]), y = clamp(at[1] - from[1], -start[1], height - start[3]);
    box = [start[0] + x, start[1] + y, start[2] + x, start[3] + y];
  } else {
    const [x0, y0, x1, y1] = start, dx = at[0] - from[0], dy = at[1] - from[1], has = c => handle.includes(c);
    const a = [has('w') ? x0 + dx : x0, has('n') ? y0 + dy : y0], b = [has('e') ? x1 + dx : x1, has('s') ? y1 + dy : y1];
    box = corners(a, b).map((v, i) => clamp(v, 0, i % 2 ? height : width));
  }
  heldBox.box = tidyBox(box);
  heldBox.fine = bigEnough(heldBox.box, canvasSize());
  if (!heldBox.fine) return;
  editor.change(before.slice(0, index).concat([heldBox.box], before.slice(index + 1)), false);
  paintEditor(heldBox.name);
}

function endBox(event) {
  if (!heldBox || event.pointerId !== heldBox.id) return;
  const { name, editor, before, index, layer, box } = heldBox, undo = event.type === 'pointercancel';
  heldBox = null;
  if (!box) return;
  editor.change(undo ? before : editor.boxes(), true);
  paintEditor(name);
  if (!undo && layer.children[index]) layer.children[index].focus({ preventScroll: true });
}
// Escape while dragging: as it was before.
function undoDrag() {
  if (!heldBox) return false;
  const { name, editor, before } = heldBox;
  heldBox = null;
  editor.change(before, true);
  paintEditor(name);
  return true;
}

// One hundredth of the picture per press, one pixel with Alt.
function boxKey(event) {
  const node = event.target.closest && event.target.closest('.tb'), step = ARROWS[event.key];
  if (!node || event.ctrlKey || event.metaKey || !(step || event.key === 'Delete' || event.key === 'Backspace')) return false;
  event.preventDefault();
  const layer = node.parentElement, index = [...layer.children].indexOf(node), name = layer.dataset.edit, editor = EDITORS[name];
  if (!step) { removeBox(name, index); return true; }
  const { width, height } = canvasSize(), b = editor.boxes()[index].slice();
  const by = [step[1] * (event.altKey ? 1 : width / 100), step[0] * (event.altKey ? 1 : height / 100)];
  if (event.shiftKey) {
    b[2] = clamp(b[2] + by[0], b[0] + width / 100, width);
    b[3] = clamp(b[3] + by[1], b[1] + height / 100, height);
  } else {
    const x = clamp(by[0], -b[0], width - b[2]), y = clamp(by[1], -b[1], height - b[3]);
    b[0] += x; b[2] += x; b[1] += y; b[3] += y;
  }
  editor.change(editor.boxes().map((old, i) => i === index ? tidyBox(b) : old), true);
  paintEditor(name);
  sayAloud(() => boxWords(editor, index));
  return true;
}

function addBox(name) {
  const editor = EDITORS[name], { width, height } = canvasSize(), boxes = editor.boxes(), shift = 0.04 * (boxes.length % 5);
  if (boxes.length >= editor.most) return focusBox(name, boxes.length - 1);
  editor.change(boxes.concat([tidyBox([width * (0.25 + shift), height * (0.25 + shift), width * (0.75 + shift), height * (0.75 + shift)])]), true);
  paintEditor(name);
  focusBox(name, boxes.length);
  sayAloud(() => editor.boxes()[boxes.length] ? boxWords(editor, boxes.length) + ' Arrow keys move it, with Shift they resize it.' : '');
}
function removeBox(name, index) {
  const editor = EDITORS[name];
  editor.change(editor.boxes().filter((_, i) => i !== index), true);
  paintEditor(name);
  const left = editor.boxes().length;
  if (left) focusBox(name, Math.min(index, left - 1));
  else $('[data-add="' + name + '"]').focus({ preventScroll: true });
  sayAloud(() => left ? editor.title(index) + ' removed.' : 'No box is left.');
}
function focusBox(name, index) {
  const layer = $$('[data-edit="' + name + '"]').find(l => l.offsetParent);
  if (layer && layer.children[index]) layer.children[index].focus({ preventScroll: true });
}
