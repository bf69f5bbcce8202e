// One figure to browse: a window that moves over tiles, drawn by Plotly.
//
// A tile is a figure drawn wider than the window. It comes from `source.tile`: from
// the kernel in a notebook, from the pyramid inside a saved page. Everything that
// needs no new numbers (moving, letters, names in sight, the readout) happens here.

const LEAST_BASES = 8;
const SETTLE = 30; // ms of quiet before detail is asked for
const ANSWER_LOST = 8000; // ms after which an unanswered question is given up
const SETTLED = 700; // ms of quiet before a place enters the history
const PLOT_CONFIG = {
  displaylogo: false, responsive: true, scrollZoom: false, doubleClick: false,
  showSendToCloud: false,
  modeBarButtonsToRemove: [
    "sendChartToCloud", "select2d", "lasso2d", "autoScale2d", "toggleSpikelines",
    "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d",
  ],
  displayModeBar: false,
};

class LocusView {
  // `contig` is {chrom, left, right}: its name and its edges on the axis.
  constructor(root, Plotly, source, { contig, glyphs, window, label }) {
    Object.assign(this, { root, Plotly, source, contig });
    this.glyphs = compileGlyphs(glyphs);
    this.home = { contig, window: window.slice() };
    this.window = window.slice();
    this.listeners = {};
    this.history = { past: [], future: [] };
    this.wishes = 0; // numbers what is asked for, so that an older answer loses
    this.shown = 0;
    this.plot = document.createElement("div");
    this.plot.className = "hs-plot";
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "application");
    this.plot.setAttribute("aria-roledescription", "genome tracks");
    this.plot.setAttribute("aria-label", label);
    root.append(this.plot);
    this.selection = new RegionSelection(this);
    this.plot.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    // Plotly keeps the browser from giving the focus to what is clicked.
    this.plot.addEventListener("mousedown", (event) => {
      if (!event.target.closest("input, button")) this.plot.focus({ preventScroll: true });
    }, { capture: true });
    this.plot.addEventListener("mousemove", (event) => this.onMove(event));
    this.plot.addEventListener("mouseleave", () => this.emit("point", null));
    this.resized = new ResizeObserver(() => {
      clearTimeout(this.resizeLater);
      this.resizeLater = setTimeout(() => this.resize(), 120); // after Plotly's own
    });
    this.resized.observe(this.plot);
  }

  on(name, listener) {
    (this.listeners[name] ??= []).push(listener);
  }

  emit(name, value) {
    for (const listener of this.listeners[name] ?? []) listener(value);
  }

  get span() {
    return this.window[1] - this.window[0];
  }

  get pixels() {
    return this.plot._fullLayout?._size.w ?? Math.max(this.plot.clientWidth - 250, 300);
  }

  // Inside the contig, at least a few bases wide.
  clamp([left, right]) {
    const [low, high] = [this.contig.left, this.contig.right];
    const span = Math.min(Math.max(right - left, Math.min(LEAST_BASES, high - low)), high - low);
    const middle = (left + right) / 2;
    const start = Math.min(Math.max(middle - span / 2, low), high - span);
    return [start, start + span];
  }

  // Go to edges on the axis, perhaps of another contig. `keep` leaves the history.
  async go(left, right, { contig = this.contig, keep = false } = {}) {
    const elsewhere = contig.chrom !== this.contig.chrom;
    this.contig = contig;
    this.window = this.clamp([left, right]);
    if (elsewhere) {
      this.tile = null; // what is drawn belongs to another contig
      this.root.dataset.state = "moving";
      this.selection.clear();
    }
    this.emit("window", this.window);
    if (!keep) this.remember();
    if (this.tile) {
      await this.Plotly.relayout(this.plot, { "xaxis.range": this.window.slice() });
    }
    this.settle();
  }

  // Go somewhere else altogether: one can come back to where one was.
  jump(left, right, options) {
    this.enter();
    return this.go(left, right, options);
  }

  goHome() {
    const { contig, window } = this.home;
    return this.jump(...window, { contig });
  }

  pan(share) {
    const by = share * this.span;
    return this.go(this.window[0] + by, this.window[1] + by);
  }

  zoom(factor, around = (this.window[0] + this.window[1]) / 2) {
    const span = Math.max(this.span * factor, LEAST_BASES);
    const share = (around - this.window[0]) / this.span;
    return this.go(around - share * span, around + (1 - share) * span);
  }

  get place() {
    return { contig: this.contig, window: this.window.slice() };
  }

  // A place enters the history once the reader stays there.
  remember() {
    clearTimeout(this.rememberLater);
    this.rememberLater = setTimeout(() => this.enter(), SETTLED);
  }

  enter() {
    clearTimeout(this.rememberLater);
    const { past } = this.history;
    if (samePlace(past[past.length - 1], this.place)) return;
    past.push(this.place);
    if (past.length > 200) past.shift();
    this.history.future = [];
    this.emit("history", this.history);
  }

  step(back) {
    if (back) this.enter(); // where we are now, even if it has not settled yet
    const { past, future } = this.history;
    if (back ? past.length < 2 : !future.length) return;
    if (back) future.push(past.pop());
    else past.push(future.pop());
    this.emit("history", this.history);
    const { contig, window } = past[past.length - 1];
    this.go(...window, { contig, keep: true });
  }

  back() { this.step(true); }

  forward() { this.step(false); }

  // After the last movement: letters and names at once, new detail if it is needed.
  settle() {
    clearTimeout(this.settleLater);
    this.settleLater = setTimeout(() => this.tryTo(async () => {
      if (this.tile) await this.render();
      if (this.needsDetail()) await this.ask();
    }), SETTLE);
  }

  resize() {
    if (!this.tile || !this.plot.clientWidth) return;
    this.selection.place();
    this.emit("window", this.window);
    this.settle();
  }

  // What goes wrong is said under the figure.
  async tryTo(action) {
    try {
      return await action();
    } catch (error) {
      console.error(error);
      this.emit("error", error);
      return undefined;
    }
  }

  needsDetail() {
    const { tile, span } = this;
    if (!tile) return true;
    const [left, right] = this.window;
    const missing = (edge, limit, side) =>
      Math.abs(edge - limit) > 0.5 && side * (edge - (side < 0 ? left : right)) < 0.15 * span;
    if (missing(tile.left, this.contig.left, -1) || missing(tile.right, this.contig.right, 1)) return true;
    if (span > 1.6 * tile.asked) return true;
    return !tile.complete && span < 0.6 * tile.asked;
  }

  // What a tile is asked for.
  newWish() {
    const [left, right] = this.window;
    const pixels = Math.round(this.pixels);
    return { chrom: this.contig.chrom, left, right, pixels, number: ++this.wishes };
  }

  // One request at a time: a newer wish waits for the answer to the older, but not
  // for ever, since an answer can be lost.
  async ask() {
    if (this.asking && performance.now() - this.asking < ANSWER_LOST) {
      this.askAgain = true;
      return;
    }
    const begun = performance.now();
    this.asking = begun;
    const wish = this.newWish();
    try {
      const tile = await this.source.tile(wish);
      if (tile) await this.show(tile, wish);
    } finally {
      if (this.asking === begun) {
        this.asking = 0;
        if (this.askAgain) {
          this.askAgain = false;
          this.tryTo(() => this.ask());
        }
      }
    }
  }

  async show(tile, wish) {
    // A figure under the mouse button must not be swapped.
    while (this.plot._dragging) await new Promise((done) => setTimeout(done, 30));
    if (wish.number < this.shown || wish.chrom !== this.contig.chrom) return;
    this.shown = wish.number;
    tile.asked = wish.right - wish.left;
    this.tile = tile;
    for (const spec of tile.letters) {
      for (const name of ["x", "bottom", "top"]) spec[name] = toArray(spec[name]);
    }
    await this.render({ force: true });
    this.hook();
    this.root.dataset.state = "ready";
    this.emit("tile", tile);
    const [left, right] = this.window; // it may have moved on since the wish
    if ((wish.left !== left || wish.right !== right) && this.needsDetail()) this.settle();
  }

  // Draw the tile for this window: letters if they fit, names where they are seen.
  async render({ force = false } = {}) {
    const { tile } = this;
    const [left, right] = this.window;
    const drawn = drawLetters(tile.letters, this.glyphs, left, right, this.pixels);
    const sticky = tile.data.some((trace) => trace.meta?.hyenascope === "sticky");
    const plain = !drawn.shapes.length && !this.lettered && !sticky;
    if (plain && !force) return;
    this.lettered = drawn.shapes.length > 0;
    const data = tile.data.map((trace, number) => {
      if (trace.meta?.hyenascope === "sticky") return stickyNames(trace, left, right);
      return drawn.replaced.has(number) ? { ...trace, visible: false } : trace;
    });
    const layout = {
      ...tile.layout,
      paper_bgcolor: "rgba(0,0,0,0)",
      clickanywhere: true,
      shapes: [...(tile.layout.shapes ?? []), ...drawn.shapes],
      xaxis: {
        ...tile.layout.xaxis,
        range: this.window.slice(),
        minallowed: this.contig.left,
        maxallowed: this.contig.right,
      },
    };
    for (const [axis, range] of Object.entries(drawn.ranges)) {
      const name = `yaxis${axis.slice(1)}`;
      layout[name] = { ...layout[name], range };
    }
    await this.Plotly.react(this.plot, data, layout, PLOT_CONFIG);
    this.selection.place();
    this.emit("drawn", this);
  }

  hook() {
    if (this.hooked) return;
    this.hooked = true;
    this.plot.on("plotly_relayouting", (change) => this.follow(change));
    this.plot.on("plotly_relayout", (change) => this.follow(change, true));
    this.plot.on("plotly_click", (event) => {
      if (event.xvals?.length && this.tile) this.emit("click", { x: event.xvals[0] });
    });
  }

  // The user dragged: the axis moved, the window follows.
  follow(change, done = false) {
    const range = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (!this.tile || !Number.isFinite(range[0]) || !Number.isFinite(range[1])) return;
    // Beyond an end of the contig Plotly narrows the axis; the window only stops.
    const span = (this.dragged ??= this.span);
    let [left, right] = range;
    if (right - left < 0.999 * span) {
      if (left <= this.contig.left + 0.5) right = left + span;
      else if (right >= this.contig.right - 0.5) left = right - span;
    }
    this.window = this.clamp([left, right]);
    this.selection.place();
    this.emit("window", this.window);
    if (!done) return;
    this.dragged = null;
    const off = Math.abs(this.window[0] - range[0]) + Math.abs(this.window[1] - range[1]);
    if (off > 0.01) this.Plotly.relayout(this.plot, { "xaxis.range": this.window.slice() });
    this.remember();
    this.settle();
  }

  // Axis coordinate under a client x coordinate, and back.
  at(clientX) {
    const axis = this.plot._fullLayout.xaxis;
    return axis.p2d(clientX - this.plot.getBoundingClientRect().left - axis._offset);
  }

  pixel(x) {
    const axis = this.plot._fullLayout.xaxis;
    return axis.d2p(x) + axis._offset;
  }

  // A wheel zooms once the figure has the focus, or with Ctrl; else the page scrolls.
  onWheel(event) {
    const mine = event.ctrlKey || event.metaKey || this.plot.contains(document.activeElement);
    if (!mine || !this.tile) return;
    event.preventDefault();
    event.stopPropagation();
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    this.wheel ??= { zoom: 0, pan: 0, x: 0 };
    this.wheel.x = this.at(event.clientX);
    if (sideways) this.wheel.pan += (event.deltaX || event.deltaY) / this.pixels;
    else this.wheel.zoom += Math.max(-400, Math.min(400, event.deltaY)) / 400;
    this.wheelFrame ??= requestAnimationFrame(() => this.tryTo(() => this.turn()));
  }

  async turn() {
    try {
      while (this.wheel) { // turned on while the figure was redrawn
        const { zoom, pan, x } = this.wheel;
        this.wheel = null;
        if (zoom) await this.zoom(2 ** zoom, x);
        if (pan) await this.pan(pan);
      }
    } finally {
      this.wheelFrame = null;
    }
  }

  onMove(event) {
    if (!this.tile || !this.plot._fullLayout?.xaxis) return;
    const x = this.at(event.clientX);
    const inside = x >= this.window[0] && x <= this.window[1];
    this.emit("point", inside ? Math.round(x) : null);
  }

  destroy() {
    clearTimeout(this.settleLater);
    clearTimeout(this.rememberLater);
    clearTimeout(this.resizeLater);
    this.resized.disconnect();
    this.Plotly.purge(this.plot);
  }
}

function samePlace(one, other) {
  return one?.contig.chrom === other.contig.chrom
    && one.window.every((edge, side) => Math.abs(edge - other.window[side]) < 1);
}

// Names of genes stay in sight while their body is.
function stickyNames(trace, left, right) {
  const reach = toRows(trace.customdata);
  const x = Array.from(toArray(trace.x));
  const side = (number) =>
    Array.isArray(trace.textposition) ? trace.textposition[number] : trace.textposition;
  reach.forEach(([start, end], number) => {
    if (side(number) === "middle left") {
      if (start < right && end > right) x[number] = right;
    } else if (start < left && end > left) x[number] = left;
  });
  return { ...trace, x };
}
