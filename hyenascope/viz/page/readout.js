// What every track says at one base, for the line under the figure.

const formatPosition = (position) => Math.round(position).toLocaleString("en-US");

// Four digits, as many as a saved page keeps.
function formatNumber(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = value === 0 || (size >= 1e-3 && size < 1e5)
    ? String(Number(value.toPrecision(4))) : value.toExponential(3);
  return text.replace(/-/g, "−");
}

// The base at a position, from the row of letters that spells the genome: motifs and
// haplotypes have letters of their own.
function baseAt(letters, position) {
  for (const spec of letters) {
    if (!spec.genome) continue;
    const x = toArray(spec.x);
    const at = lowerBound(x, position);
    if (x[at] === position) return spec.text[at];
  }
  return "";
}

// Where a scatter trace has its value nearest to a position, or -1.
function nearestPoint(x, position) {
  if (!x?.length) return -1;
  let at = lowerBound(x, position);
  if (at > 0 && (at === x.length || position - x[at - 1] < x[at] - position)) at -= 1;
  const step = x.length > 1 ? Math.abs(x[Math.min(at + 1, x.length - 1)] - x[Math.max(at - 1, 0)]) : 1;
  return Math.abs(x[at] - position) <= Math.max(step, 1) ? at : -1;
}

function scatterValue({ x, y }, position) {
  const at = nearestPoint(x, position);
  return at < 0 || !y?.length ? null : y[at];
}

// A thinned signal has no value of its own at most bases: say where this one is.
function scatterText(trace, position) {
  const value = scatterValue(trace, position);
  if (value === null || !Number.isFinite(value)) return null;
  const place = trace.x[nearestPoint(trace.x, position)];
  const near = Math.abs(place - position) < 1 ? "" : ` (at ${formatPosition(place)})`;
  return `${formatNumber(value)}${near}`;
}

// The column over a position; `x` holds the edges of the columns, or their middles.
function columnAt(x, columns, position) {
  if (x.length > columns) return lowerBound(x, position + 0.5) - 1;
  const at = lowerBound(x, position - 0.5);
  return x[at] - position <= 0.5 ? at : -1;
}

function heatmapValues(trace, position) {
  const column = trace.x0 === undefined
    ? columnAt(trace.x, trace.z[0].length, position)
    : Math.round((position - trace.x0) / (trace.dx || 1));
  if (column < 0 || column >= trace.z[0]?.length) return null;
  const names = trace.y.length === trace.z.length ? trace.y : trace.z.map(() => "");
  return trace.z
    .map((row, number) => [names[number], row[column]])
    .filter(([, value]) => Number.isFinite(value));
}

// Every row at a position; of a bin its strongest, which may be a base beside it.
function heatmapText(trace, position) {
  const values = heatmapValues(trace, position);
  if (!values?.length) return null;
  const { x, dx = 1 } = trace;
  const width = trace.x0 === undefined && x.length > 1 ? Math.abs(x[1] - x[0]) : dx;
  const bin = width > 1 ? ` (strongest of ${Math.round(width)} bp)` : "";
  const list = values.map(([row, value]) => `${plainText(row)} ${formatNumber(value)}`.trim());
  return `${list.join(" ")}${bin}`;
}

// Text that plotly reads as HTML, as it is seen.
function plainText(html) {
  const text = document.createElement("textarea");
  text.innerHTML = html; // entities only: a textarea holds no elements
  return text.value;
}

// Name and value of every named trace at a position.
function valuesAt(figure, position) {
  const readers = { scatter: scatterText, heatmap: heatmapText };
  const found = [];
  for (const trace of figure._fullData ?? []) {
    const named = trace._input?.name;
    if (!named || trace.visible !== true || trace.mode === "text") continue;
    const value = readers[trace.type]?.(trace, position) ?? null;
    if (value !== null) found.push(`${plainText(named)} ${value}`);
  }
  return found;
}
