// What every track says at one base, for the line under the figure.

const formatPosition = (position) => Math.round(position).toLocaleString("en-US");

function formatNumber(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = value === 0 || (size >= 1e-3 && size < 1e4)
    ? value.toFixed(3) : value.toExponential(2);
  return text.replace("-", "−");
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

function scatterValue(trace, position) {
  const [x, y] = [trace.x, trace.y];
  if (!x?.length || !y?.length) return null;
  let at = lowerBound(x, position);
  if (at > 0 && (at === x.length || position - x[at - 1] < x[at] - position)) at -= 1;
  const step = x.length > 1 ? Math.abs(x[Math.min(at + 1, x.length - 1)] - x[Math.max(at - 1, 0)]) : 1;
  return Math.abs(x[at] - position) <= Math.max(step, 1) ? y[at] : null;
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

// Name and value of every named trace at a position.
function valuesAt(figure, position) {
  const found = [];
  for (const trace of figure._fullData ?? []) {
    const named = trace._input?.name;
    if (!named || trace.visible !== true) continue;
    const text = document.createElement("textarea");
    text.innerHTML = named; // entities only: a textarea holds no elements
    const name = text.value;
    if (trace.type === "scatter" && trace.mode !== "text") {
      const value = scatterValue(trace, position);
      if (value !== null) found.push(`${name} ${formatNumber(value)}`);
    } else if (trace.type === "heatmap") {
      const values = heatmapValues(trace, position);
      if (values?.length) {
        const list = values.map(([row, value]) => `${row} ${formatNumber(value)}`.trim());
        found.push(`${name} ${list.join(" ")}`);
      }
    }
  }
  return found;
}
