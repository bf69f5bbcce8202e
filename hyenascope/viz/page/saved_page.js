// A page without a kernel: tiles come from the pyramid that the page carries.

async function gunzip(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const carried = (id) => gunzip(document.getElementById(id).textContent.trim());

// JSON first, then the numbers it points into.
function openPyramid(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const json = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const base = 4 + length + (-(4 + length) & 7);
  return { ...json, buffer, base };
}

// First bytes of all numbers come first, then all second ones, …
function fromPlanes({ dtype, n }, planes) {
  const flat = new ARRAY_TYPES[dtype](n);
  const bytes = new Uint8Array(flat.buffer);
  const size = flat.BYTES_PER_ELEMENT;
  for (let plane = 0; plane < size; plane++) {
    for (let i = 0, from = plane * n; i < n; i++) bytes[i * size + plane] = planes[from + i];
  }
  return flat;
}

// Replace every {dtype, at, n} by its typed array, rows if it has a shape.
function unpack(value, { buffer, base }) {
  if (Array.isArray(value)) return value.map((item) => unpack(item, { buffer, base }));
  if (value === null || typeof value !== "object") return value;
  if ("dtype" in value && "at" in value) {
    const flat = fromPlanes(value, new Uint8Array(buffer, base + value.at));
    return value.shape ? asRows(flat, value.shape) : flat;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, unpack(item, { buffer, base })]),
  );
}

// Letters without a bottom stand on the one before at their base, or on the axis.
function standLetters(spec) {
  if (spec.bottom) return;
  const onAxis = new Set(spec.on_axis);
  spec.bottom = spec.top.map((_, i) =>
    (i && spec.x[i] === spec.x[i - 1] && !onAxis.has(i) ? spec.top[i - 1] : 0));
}

class PyramidSource {
  constructor(pyramid) {
    this.pyramid = pyramid;
  }

  // The closest look that still holds the window.
  async tile({ left, right }) {
    const { levels } = this.pyramid;
    const air = 1e-6 * (right - left); // edges that were reckoned are a hair off
    for (const level of [...levels].reverse()) {
      const middle = (left + right) / 2;
      const holding = level.filter((tile) => tile.left <= left + air && tile.right >= right - air);
      if (!holding.length) continue;
      const off = (tile) => Math.abs((tile.left + tile.right) / 2 - middle);
      const best = holding.reduce((one, other) => (off(other) < off(one) ? other : one));
      return { ...this.open(best), finest: level === levels.at(-1) };
    }
    return this.open(levels[0][0]);
  }

  open(packed) {
    const tile = unpack(packed, this.pyramid);
    tile.letters.forEach(standLetters);
    return tile;
  }
}

// chr1:1,000-2,000, 1,000-2,000, 1,500, or a name that the page carries.
function findCarried(query, { contig, names }, view) {
  const { chrom } = contig;
  const text = query.trim();
  const bare = text.replace(/[\s,]/g, "").replace(/[–—−]/g, "-");
  const match = /^(?:(.+):)?(\d+)(?:(?:-|\.\.)(\d+))?$/.exec(bare);
  const held = formatWindow(chrom, [contig.left, contig.right]);
  const outside = { message: `This page holds ${held}; ${text} lies outside.` };
  const bareName = (name) => name.replace(/^chr/i, "").toLowerCase();
  if (match && (!match[1] || bareName(match[1]) === bareName(chrom))) {
    let [first, last] = [Number(match[2]), Number(match[3] ?? match[2])];
    if (first > last) [first, last] = [last, first];
    if (last < contig.left || first > contig.right) return outside;
    const air = match[3] ? 0.5 : Math.min(view.span / 2, 40.5);
    return { choices: [{ label: text, left: first - air, right: last + air }] };
  }
  const wanted = text.toLowerCase();
  const hits = names.filter(({ name }) => name.toLowerCase() === wanted);
  const near = hits.length ? hits : names.filter(({ name }) => name.toLowerCase().includes(wanted));
  if (wanted && near.length) {
    const choices = near.slice(0, 12).map(({ name, left, right }) => {
      const air = Math.max(0.05 * (right - left), 20);
      return { label: `${name}  ${formatWindow(chrom, [left, right])}`, left: left - air, right: right + air };
    });
    return { choices };
  }
  if (!text) return { message: "Type a place, a gene or a variant." };
  return match ? outside : { message: `This page knows no ${text}.` };
}

async function openSavedPage() {
  const root = document.getElementById("locus");
  if (document.getElementById("hs-plotly")) {
    const code = new TextDecoder().decode(await carried("hs-plotly"));
    // An inline script: the policy of the page allows no other.
    document.head.append(element("script", { textContent: code }));
  }
  const pyramid = openPyramid(await carried("hs-pyramid"));
  const { contig, glyphs, label } = pyramid;
  if (!globalThis.Plotly) throw new Error("plotly.min.js must lie beside it.");
  const view = new LocusView(root, globalThis.Plotly, new PyramidSource(pyramid), {
    contig, glyphs, label, window: pyramid.window,
  });
  const bar = new LocusToolbar(root, view, async (query) => findCarried(query, pyramid, view));
  const cut = "This page holds no finer detail: it would have grown too large.";
  view.on("tile", ({ complete, finest }) => {
    if (pyramid.cut && finest && !complete) bar.say(cut);
    else if (bar.status.textContent === cut) bar.say("");
  });
  view.on("select", (region) => {
    bar.say(region ? `${formatWindow(contig.chrom, region)}, ${region[1] - region[0]} bp: Enter to zoom in` : "");
  });
  view.plot.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && view.selection.region) {
      const region = view.selection.region;
      view.selection.clear();
      view.go(...region);
    }
  });
  view.remember();
  globalThis.hyenascopeView = view;
  await view.ask();
}

document.addEventListener("DOMContentLoaded", () => {
  openSavedPage().catch((error) => {
    console.error(error);
    document.getElementById("locus").append(`This page could not be opened: ${error.message}`);
  });
});
