// Values to pixels. Colours come from one table of 256; nothing is squared or rescaled for display.
let palette = new Uint32Array(256), lutBytes = new Uint8Array(768);

function usePalette(base64) {
  const text = atob(base64);
  for (let i = 0; i < 768; i++) lutBytes[i] = text.charCodeAt(i);
  for (let i = 0; i < 256; i++) {
    palette[i] = (255 << 24 | lutBytes[3 * i + 2] << 16 | lutBytes[3 * i + 1] << 8 | lutBytes[3 * i]) >>> 0;
  }
}
const level = (x, low, high) => high > low ? clamp(Math.round(255 * (x - low) / (high - low)), 0, 255) : 0;
const colour = (x, low, high) => {
  const z = 3 * level(x, low, high);
  return 'rgb(' + lutBytes[z] + ',' + lutBytes[z + 1] + ',' + lutBytes[z + 2] + ')';
};

function raster(canvas, width, height, fill) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d'), image = context.createImageData(width, height);
  fill(new Uint32Array(image.data.buffer));
  context.putImageData(image, 0, 0);
}
// A small map, one pixel per cell; the style sheet enlarges it without smoothing.
function cells(canvas, values, rows, columns, low, high) {
  raster(canvas, columns, rows, out => { for (let i = 0; i < out.length; i++) out[i] = palette[level(values[i], low, high)]; });
}
// The array that is thresholded, one pixel per value.
function grid(canvas, bytes, rows, columns) {
  raster(canvas, columns, rows, out => { for (let i = 0; i < out.length; i++) out[i] = palette[bytes[i]]; });
}
function colourBar(canvas, upright) {
  raster(canvas, upright ? 1 : 256, upright ? 256 : 1, out => { for (let i = 0; i < 256; i++) out[i] = palette[upright ? 255 - i : i]; });
}

// Boxes as lines on a dark casing, inset so that a box at the picture's edge is not cut.
function boxLines(width, height, predicted, off, truths, guess) {
  const px = width / 100 * 0.7, py = height / 100 * 0.7;
  const rect = (b, stroke, thick, more = '') => {
    const x0 = Math.max(px, b[0]), y0 = Math.max(py, b[1]), x1 = Math.min(width - px, b[2]), y1 = Math.min(height - py, b[3]);
    return '<rect x="' + x0 + '" y="' + y0 + '" width="' + Math.max(0, x1 - x0) + '" height="' + Math.max(0, y1 - y0) +
      '" fill="none" stroke="' + stroke + '" stroke-width="' + thick + '" vector-effect="non-scaling-stroke" ' + more + '/>';
  };
  let lines = '';
  if (predicted) lines += rect(predicted, 'rgba(12,14,18,.85)', 6) + rect(predicted, '#FF4D8D', 3.5, 'class="predicted"');
  if (off) lines += rect(off, 'rgba(12,14,18,.75)', 3) + rect(off, '#fff', 1.1, 'class="off"');
  for (const b of truths) lines += rect(b, 'rgba(12,14,18,.9)', 4, 'stroke-dasharray="9 6"') + rect(b, '#fff', 2, 'stroke-dasharray="9 6" class="truth"');
  if (guess) lines += rect(guess, 'rgba(12,14,18,.9)', 5, 'stroke-dasharray="1 7" stroke-linecap="round"') + rect(guess, '#8FE8FF', 3, 'stroke-dasharray="1 7" stroke-linecap="round" class="guess-box"');
  return lines;
}
