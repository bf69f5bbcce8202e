// Letters in sight, one path per colour: the same outlines as in letters.py.

const LETTER_FILL = 0.92; // of a base's width
const MOST_LETTERS = 4000;

// Outline to [command, x, y]; the Z of a finished part leads the next command.
function compileGlyphs(outlines) {
  const point = /([A-Z ]*)(-?[\d.]+),(-?[\d.]+)/g;
  return Object.fromEntries(
    Object.entries(outlines).map(([kind, outline]) => [
      kind,
      [...outline.matchAll(point)].map(([, command, x, y]) => [command, +x, +y]),
    ]),
  );
}

function glyphPath(glyph, left, width, bottom, height) {
  let path = "";
  for (const [command, x, y] of glyph) {
    path += `${command}${(left + width * x).toFixed(3)},`;
    path += Number((bottom + height * y).toPrecision(6));
  }
  return `${path}Z`;
}

// Shapes for the window and half as much on both sides, the traces they replace, and
// ends of the axes on which letters are as high as the window allows.
function drawLetters(specs, glyphs, left, right, pixels) {
  const shapes = [];
  const ranges = {};
  const replaced = new Set();
  const perBase = pixels / (right - left);
  const beside = (right - left) / 2;
  for (const spec of specs) {
    if (perBase < spec.least) continue;
    const [x, bottom, top] = [spec.x, spec.bottom, spec.top].map(toArray);
    const first = lowerBound(x, left - beside);
    const stop = lowerBound(x, right + beside);
    if (stop - first > MOST_LETTERS) continue;
    const width = Math.min(LETTER_FILL, spec.widest ? spec.widest / perBase : 1);
    const paths = {};
    let [low, high] = [0, 0];
    for (let i = first; i < stop; i++) {
      const height = top[i] - bottom[i];
      if (!height || !Number.isFinite(height)) continue; // NaN or nothing
      if (spec.rescale && x[i] >= left && x[i] <= right) {
        low = Math.min(low, top[i]);
        high = Math.max(high, top[i]);
      }
      const kind = spec.text[i] in glyphs ? spec.text[i] : "N";
      paths[kind] ??= "";
      paths[kind] += glyphPath(glyphs[kind], x[i] - width / 2, width, bottom[i], height);
    }
    for (const [kind, path] of Object.entries(paths)) {
      shapes.push({
        type: "path", path, xref: "x", yref: spec.yaxis, layer: "above",
        fillcolor: spec.colours[kind], fillrule: "evenodd", line: { width: 0 },
      });
    }
    const air = 0.06 * (high - low);
    if (air) ranges[spec.yaxis] = [low && low - air, high && high + air];
    spec.replaces.forEach((number) => replaced.add(number));
  }
  return { shapes, replaced, ranges };
}
