// A drawing that Python made: SVG in the page's own text colour, with tooltips and save buttons.

const shown = new WeakMap();

export default function drawing({ data, parentElement }) {
  const parts = shown.get(parentElement) ?? build(parentElement);
  shown.set(parentElement, parts);
  parts.data = data;
  if (parts.sheet.innerHTML !== data.svg) parts.sheet.innerHTML = data.svg;
  parts.save.say(data.text);
}

function build(parent) {
  const sheet = document.createElement("div");
  sheet.className = "drawing";
  sheet.tabIndex = 0; // arrow keys scroll what is wider than the page
  const parts = { sheet };
  parts.save = Save.buttons(() => {
    const { title, of } = parts.data.text;
    return { name: `jumok ${title}`, title, caption: of, svg: [sheet.querySelector("svg")] };
  });
  parent.append(sheet, parts.save.root);
  return parts;
}
