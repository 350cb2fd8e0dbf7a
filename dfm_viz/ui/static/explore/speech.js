// What the maps show, in sentences: for screen readers, and for those who do not trust colours.

// For every cell of a map, the share of it that the true boxes cover. Remembered: it changes rarely.
const coveredCells = { key: '', share: null };
function coverage(rows, columns) {
  const { width, height } = data.info.image, key = [rows, columns, width, height, data.info.truths].join(' ');
  if (coveredCells.key === key) return coveredCells.share;
  const boxes = data.info.truths.map(b => [b[0] / width * columns, b[1] / height * rows, b[2] / width * columns, b[3] / height * rows]);
  const share = new Float32Array(rows * columns), fine = 4;
  for (let i = 0; i < share.length; i++) {
    for (let k = 0; k < fine * fine; k++) {
      const x = i % columns + (k % fine + 0.5) / fine, y = Math.floor(i / columns) + (Math.floor(k / fine) + 0.5) / fine;
      if (boxes.some(b => x >= b[0] && x < b[2] && y >= b[1] && y < b[3])) share[i] += 1 / (fine * fine);
    }
  }
  Object.assign(coveredCells, { key, share });
  return share;
}

// A small map: range, peak, centre of mass, how much lies in the true box, and CAM's peak beside it.
function describeMap(name, values, rows, columns) {
  const text = sentence(name, values, columns), s = summary(values, columns), { width, height } = data.info.image;
  if (s.flat) return text;
  const more = [], cam = data.info.methods.cam;
  if (data.info.truths.length) {
    const share = coverage(rows, columns);
    let inside = 0, all = 0;
    for (let i = 0; i < values.length; i++) { inside += (values[i] - s.low) * share[i]; all += values[i] - s.low; }
    more.push(sharePercent(inside / all) + ' of it in the true box');
  }
  if (cam && cam.peak) {
    const row = clamp(Math.floor(cam.peak[1] / height * rows), 0, rows - 1), column = clamp(Math.floor(cam.peak[0] / width * columns), 0, columns - 1);
    const x = (s.peak[1] - column) / columns * width, y = (s.peak[0] - row) / rows * height;
    more.push(x || y ? 'highest ' + sharePercent(Math.hypot(x, y) / Math.hypot(width, height)) + ' of the diagonal from where CAM is' : 'highest where CAM is');
  }
  return more.length ? text.slice(0, -1) + '; ' + more.join('; ') + '.' : text;
}

// A method's panel, from the server's numbers.
function describeMethod(name, m) {
  const { width, height } = data.info.image, round = box => box.map(Math.round);
  const box = m.flat ? 'no box, because the map is flat' : 'box from ' + round(m.box.slice(0, 2)).join(', ') + ' to ' + round(m.box.slice(2)).join(', ');
  let text = methodFacts(name).title + ': ' + m.label + ', score ' + m.score.toFixed(2) + ', ' + box + (m.iou === null ? '' : ', IoU ' + m.iou.toFixed(2) + ' with the true box') + '.';
  if (m.flat) return text;
  text += ' Map highest at ' + round(m.peak).join(', ') + ' of ' + width + ' by ' + height + ' pixels' + (peakIn(m) ? ', ' + peakIn(m) : '') +
    '; centre of mass at ' + round([m.centre[0] * width, m.centre[1] * height]).join(', ') + (m.energy === null ? '' : '; ' + sharePercent(m.energy) + ' of it in the true box') + '.';
  if (m.moved) text += m.moved.far ? ' The peak is ' + sharePercent(m.moved.share) + ' of the diagonal from CAM\u2019s' + (m.moved.left ? ' and left the true box.' : '.') : ' The peak is where CAM\u2019s is.';
  return text;
}

function setLabel(node, text) { if (node.getAttribute('aria-label') !== text) node.setAttribute('aria-label', text); }
function labelCards() {
  for (const card of $$('.card')) {
    const part = 'point/' + card.dataset.id, [rows, columns] = shape(part);
    setLabel($('.map canvas', card), describeMap(PLAIN[card.dataset.id], array(part), rows, columns));
  }
}
