// What surrounds a view: search, history, zoom, keys, the line of values, messages.

function element(tag, properties = {}, ...children) {
  const { dataset, style, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  Object.assign(made.style, style);
  made.append(...children);
  return made;
}

function button(sign, title, action, more = {}) {
  const made = element("button", { type: "button", textContent: sign, title, ...more });
  made.setAttribute("aria-label", title);
  made.addEventListener("click", action);
  return made;
}

const formatWindow = (chrom, [left, right]) =>
  `${chrom}:${formatPosition(Math.ceil(left))}-${formatPosition(Math.floor(right))}`;

class LocusToolbar {
  // `find(query)` answers {choices: [{label, left, right, contig}], message}.
  constructor(root, view, find) {
    Object.assign(this, { root, view, find });
    this.search = element("input", {
      type: "search", className: "hs-search", spellcheck: false, autocomplete: "off",
      placeholder: "Place, gene or variant", title: "A place, gene or variant, then Enter (key: /)",
    });
    this.search.setAttribute("aria-label", "Place, gene or variant");
    const form = element("div", { className: "hs-find" }, this.search);
    form.setAttribute("role", "search");
    // Not a form: JupyterLab keeps Enter from submitting one.
    this.search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it would press the first choice as well
      this.look(this.search.value);
    });
    this.backButton = button("←", "Back (Alt + ←)", () => view.back(), { disabled: true });
    this.forwardButton = button("→", "Forward (Alt + →)", () => view.forward(), { disabled: true });
    this.selectButton = button("⬚", "Mark a stretch (Shift + drag, key: S)", () => this.toggleSelect());
    this.selectButton.setAttribute("aria-pressed", "false");
    this.span = element("span", { className: "hs-span" });
    this.bar = element("div", { className: "hs-bar" },
      this.backButton, this.forwardButton, form, this.span,
      button("−", "Zoom out (−)", () => view.zoom(2)),
      button("+", "Zoom in (+)", () => view.zoom(0.5)),
      button("⤢", "Show the first view again (Home)", () => view.goHome()),
      this.selectButton);
    this.bar.setAttribute("role", "toolbar");
    this.bar.setAttribute("aria-label", "Genome browser");
    this.choices = element("div", { className: "hs-choices", hidden: true });
    this.choices.setAttribute("role", "listbox");
    this.status = element("div", { className: "hs-status" });
    this.status.setAttribute("role", "status");
    this.readout = element("div", { className: "hs-readout", textContent: "\u00a0" });
    root.prepend(this.bar, this.choices);
    root.append(this.readout, this.status);
    root.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab keeps its keys
    root.addEventListener("keydown", (event) => this.onKey(event));
    view.on("window", () => this.name());
    view.on("history", ({ past, future }) => {
      this.backButton.disabled = past.length < 2;
      this.forwardButton.disabled = future.length === 0;
    });
    view.on("point", (position) => this.tell(position));
    view.on("error", (error) => this.say(error.message, { error: true }));
    this.name();
  }

  name() {
    const { window: shown, span } = this.view;
    const place = formatWindow(this.view.contig.chrom, shown);
    if (document.activeElement !== this.search) this.search.value = place;
    this.view.plot.setAttribute("aria-label", `Genome tracks at ${place}`);
    this.span.textContent = `${Math.round(span).toLocaleString("en-US")} bp`;
  }

  say(message, { error = false } = {}) {
    this.status.textContent = message;
    this.status.classList.toggle("hs-error", error);
  }

  async look(query) {
    this.choices.hidden = true;
    const found = await this.view.tryTo(() => this.find(query));
    if (!found) return;
    const { choices = [], message = "", error } = found;
    this.say(error ?? message, { error: choices.length === 0 });
    if (choices.length === 1) this.take(choices[0]);
    else if (choices.length) this.offer(choices);
    else this.search.select();
  }

  take({ left, right, contig, mark }) {
    this.choices.hidden = true;
    this.search.blur();
    this.view.jump(left, right, { contig });
    if (mark) this.view.selection.show(mark);
    this.view.plot.focus({ preventScroll: true });
  }

  offer(choices) {
    const options = choices.map((choice) => {
      const option = button(choice.label, choice.label, () => this.take(choice));
      option.setAttribute("role", "option");
      return option;
    });
    this.choices.replaceChildren(...options);
    this.choices.hidden = false;
    options[0].focus();
  }

  toggleSelect(on = !this.view.selection.active) {
    this.view.selection.active = on;
    this.view.plot.classList.toggle("hs-selecting", on);
    this.selectButton.setAttribute("aria-pressed", String(on));
  }

  tell(position) {
    if (position === null) {
      this.readout.textContent = "\u00a0";
      return;
    }
    if (!this.view.tile) return;
    const base = baseAt(this.view.tile.letters, position);
    const place = `${this.view.contig.chrom}:${formatPosition(position)} ${base}`.trim();
    this.readout.textContent = [place, ...valuesAt(this.view.plot, position)].join("   ·   ");
  }

  onKey(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      event.preventDefault(); // it would empty the search box
      this.escape();
      event.stopPropagation();
      return;
    }
    if (typing) {
      event.stopPropagation(); // a notebook has shortcuts of one letter
      return;
    }
    if (event.defaultPrevented) return;
    const { view } = this;
    const name = `${event.altKey ? "Alt+" : ""}${event.key}`;
    const action = {
      "Alt+ArrowLeft": () => view.back(),
      "Alt+ArrowRight": () => view.forward(),
      ArrowLeft: () => view.pan(event.shiftKey ? -0.9 : -0.25),
      ArrowRight: () => view.pan(event.shiftKey ? 0.9 : 0.25),
      "+": () => view.zoom(0.5),
      "=": () => view.zoom(0.5),
      "-": () => view.zoom(2),
      Home: () => view.goHome(),
      "/": () => {
        this.search.focus();
        this.search.select();
      },
      s: () => this.toggleSelect(),
    }[name];
    if (!action || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  // One thing at a time, the nearest first.
  escape() {
    const { view } = this;
    const inside = document.activeElement !== view.plot
      && this.root.contains(document.activeElement);
    if (inside) {
      this.choices.hidden = true;
      this.search.blur();
      this.name();
      view.plot.focus({ preventScroll: true });
    } else if (view.selection.active) this.toggleSelect(false);
    else if (view.selection.region) view.selection.clear();
    else view.emit("escape", null);
  }
}
