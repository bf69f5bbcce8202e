// Around a MutagenesisExplorer: a cursor on the bases, edits, haplotypes, outcomes.

EXTRAS.explorer = (view, bar, link, facts) => {
  const edits = new EditBar(view, bar, link);
  const cursor = new BaseCursor(view, bar, edits);
  edits.cursor = cursor;
  edits.update(facts.state);
  link.on("state", ({ state }) => {
    edits.update(state);
    cursor.refresh();
  });
};

// The base that keys act on: click it, move it with the arrows, Esc forgets it.
class BaseCursor {
  constructor(view, bar, edits) {
    Object.assign(this, { view, bar, edits, position: null });
    this.box = element("div", { className: "hs-cursor", hidden: true });
    this.menu = element("div", { className: "hs-menu", hidden: true });
    this.menu.setAttribute("role", "group");
    this.menu.setAttribute("aria-label", "Change this base");
    view.on("click", ({ x }) => this.put(Math.round(x)));
    view.on("drawn", () => this.place());
    view.on("window", () => this.place());
    view.on("escape", () => this.put(null));
    // Before the toolbar, which would pan.
    view.plot.addEventListener("keydown", (event) => this.onKey(event));
  }

  put(position) {
    const { editable, chrom } = this.edits.state;
    const here = this.view.contig.chrom === chrom && this.view.tile;
    const inside = position !== null && here && position > editable[0] && position < editable[1];
    this.position = inside ? position : null;
    if (position !== null && !inside) {
      this.bar.say(`Bases from ${formatWindow(chrom, editable)} can be changed.`, { error: true });
    }
    if (inside) this.fill();
    this.place();
  }

  // The base may be another one now; what is being typed stays.
  refresh() {
    if (this.position === null) return;
    const away = this.view.contig.chrom !== this.edits.state.chrom || !this.view.tile;
    if (away) this.position = null;
    else if (document.activeElement !== this.insertion) {
      const held = this.menu.contains(document.activeElement);
      this.fill();
      if (held) this.view.plot.focus({ preventScroll: true });
    }
    this.place();
  }

