// A view inside a notebook: tiles, search and news come from the kernel by messages.

const KERNEL_PATIENCE = 4000; // ms before the reader is told
const RETRY = 3000;

// Questions and answers over one widget model; several views may share it.
class KernelLink {
  constructor(model) {
    Object.assign(this, { model, open: new Map(), listeners: {}, next: 0 });
    this.timers = new Set();
    this.late = () => {}; // what to do when the kernel keeps one waiting
    this.id = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
    this.receive = (message, buffers) => {
      const waiting = message.to === undefined || message.to.startsWith(this.id)
        ? this.open.get(message.to) : undefined;
      if (waiting) {
        this.open.delete(message.to);
        waiting({ ...message, buffers });
      } else if (message.to === undefined) {
        for (const listener of this.listeners[message.kind] ?? []) listener(message);
      }
    };
    model.on("msg:custom", this.receive);
  }

  on(kind, listener) {
    (this.listeners[kind] ??= []).push(listener);
  }

  tell(kind, content = {}) {
    if (!this.send({ kind, ...content })) this.late();
  }

  // A kernel that is gone makes the widget manager throw.
  send(message) {
    try {
      this.model.send(message);
      return true;
    } catch {
      return false;
    }
  }

  // With `retry` the question is asked again until it is answered: an answer can be
  // lost while a page is still setting up.
  ask(kind, content = {}, { retry = 0, late = () => this.late() } = {}) {
    const from = `${this.id}:${this.next++}`;
    return new Promise((answer) => {
      let again;
      const slow = setTimeout(late, KERNEL_PATIENCE);
      this.timers.add(slow);
      this.open.set(from, (message) => {
        clearInterval(again);
        clearTimeout(slow);
        answer(message);
      });
      const send = () => {
        if (!this.send({ kind, from, ...content })) late();
      };
      if (retry) this.timers.add(again = setInterval(send, retry));
      send();
    });
  }

  close() {
    this.model.off("msg:custom", this.receive);
    this.open.clear();
    for (const timer of this.timers) clearInterval(timer); // of timeouts, too
  }
}

// plotly.js is sent once per page, whichever view asks first; every view asks anew
// until it is there, so that one lost answer blanks nobody.
const PLOTLY_KEY = `__hyenascope_plotly_4_1_1`;

async function loadPlotly(link) {
  const page = (globalThis[PLOTLY_KEY] ??= {});
  if (page.library) return page.library;
  await new Promise((done) => setTimeout(done, page.asked ? 300 : 0));
  page.asked = true;
  while (!page.library) {
    const answer = await Promise.race([
      link.ask("plotly", {}, { retry: RETRY }),
      new Promise((done) => {
        const poll = setInterval(() => {
          if (!page.library) return;
          clearInterval(poll);
          done(null);
        }, 100);
        link.timers.add(poll);
      }),
    ]);
    if (page.library || !answer) break;
    const stream = new Blob([answer.buffers[0]]).stream().pipeThrough(new DecompressionStream("gzip"));
    const code = await new Response(stream).text();
    if (page.library) break;
    const module = { exports: {} };
    new Function("module", "exports", "define", code)(module, module.exports, undefined);
    page.library = module.exports;
  }
  return page.library;
}

// Whether the page is dark: JupyterLab and VS Code say so, others by their colour.
function isDark() {
  const { body } = document;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (body.dataset.vscodeThemeKind) return !/light/.test(body.dataset.vscodeThemeKind);
  const [red, green, blue, alpha = 1] = (getComputedStyle(body).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
  if (!alpha || red === undefined) return matchMedia("(prefers-color-scheme: dark)").matches;
  return red + green + blue < 384;
}

const themeName = () => (isDark() ? "dark" : "light");

function watchTheme(changed) {
  let last = themeName();
  const look = () => {
    const now = themeName();
    if (now !== last) changed((last = now));
  };
  const observer = new MutationObserver(look);
  const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind", "class", "style"];
  observer.observe(document.body, { attributes: true, attributeFilter });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "theme"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", look);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", look);
  };
}

class KernelSource {
  constructor(link, say) {
    Object.assign(this, { link, say });
    link.late = () => this.late();
  }

  late() {
    this.waited = true;
    this.say("The kernel is busy or gone; this is the last picture.", { error: true });
  }

  async tile(wish) {
    const answer = await this.link.ask("look", { ...wish, theme: themeName() });
    if (this.waited) this.say("");
    this.waited = false;
    if (answer.error) this.say(answer.error, { error: true });
    return answer.tile;
  }
}

// Only some pages may write to the clipboard; the text is shown either way.
async function copied(text) {
  const line = text.split("\n").join("  ");
  try {
    await navigator.clipboard.writeText(text);
    return `Copied:  ${line}`;
  } catch {
    return `This page may not copy; here it is:  ${line}`;
  }
}

// What a widget adds to the plain view, by the name that Python gives.
const EXTRAS = {};

async function openView(root, link) {
  const Plotly = await loadPlotly(link);
  performance.mark("hyenascope-library");
  const facts = await link.ask("hello", {}, { retry: RETRY });
  root.replaceChildren();
  let bar = null;
  const source = new KernelSource(link, (message, how) => bar?.say(message, how));
  const { contig, glyphs, label } = facts;
  const view = new LocusView(root, Plotly, source, { contig, glyphs, label, window: facts.window });
  bar = new LocusToolbar(root, view, (query) =>
    link.ask("find", { query, chrom: view.contig.chrom, left: view.window[0], right: view.window[1] }));
  link.on("go", ({ left, right, contig: to }) => view.jump(left, right, { contig: to }));
  link.on("refresh", ({ except = "" }) => {
    if (!except.startsWith(link.id)) view.tryTo(() => view.ask());
  });
  link.on("say", ({ message, error }) => bar.say(message, { error }));
  let tellLater;
  view.on("window", () => {
    clearTimeout(tellLater);
    tellLater = setTimeout(() => {
      link.tell("window", { chrom: view.contig.chrom, left: view.window[0], right: view.window[1] });
    }, 150);
  });
  view.on("select", (region) => link.tell("select", { chrom: view.contig.chrom, region }));
  view.on("escape", () => link.tell("cancel"));
  EXTRAS[facts.extras]?.(view, bar, link, facts);
  root.view = view;
  view.remember();
  await view.ask();
  performance.mark("hyenascope-drawn");
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "hs-locus";
  root.dataset.state = "loading";
  root.dataset.theme = themeName();
  root.textContent = "Loading the tracks …";
  el.append(root);
  const link = new KernelLink(model);
  const failed = (error) => {
    root.dataset.state = "failed";
    root.append(` ${error.message}`);
    console.error(error);
  };
  // Not awaited: a slow page must not make the notebook give the widget up.
  openView(root, link).catch(failed);
  const forgetTheme = watchTheme((name) => {
    root.dataset.theme = name;
    root.view?.tryTo(() => root.view.ask());
  });
  return () => {
    forgetTheme();
    link.close();
    root.view?.destroy();
  };
}
