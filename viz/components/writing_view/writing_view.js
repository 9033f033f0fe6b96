// The writing view. Every step of a translation arrives once; next and back are switched here, and
// only where the student is goes back to Python, so that the link can follow.

const TELL_MS = 400;

const views = new WeakMap();

export default function writingView({ data, parentElement, setStateValue }) {
  const view = views.get(parentElement) ?? new WritingView(parentElement);
  views.set(parentElement, view);
  view.report = (step) => setStateValue("step", step);
  view.receive(data);
  return () => {
    view.remove();
    views.delete(parentElement);
  };
}

class WritingView {
  constructor(parent) {
    this.build(parent);
    this.root.addEventListener("keydown", (event) => this.press(event));
    // A presenter's remote control types into the page, wherever the focus is; never into a box.
    this.anywhere = (event) => {
      const stepping = ["ArrowRight", "ArrowLeft"].includes(event.key);
      if (event.target === document.body && stepping) this.press(event);
    };
    document.addEventListener("keydown", this.anywhere);
  }

  receive(message) {
    const before = this.message;
    this.message = message;
    if (!before) this.step = message.step;
    else if (before.run !== message.run) this.go(0);
    this.draw();
  }

  remove() {
    clearTimeout(this.waiting);
    document.removeEventListener("keydown", this.anywhere);
    this.root.remove();
  }

  // ---- what the student does -----------------------------------------------------------------

  press(event) {
    if (!this.message || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const [before, after] = [this.step - 1, this.step + 1];
    const to = {
      ArrowRight: after,
      ArrowLeft: before,
      PageDown: after, // what a presenter's remote control sends
      PageUp: before,
      Home: 0,
      End: Infinity,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has hotkeys of its own
    this.go(to);
  }

  go(step) {
    const to = Math.max(0, Math.min(this.message.steps.length - 1, step));
    if (to === this.step) return;
    this.step = to;
    this.draw();
    clearTimeout(this.waiting); // of quick moves, only the last is worth a trip to the server
    this.waiting = setTimeout(() => this.report(this.step), TELL_MS);
  }

  // ---- the elements ----------------------------------------------------------------------------

  build(parent) {
    this.back = element("button", { type: "button", className: "back", onclick: () => this.go(this.step - 1) });
    this.next = element("button", { type: "button", className: "next", onclick: () => this.go(this.step + 1) });
    this.slider = element("input", { type: "range", min: 1, step: 1 });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value) - 1));
    this.count = element("span", { className: "count" });
    const bar = element("div", { className: "bar" }, [this.back, this.next, this.slider, this.count]);
    this.line = element("p", { className: "line", ariaLive: "polite" });
    this.rows = { cross: this.row("cross"), self: this.row("self") };
    this.bars = { title: element("h4"), list: element("ol", { className: "bars" }) };
    this.sofar = element("p", { className: "sofar" });
    this.hint = element("p", { className: "hint" });
    const left = element("div", { className: "rows" }, [
      this.rows.cross.part, this.rows.self.part, this.sofar,
    ]);
    const right = element("section", { className: "candidates" }, [this.bars.title, this.bars.list]);
    const picture = element("div", { className: "picture" }, [left, right]);
    this.root = element("section", { className: "writing-view", tabIndex: 0 }, [bar, this.line, picture, this.hint]);
    parent.appendChild(this.root);
  }

  row(name) {
    const [title, list] = [element("h4"), element("ol", { className: `tokens ${name}` })];
    return { title, list, part: element("section", {}, [title, list]) };
  }

  draw() {
    const { steps, text, source, read } = this.message;
    const now = steps[this.step];
    const piece = now.names[0];
    const length = now.self.length;
    this.root.ariaLabel = text.title;
    this.back.textContent = `← ${text.back}`;
    this.next.textContent = `${text.next} →`;
    this.back.disabled = this.step === 0;
    this.next.disabled = this.step === steps.length - 1;
    this.slider.ariaLabel = text.slider;
    this.slider.max = steps.length;
    this.slider.value = this.step + 1;
    this.count.textContent = fill(text.count, { step: this.step + 1, steps: steps.length });
    const says = piece === "</s>" ? text.ends : text.writes;
    this.line.textContent = fill(says, { piece, share: now.shares[0][1], newest: read[length - 1], read: length });
    this.rows.cross.title.textContent = text.cross;
    this.rows.self.title.textContent = text.self;
    this.bars.title.textContent = text.candidates;
    this.hint.textContent = text.hint;
    this.sofar.textContent = fill(text.sofar, { text: now.text || "…" });
    this.rows.cross.list.replaceChildren(...chips(source, now.cross, text.weight));
    const chosen = chips(read.slice(0, length), now.self, text.weight);
    chosen[length - 1].classList.add("newest");
    this.rows.self.list.replaceChildren(...chosen);
    const names = [...now.names, text.rest];
    this.bars.list.replaceChildren(...names.map((name, n) => bar(name, now.shares[n], n, names.length)));
  }
}

function chips(labels, weights, weight) {
  return labels.map((label, n) => {
    const [share, written] = weights[n];
    const item = element("li", { title: `${label} · ${weight} ${written}` }, [
      element("span", { className: "token", textContent: label }),
      element("span", { className: "number", textContent: written }),
    ]);
    item.style.setProperty("--share", share);
    return item;
  });
}

function bar(name, [share, written], n, count) {
  const kind = n === 0 ? "chosen" : n === count - 1 ? "rest" : "";
  const item = element("li", { className: kind }, [
    element("span", { className: "name", textContent: name, title: name }),
    element("span", { className: "track" }, [element("span", { className: "fill" })]),
    element("span", { className: "number", textContent: written }),
  ]);
  item.style.setProperty("--share", share);
  return item;
}

function element(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
