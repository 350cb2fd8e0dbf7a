// Fig. 1: a star where a map is highest, an arrow from where CAM's is, and what that means in words.
// Where a peak lies, how far it moved and whether it left the true box is in the server's answer.
const PEAK_STAR = 'M0-9 2.4-3.2 8.6-2.8 3.8 1.2 5.3 7.3 0 4-5.3 7.3-3.8 1.2-8.6-2.8-2.4-3.2z';
const peakIn = m => m.peak_inside === null ? '' : m.peak_inside ? 'in the true box' : 'outside the true box';
const sharePercent = share => (100 * share < 1 ? 'under 1' : String(Math.round(100 * share))) + '\u00a0%';

function paintPeak(panel, name, m) {
  const { width, height } = data.info.image, cam = data.info.methods.cam, svg = $('.peaks', panel);
  const on = state.peaks && m.peak !== null, far = on && m.moved && m.moved.far;
  const stamp = JSON.stringify([on, m.peak, far && cam.peak, width, height]);
  if (svg.dataset.stamp !== stamp) {
    svg.dataset.stamp = stamp;
    const at = peak => [100 * peak[0] / width, 100 * peak[1] / height].map(x => x.toFixed(2) + '%');
    let out = '';
    if (far) {
      const [x1, y1] = at(cam.peak), [x2, y2] = at(m.peak), id = 'dx-tip-' + $$('.panel').indexOf(panel);
      const line = (stroke, thick, more) => '<line x1="' + x1 + '" y1="' + y1 + '" x2="' + x2 + '" y2="' + y2 + '" stroke="' + stroke + '" stroke-width="' + thick + '"' + more + '/>';
      out += '<marker id="' + id + '" viewBox="0 0 14 12" refX="21" refY="6" markerWidth="14" markerHeight="12" markerUnits="userSpaceOnUse" orient="auto"><path d="M1 1 13 6 1 11z" fill="#fff" stroke="#0C0E12" stroke-width="1.5"/></marker>' +
        line('#0C0E12', 5, ' stroke-opacity=".85"') + line('#fff', 2, ' class="shift" marker-end="url(#' + id + ')"') +
        '<circle cx="' + x1 + '" cy="' + y1 + '" r="5" fill="#0C0E12" stroke="#fff" stroke-width="2" class="from"/>';
    }
    if (on) {
      const [x, y] = at(m.peak);
      out += '<svg x="' + x + '" y="' + y + '" overflow="visible"><path d="' + PEAK_STAR + '" fill="#fff" stroke="#0C0E12" stroke-width="2" stroke-linejoin="round" paint-order="stroke" class="star"/></svg>';
    }
    svg.innerHTML = out;
  }
  const line = $('.peak', panel), said = JSON.stringify([state.peaks, m.flat, m.peak_inside, m.moved]);
  line.hidden = !state.peaks;
  if (line.dataset.said === said) return;
  line.dataset.said = said;
  line.innerHTML = peakWords(name, m);
}

// One line below a map: how far its peak moved from CAM's, and whether it lies in a true box.
function peakWords(name, m) {
  if (m.flat) return '<span>No peak: the map is flat</span>';
  const star = '<svg width="14" height="14" viewBox="-10 -10 20 20" aria-hidden="true"><path d="' + PEAK_STAR + '"/></svg>';
  const place = peakIn(m) && !(m.moved && m.moved.left) ? '<span>' + peakIn(m) + '</span>' : '';
  if (!m.moved) return '<span>' + star + 'Peak</span>' + place;
  const moved = m.moved.far ? 'moved ' + sharePercent(m.moved.share) : 'as CAM\u2019s';
  const hint = 'The peak lies ' + sharePercent(m.moved.share) + ' of the picture\u2019s diagonal from CAM\u2019s' + (m.moved.far ? '.' : ', no more than one cell.');
  return '<span title="' + hint + '">' + star + 'Peak ' + moved + (place ? ',' : '') + '</span>' + (m.moved.left ? '<span class="badge">peak left the true box</span>' : place);
}

function togglePeaks(on = !state.peaks) {
  state.peaks = on;
  $('[data-act=peaks]').setAttribute('aria-pressed', String(on));
  if (data.info) paintPanels();
}
