// A stretch the user marks: Shift + drag, or drag while selecting is switched on.

class RegionSelection {
  constructor(view) {
    this.view = view;
    this.active = false; // without Shift
    this.region = null; // edges on the axis, on base boundaries
    this.box = document.createElement("div");
    this.box.className = "hs-region";
    this.box.hidden = true;
    view.plot.append(this.box);
    // Plotly pans on mousedown: be first.
    view.plot.addEventListener("mousedown", (event) => this.start(event), { capture: true });
  }

  start(event) {
    const { view } = this;
    if (event.button !== 0 || !(event.shiftKey || this.active) || !view.tile) return;
    const from = view.at(event.clientX);
    if (from < view.window[0] || from > view.window[1]) return;
    event.preventDefault();
    event.stopPropagation();
    view.plot.focus({ preventScroll: true });
    const move = (next) => this.set(from, view.at(next.clientX));
    const stop = (last) => {
      window.removeEventListener("mousemove", move, true);
      window.removeEventListener("mouseup", stop, true);
      move(last);
      view.emit("select", this.region);
    };
    window.addEventListener("mousemove", move, true);
    window.addEventListener("mouseup", stop, true);
  }

  set(one, other) {
    const low = Math.max(Math.min(one, other), this.view.contig.left);
    const high = Math.min(Math.max(one, other), this.view.contig.right);
    this.region = [Math.floor(low - 0.5) + 0.5, Math.ceil(high - 0.5) + 0.5];
    if (this.region[0] === this.region[1]) this.region[1] += 1;
    this.place();
  }

  // Mark a stretch that nobody dragged.
  show(region) {
    this.region = region.slice();
    this.place();
    this.view.emit("select", this.region);
  }

  clear() {
    if (!this.region) return;
    this.region = null;
    this.place();
    this.view.emit("select", null);
  }

  place() {
    const { plot, window: shown } = this.view;
    if (this.box.parentNode !== plot) plot.append(this.box); // Plotly empties its element
    const layout = plot._fullLayout;
    this.box.hidden = !this.region || !layout || this.region[1] < shown[0] || this.region[0] > shown[1];
    if (this.box.hidden) return;
    const left = this.view.pixel(Math.max(this.region[0], shown[0]));
    const right = this.view.pixel(Math.min(this.region[1], shown[1]));
    Object.assign(this.box.style, {
      left: `${left}px`, width: `${right - left}px`,
      top: `${layout._size.t}px`, height: `${layout._size.h}px`,
    });
  }
}