  fill() {
    const { position, edits } = this;
    const change = (base) => button(base, `Change base ${formatPosition(position)} to ${base}`,
      () => edits.send({ op: "substitute", pos: position, text: base }), { className: `hs-base hs-${base}` });
    const text = element("input", { type: "text", size: 6, placeholder: "insert", spellcheck: false });
    text.setAttribute("aria-label", `Insert bases after ${formatPosition(position)}`);
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && text.value) {
        edits.send({ op: "insert", pos: position, text: text.value });
        this.view.plot.focus({ preventScroll: true });
      }
    });
    this.insertion = text;
    const name = element("span", { textContent: `${formatPosition(position)} ${baseAt(this.view.tile.letters, position)}` });
    this.menu.replaceChildren(name, ...["A", "C", "G", "T"].map(change), text,
      button("✕", `Delete base ${formatPosition(position)} (Delete)`, () => edits.send({ op: "delete", pos: position })));
  }

  place() {
    const { plot, window: shown } = this.view;
    for (const part of [this.box, this.menu]) if (part.parentNode !== plot) plot.append(part);
    const seen = this.position !== null && this.view.tile && plot._fullLayout
      && this.position > shown[0] - 0.5 && this.position < shown[1] + 0.5;
    this.box.hidden = this.menu.hidden = !seen;
    if (!seen) return;
    const { _size: size } = plot._fullLayout;
    const [left, right] = [this.view.pixel(this.position - 0.5), this.view.pixel(this.position + 0.5)];
    Object.assign(this.box.style, {
      left: `${left}px`, width: `${Math.max(right - left, 2)}px`, top: `${size.t}px`, height: `${size.h}px`,
    });
    const most = plot.clientWidth - this.menu.offsetWidth - 4;
    Object.assign(this.menu.style, { left: `${Math.max(4, Math.min(left - 60, most))}px`, top: `${size.t + 2}px` });
  }

  onKey(event) {
    if (event.target !== this.view.plot) return;
    const { edits, position } = this;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      edits.send({ op: key === "y" || event.shiftKey ? "redo" : "undo" });
    } else if (event.ctrlKey || event.metaKey || event.altKey || position === null) {
      return;
    } else if (/^[acgt]$/.test(key)) {
      edits.send({ op: "substitute", pos: position, text: key.toUpperCase() });
    } else if (key === "delete" || key === "backspace") {
      edits.send({ op: "delete", pos: position });
    } else if (key === "i" || key === "insert") {
      this.insertion.focus();
    } else if (key === "arrowleft" || key === "arrowright") {
      this.step(key === "arrowleft" ? -1 : 1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  step(by) {
    const { editable } = this.edits.state;
    const next = Math.min(Math.max(this.position + by, Math.ceil(editable[0])), Math.floor(editable[1]));
    this.put(next);
    const [left, right] = this.view.window;
    if (next < left + 1) this.view.pan(-0.25);
    else if (next > right - 1) this.view.pan(0.25);
  }
}

class EditBar {
  constructor(view, bar, link) {
    Object.assign(this, { view, bar, link });
    this.undo = button("↶", "Undo (Ctrl + Z)", () => this.send({ op: "undo" }));
    this.redo = button("↷", "Redo (Ctrl + Y)", () => this.send({ op: "redo" }));
    this.tabs = element("span", { className: "hs-tabs" });
    this.tabs.setAttribute("role", "tablist");
    this.tabs.setAttribute("aria-label", "Haplotypes");
    this.chips = element("span", { className: "hs-chips" });
    this.record = element("input", { type: "text", size: 22, spellcheck: false, placeholder: "Variant: pos ref>alt or ID" });
    this.record.setAttribute("aria-label", "Apply a variant, by ID or as pos ref>alt");
    this.record.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.record.value) this.send({ op: "load", text: this.record.value });
    });
    const copy = button("Copy state", "Copy this session as JSON", () => this.copy());
    const paste = button("Paste state", "Take a session up from JSON", () => this.paste());
    this.outcome = element("div", { className: "hs-outcome" });
    this.box = element("div", { className: "hs-bar" }, this.undo, this.redo, this.tabs,
      button("Clear", "Remove all edits of this haplotype", () => this.send({ op: "clear" })),
      this.record, copy, paste);
    this.list = element("div", { className: "hs-bar" }, this.chips);
    bar.bar.after(this.box, this.list);
    bar.readout.before(this.outcome);
  }

  // One question, one answer: the new numbers come back drawn.
  async send(edit) {
    const wish = this.view.newWish();
    const answer = await this.link.ask("edit", { ...edit, wish: { ...wish, theme: themeName() } });
    this.bar.say(answer.error ?? answer.message ?? "", { error: Boolean(answer.error) });
    if (answer.state) this.update(answer.state);
    if (answer.tile) await this.view.show(answer.tile, wish);
    this.cursor.refresh();
    return answer;
  }

  update(state) {
    this.state = state;
    this.undo.disabled = !state.can_undo;
    this.redo.disabled = !state.can_redo;
    const tabs = state.haplotypes.map(({ name, selected }, number) => {
      const tab = button(name, `Haplotype ${name}`, () => this.send({ op: "select", number }));
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(selected));
      tab.setAttribute("aria-pressed", String(selected));
      return tab;
    });
    const add = button("+", "Another haplotype, a copy of this one", () => this.send({ op: "duplicate" }), { disabled: !state.can_add });
    const drop = button("−", "Remove this haplotype", () => this.send({ op: "remove" }), { disabled: state.haplotypes.length < 2 });
    this.tabs.replaceChildren(...tabs, add, drop);
    this.chips.replaceChildren(...(state.edits.length ? state.edits.map(({ text, start }, number) => element("span", { className: "hs-chip" },
      button(text, `Go to ${text}`, () => { this.cursor.put(start); this.view.plot.focus({ preventScroll: true }); }),
      button("✕", `Take back ${text}`, () => this.send({ op: "drop", number, text })))) : [element("span", { className: "hs-span",
      textContent: "Click a base, then a letter; keys A C G T, Delete, I to insert, ← → to move." })]));
    this.outcome.replaceChildren(outcomeTable(state.outcome));
    this.cursor?.place();
  }

  async copy() {
    const { text } = await this.link.ask("state");
    this.bar.say(await copied(text));
  }

  async paste() {
    const text = await navigator.clipboard?.readText().catch(() => "");
    if (text) this.send({ op: "restore", text });
    else this.bar.say("The clipboard holds no text this page may read; in Python: explorer.restore(text).", { error: true });
  }
}

function outcomeTable({ columns, rows }) {
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col", textContent: name })));
  const lines = rows.map((cells) => element("tr", {}, ...cells.map((text, number) =>
    element(number ? "td" : "th", { textContent: text, ...(number ? {} : { scope: "row" }) }))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
}
