// The writing view. Every step of a translation arrives once; next and back are switched here, and
// only where the student is goes back to Python, so that the link can follow.

export default function writingView(component) {
  return mounted(WritingView, component);
}

class WritingView extends Stepping {
  constructor(parent) {
    super();
    this.build(parent);
    this.listen();
  }

  receive(message) {
    const before = this.message;
    this.message = message;
    if (!before) this.step = message.step;
    else if (before.run !== message.run) this.go(0);
    this.draw();
  }

  // ---- what the student does -----------------------------------------------------------------

  press(event) {
    if (!this.isOurs(event) || event.shiftKey) return;
    const [before, after] = [this.step - 1, this.step + 1];
    const to = {
      ArrowRight: after,
      ArrowLeft: before,
      PageDown: after, // what a presenter's remote control sends
      PageUp: before,
      Home: 0,
      End: Infinity,
    }[event.key];
    this.obey(event, to !== undefined && (() => this.go(to)));
  }

  go(step) {
    const to = clamp(step, this.message.steps.length);
    if (to === this.step) return;
    this.step = to;
    this.draw();
    this.tell("step", () => this.step);
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
    this.save = Save.buttons(() => this.saved());
    this.sofar = element("p", { className: "sofar" });
    this.hint = element("p", { className: "hint" });
    const left = element("div", { className: "rows" }, [
      this.rows.cross.part, this.rows.self.part, this.sofar,
    ]);
    const right = element("section", { className: "candidates" }, [this.bars.title, this.bars.list]);
    this.picture = element("div", { className: "picture" }, [left, right]);
    const parts = [bar, this.line, this.picture, this.save.root, this.hint];
    this.root = element("section", { className: "view writing-view", tabIndex: 0 }, parts);
    parent.appendChild(this.root);
  }

  row(name) {
    const [title, list] = [element("h4"), element("ol", { className: `tokens ${name}` })];
    return { title, list, part: element("section", {}, [title, list]) };
  }

  saved() {
    const { text } = this.message;
    const title = `${this.count.textContent} · ${this.line.textContent}`;
    const name = `jumok ${this.step + 1} ${text.of.slice(0, 40)}`;
    return { name, title, caption: text.of, ...Save.stack([this.picture]) };
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
    this.save.say(text);
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
