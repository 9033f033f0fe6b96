// The charts that Plotly and Vega have drawn on this page, each with its save buttons, and the link to
// what is on screen. Looked for whenever the list comes into view: charts come and go.

const CHARTS = ".js-plotly-plot, .vega-embed";
const TITLES = [..."123456"].map((n) => `.stMarkdown h${n}, .stHeading h${n}`).join() + ", .stMarkdown strong";
const COPIED_MS = 2000;

export default function pictures(component) {
  return mounted(Pictures, component);
}

class Pictures extends View {
  constructor(parent) {
    super();
    this.caption = element("p", { className: "caption" });
    this.link = element("input", { type: "text", readOnly: true });
    this.link.addEventListener("focus", () => this.link.select());
    this.copy = element("button", { type: "button", className: "copy", onclick: () => this.copyLink() });
    this.said = element("span", { className: "said", ariaLive: "polite" });
    this.list = element("ul");
    this.none = element("p", { className: "none" });
    const row = element("div", { className: "link" }, [this.link, this.copy, this.said]);
    this.root = element("section", { className: "view pictures" }, [row, this.caption, this.list, this.none]);
    parent.appendChild(this.root);
    this.watcher = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && this.look());
    this.watcher.observe(this.root);
    this.root.addEventListener("pointerenter", () => this.look());
  }

  receive(message) {
    this.message = message;
    const { text } = message;
    this.caption.textContent = text.charts;
    this.none.textContent = text.no_charts;
    this.link.ariaLabel = text.link;
    this.copy.textContent = text.copy;
    this.shown = null;
    this.look();
  }

  remove() {
    super.remove();
    this.watcher.disconnect();
  }

  look() {
    this.link.value = address(this.message.carried);
    const charts = [...document.querySelectorAll(CHARTS)].filter((chart) => chart.checkVisibility());
    if (this.shown?.length === charts.length && charts.every((chart, n) => chart === this.shown[n])) return;
    this.shown = charts;
    this.list.replaceChildren(...charts.map((chart, n) => this.item(chart, n)));
    this.caption.hidden = !charts.length;
    this.none.hidden = charts.length > 0;
  }

  item(chart, n) {
    const save = Save.buttons(() => this.saved(chart, n));
    save.say(this.message.text);
    const name = `${n + 1} · ${titleOf(chart)}`;
    const go = element("button", { type: "button", className: "go", title: name });
    go.append(element("span", { className: "name", textContent: name }));
    go.onclick = () => chart.scrollIntoView({ block: "center" });
    return element("li", {}, [go, save.root]);
  }

  saved(chart, n) {
    const { sentence } = this.message;
    const picture = { name: `jumok ${sentence.slice(0, 30)} ${n + 1}`, title: titleOf(chart), caption: sentence };
    const canvas = chart.querySelector("canvas.marks"); // how Vega draws what has many marks
    if (canvas) return { ...picture, ...Save.stack([canvas]) };
    return { ...picture, svg: [...chart.querySelectorAll("svg.main-svg, svg.marks")] };
  }

  // The clipboard is closed to pages that came without encryption, as in a classroom's own network.
  async copyLink() {
    const { carried, text } = this.message;
    this.link.value = address(carried);
    this.link.select();
    const done = navigator.clipboard
      ? await navigator.clipboard.writeText(this.link.value).then(() => true, () => false)
      : document.execCommand("copy");
    this.said.textContent = done ? text.copied : text.copy_yourself;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => (this.said.textContent = ""), COPIED_MS);
  }
}

// The address bar says all that was chosen; language and model may be the reader's own there.
function address(carried) {
  const link = new URL(location.href);
  for (const [name, value] of Object.entries(carried)) link.searchParams.set(name, value);
  link.hash = "";
  return link.href;
}

// What the page says of it: its description, else the last words in bold or heading before it.
function titleOf(chart) {
  const described = chart.closest("[aria-label]")?.ariaLabel ?? "";
  if (described && !described.startsWith("Vega vis")) return described;
  const said = [...document.querySelectorAll(TITLES)].filter(
    (title) => title.compareDocumentPosition(chart) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  return said.at(-1)?.textContent.trim() ?? "";
}
