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

// Shapes for the window and half as much on both sides, and the traces they replace.
function drawLetters(specs, glyphs, left, right, pixels) {
  const shapes = [];
  const replaced = new Set();
  const perBase = pixels / (right - left);
  const air = (right - left) / 2;
  for (const spec of specs) {
    if (perBase < spec.least) continue;
    const [x, bottom, top] = [spec.x, spec.bottom, spec.top].map(toArray);
    const first = lowerBound(x, left - air);
    const stop = lowerBound(x, right + air);
    if (stop - first > MOST_LETTERS) continue;
    const width = Math.min(LETTER_FILL, spec.widest ? spec.widest / perBase : 1);
    const paths = {};
    for (let i = first; i < stop; i++) {
      const height = top[i] - bottom[i];
      if (!height) continue; // NaN or nothing
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
    spec.replaces.forEach((number) => replaced.add(number));
  }
  return { shapes, replaced };
}
