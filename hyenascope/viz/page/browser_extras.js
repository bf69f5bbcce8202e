// Around a LocusBrowser: tracks, model options, work in progress, regions, files.

EXTRAS.browser = (view, bar, link, facts) => {
  const panel = new TrackPanel(bar, link);
  const tracksButton = button("Tracks", "Add, remove, order and resize tracks", () => panel.toggle());
  tracksButton.setAttribute("aria-expanded", "false");
  panel.opener = tracksButton;
  const strands = choiceOf("Strand", ["both", "forward", "reverse"], (value) => link.tell("option", { strands: value }),
    (value) => (value === "both" ? "both strands" : value));
  const windows = choiceOf("Bases after a change", [], (value) => link.tell("option", { window: Number(value) }), (value) => `W ${value} bp`);
  const files = fileMenu(view, bar, link);
  bar.bar.append(tracksButton, strands, windows, files);
  const regions = new RegionActions(view, bar, link);
  const work = new WorkLine(bar, link);
  const update = (state) => {
    panel.update(state);
    regions.update(state.actions);
    strands.value = state.strands;
    strands.hidden = windows.hidden = !state.has_model;
    windows.fill(state.windows, state.window);
  };
  update(facts.state);
  link.on("state", ({ state }) => update(state));
  link.on("progress", (progress) => work.update(progress));
  if (facts.table) bar.root.append(new VariantTable(link, facts.table).box);
};

function choiceOf(title, values, chosen, label = (value) => value) {
  const select = element("select", { title });
  select.setAttribute("aria-label", title);
  select.fill = (options, value) => {
    select.replaceChildren(...options.map((option) => element("option", { value: option, textContent: label(option) })));
    select.value = value;
  };
  select.fill(values, values[0]);
  select.addEventListener("change", () => chosen(select.value));
  return select;
}

class TrackPanel {
  constructor(bar, link) {
    Object.assign(this, { bar, link });
    this.box = element("div", { className: "hs-panel", hidden: true });
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", "Tracks");
    bar.bar.after(this.box);
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // closing is all that it does
      this.toggle(false);
    });
  }

  toggle(open = this.box.hidden) {
    this.box.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
    (open ? this.box.querySelector("input, button") : this.opener)?.focus();
  }

  update({ tracks, addable }) {
    const focused = this.box.contains(document.activeElement) && document.activeElement;
    const held = focused ? focused.dataset.key ?? "none" : null; // stay there
    const change = (what, id, more = {}) => this.link.tell("track", { what, id, ...more });
    const rows = tracks.map((track, number) => {
      const shown = element("input", { type: "checkbox", checked: track.visible, dataset: { key: `show-${track.id}` } });
      shown.addEventListener("change", () => change("show", track.id, { visible: shown.checked }));
      const act = (sign, title, what, more, disabled = false) =>
        button(sign, `${title} ${track.label}`, () => change(what, track.id, more), { disabled, dataset: { key: `${title}-${track.id}` } });
      return element("li", {},
        element("label", {}, shown, ` ${track.label}`),
        act("↑", "Move up", "move", { by: -1 }, number === 0),
        act("↓", "Move down", "move", { by: 1 }, number === tracks.length - 1),
        act("−", "Make lower:", "resize", { factor: 1 / 1.35 }),
        act("+", "Make higher:", "resize", { factor: 1.35 }),
        act("✕", "Remove", "remove", {}, tracks.length === 1));
    });
    const adding = addable.map(({ kind, label }) => button(`+ ${label}`, `Add ${label}`, () => change("add", kind)));
    const undo = button("Undo", "Undo the last change of the tracks", () => change("undo", ""));
    this.box.replaceChildren(element("ol", {}, ...rows), element("div", { className: "hs-add" }, ...adding, undo));
    if (!held) return;
    const again = this.box.querySelector(`[data-key="${CSS.escape(held)}"]:enabled`);
    (again ?? this.box.querySelector("input")).focus();
  }
}

// Marked stretch: what to do with it.
class RegionActions {
  constructor(view, bar, link) {
    Object.assign(this, { view, bar, link });
    this.box = element("div", { className: "hs-regionbar", hidden: true });
    bar.status.before(this.box);
    view.on("select", (region) => this.show(region));
    view.plot.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && view.selection.region) this.zoom();
    });
  }

  update(actions) {
    this.actions = actions;
  }

  zoom() {
    const { region } = this.view.selection;
    this.view.selection.clear();
    this.view.go(...region);
  }

  show(region) {
    this.box.hidden = !region;
    if (!region) return;
    const { chrom } = this.view.contig;
    const told = { chrom, region };
    this.box.replaceChildren(
      element("span", { textContent: `${formatWindow(chrom, region)} · ${region[1] - region[0]} bp` }),
      button("Zoom in", "Zoom to the marked stretch (Enter)", () => this.zoom()),
      ...this.actions.map(({ name, label }) => button(label, `${label} of the marked stretch`, () => this.link.tell("act", { name, ...told }))),
      button("✕", "Forget the mark (Esc)", () => this.view.selection.clear()));
  }
}

// What the model is doing, and a way to stop it.
class WorkLine {
  constructor(bar, link) {
    this.meter = element("progress", { max: 1, value: 0 });
    this.text = element("span");
    this.box = element("div", { className: "hs-work", hidden: true }, this.meter, this.text,
      button("Cancel", "Stop computing (Esc)", () => link.tell("cancel")));
    bar.status.before(this.box);
  }

  update({ label, done, total }) {
    this.box.hidden = done >= total;
    this.meter.value = total ? done / total : 0;
    this.text.textContent = `${label} ${Math.round(100 * this.meter.value)} %`;
  }
}

function download(name, blob) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Images are drawn by the page; what needs the data comes from the kernel.
function fileMenu(view, bar, link) {
  const names = { png: "PNG", svg: "SVG", pdf: "PDF", html: "HTML page", bigwig: "bigWig", tsv: "TSV", python: "Copy Python" };
  const save = async (kind) => {
    list.hidden = true;
    view.plot.focus({ preventScroll: true });
    bar.say("Saving …");
    try {
      bar.say(await saveAs(kind, view, link));
    } catch (error) {
      bar.say(error.message, { error: true });
    }
  };
  const list = element("div", { className: "hs-choices", hidden: true },
    ...Object.entries(names).map(([kind, name]) => button(name, `Save or copy: ${name}`, () => save(kind), { dataset: { kind } })));
  const opener = button("Save", "Save or copy this view", () => {
    list.hidden = !list.hidden;
    opener.setAttribute("aria-expanded", String(!list.hidden));
    if (!list.hidden) list.firstChild.focus();
  });
  opener.setAttribute("aria-expanded", "false");
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextSibling", ArrowUp: "previousSibling" }[event.key];
    if (step) document.activeElement[step]?.focus();
    if (event.key === "Escape") {
      list.hidden = true;
      opener.focus();
    }
    if (step || event.key === "Escape") event.stopPropagation();
  });
  return element("span", { className: "hs-menubutton" }, opener, list);
}

async function saveAs(kind, view, link) {
  const { chrom } = view.contig;
  const name = `${formatWindow(chrom, view.window)}`.replace(/[^\w.-]+/g, "_");
  if (kind === "png" || kind === "svg") {
    const ground = isDark() ? "#111418" : "#ffffff";
    const { width, height } = view.plot._fullLayout;
    const layout = { ...view.plot.layout, paper_bgcolor: ground };
    const url = await view.Plotly.toImage(
      { data: view.plot.data, layout, config: {} }, { format: kind, width, height, scale: 2 });
    const image = await dataBlob(url);
    const label = view.plot.getAttribute("aria-label");
    download(`${name}.${kind}`, kind === "svg" ? await titled(image, label) : image);
    return `Saved ${name}.${kind}`;
  }
  const place = { chrom, left: view.window[0], right: view.window[1], theme: themeName() };
  const answer = await link.ask("save", { format: kind, ...place });
  if (answer.error) throw new Error(answer.error);
  if (kind === "python") {
    return copied(answer.text);
  }
  download(answer.name, new Blob([answer.buffers[0]]));
  return `Saved ${answer.name}`;
}

// What the picture shows, for those who cannot see it.
async function titled(svg, label) {
  const title = new XMLSerializer().serializeToString(element("title", { textContent: label }));
  const text = await svg.text();
  const named = text.replace(/<svg [^>]*>/, (head) => `${head}${title.replace(/ xmlns="[^"]*"/, "")}`);
  return new Blob([named], { type: svg.type });
}

async function dataBlob(url) {
  const [head, body] = [url.slice(0, url.indexOf(",")), url.slice(url.indexOf(",") + 1)];
  const text = head.endsWith(";base64") ? atob(body) : decodeURIComponent(body);
  const bytes = head.endsWith(";base64") ? Uint8Array.from(text, (letter) => letter.charCodeAt(0)) : text;
  return new Blob([bytes], { type: head.slice(5).split(";")[0] });
}

// Variants, strongest first: a row sends the view to its place.
class VariantTable {
  constructor(link, { columns, rows, total }) {
    this.rows = rows;
    const head = element("tr", {}, ...columns.map((name, column) => {
      const cell = element("th", { scope: "col" }, button(name, `Sort by ${name}`, () => this.sort(column)));
      return cell;
    }));
    this.heads = head.cells;
    this.body = element("tbody");
    const filter = element("input", { type: "search", placeholder: "Filter variants" });
    filter.setAttribute("aria-label", "Filter variants");
    filter.addEventListener("input", () => this.filter(filter.value));
    this.wanted = "";
    const all = total.toLocaleString("en-US");
    this.among = rows.length < total ? ` of the strongest ${rows.length.toLocaleString("en-US")}` : "";
    this.count = element("span", { className: "hs-span", textContent: this.among ? `strongest ${rows.length.toLocaleString("en-US")} of ${all}` : `${all} variants` });
    const scroll = element("div", { className: "hs-scroll" }, element("table", {}, element("thead", {}, head), this.body));
    this.box = element("details", { className: "hs-variants" },
      element("summary", { textContent: `Variants (${total.toLocaleString("en-US")})` }),
      element("div", { className: "hs-bar" }, filter, this.count), scroll);
    this.order = { column: null, down: false };
    this.go = (row) => link.tell("variant", { row: row.row });
    this.fill(rows);
  }

  fill(rows) {
    this.body.replaceChildren(...rows.map((row) => {
      const line = element("tr", { tabIndex: 0 }, ...row.cells.map((text) => element("td", { textContent: text })));
      line.addEventListener("click", () => this.go(row));
      line.addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.go(row);
      });
      return line;
    }));
  }

  sort(column) {
    const down = this.order.column === column ? !this.order.down : false;
    this.order = { column, down };
    const key = (row) => row.keys[column];
    const known = this.rows.filter((row) => key(row) !== null);
    const unknown = this.rows.filter((row) => key(row) === null);
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
    known.sort((a, b) => (down ? -1 : 1) * compare(key(a), key(b)));
    this.rows = [...known, ...unknown];
    this.filter(this.wanted);
    for (const [number, cell] of [...this.heads].entries()) {
      if (number === column) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  filter(text) {
    this.wanted = text.trim().toLowerCase();
    const hits = this.rows.filter((row) => row.cells.join(" ").toLowerCase().includes(this.wanted));
    this.count.textContent = `${hits.length.toLocaleString("en-US")}${this.among} shown`;
    this.fill(hits);
  }
}
