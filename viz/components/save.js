// Saving a picture that lives in the browser: PNG and SVG, made here, without a server or a network.
//
// A component whose `code` (code.py) shares it has `Save`. What it does with it:
//
//   build():    this.save = Save.buttons(() => this.saved());      // asked anew at each click
//               controls.append(this.save.root);
//   receive():  this.save.say(message.save);                       // Python: save_text(say)
//   saved():    what to save, one of
//     { name, title, caption, width, height, draw(ctx) }     draws all of it, in CSS pixels, from 0, 0
//     { name, title, caption, ...Save.stack([this.titles, this.sheet], (ctx, canvas) => …) }
//                 elements as they stand (grounds, borders, words), one below the other, scrolled parts
//                 in full; the function draws what a <canvas> shows again, from its corner (0, 0)
//     { name, title, caption, svg: [element, …] }            <svg> elements, one over the other
//
// `name` is the file's without its ending, `title` and `caption` (the sentence) stand above the picture.
// `draw` gets a real 2D context for a PNG, and for an SVG one that writes down the same calls:
//   fillRect strokeRect clearRect(nothing) beginPath moveTo lineTo bezierCurveTo quadraticCurveTo arc rect
//   roundRect closePath fill stroke clip fillText measureText drawImage(image, x, y, width, height)
//   save restore translate rotate scale setLineDash, fillStyle strokeStyle lineWidth lineCap lineJoin
//   globalAlpha font textAlign textBaseline; no setTransform: the picture does not begin at the corner.
// A `Path2D` cannot be read: use `Save.path(ctx)` or `Save.path(ctx, "M0 0 L…")`, then `ctx.stroke(path)` as before. A transform holds for
// the whole of a path: do not move between `moveTo` and `stroke`. Words stay words in an SVG, and
// everything that people typed is escaped here.

const Save = (() => {
  const KOREAN = `"Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic"`;
  const EDGE = 16;
  const NARROWEST = 260; // or the words above a small picture would be a tower
  const FRESH = { // what a drawing function finds in a context of its own
    fillStyle: "#000000", strokeStyle: "#000000", lineWidth: 1, lineCap: "butt", lineJoin: "miter",
    font: "10px sans-serif", textAlign: "start", textBaseline: "alphabetic", imageSmoothingEnabled: true,
  };
  const PIXELS = 16e6; // what a phone's browser still allocates

  // ---- the buttons -----------------------------------------------------------------------------

  function buttons(picture) {
    const root = document.createElement("span");
    root.className = "save";
    root.setAttribute("role", "group");
    const made = ["png", "svg"].map((form) => {
      const button = document.createElement("button");
      button.type = "button";
      button.onclick = () => keep(form, picture(), root);
      return button;
    });
    root.append(...made);
    const say = (text) => {
      root.ariaLabel = text.label;
      made.forEach((button, n) => {
        const form = ["png", "svg"][n];
        button.textContent = `↓ ${form.toUpperCase()}`;
        button.title = button.ariaLabel = text[form];
      });
    };
    return { root, say };
  }

  async function keep(form, picture, root) {
    const link = document.createElement("a");
    const blob = form === "png" ? await png(picture, root) : svg(picture, root);
    link.href = URL.createObjectURL(blob);
    link.download = `${picture.name.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80)}.${form}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  // ---- the two forms ---------------------------------------------------------------------------

  async function png(picture, root) {
    const whole = framed(picture.svg ? await imageOf(picture) : picture, root);
    const area = whole.width * whole.height;
    const scale = Math.min(3, Math.sqrt(PIXELS / area));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(whole.width * scale);
    canvas.height = Math.round(whole.height * scale);
    const ctx = canvas.getContext("2d");
    ctx.clearRect = () => {}; // a component clears its own canvas; here are ground and words already
    ctx.scale(scale, scale);
    whole.draw(ctx);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  function svg(picture, root) {
    const whole = framed(picture.svg ? markupOf(picture) : picture, root);
    const ctx = new Recorder();
    whole.draw(ctx);
    return new Blob([ctx.document(whole.width, whole.height, picture.title)], { type: "image/svg+xml" });
  }

  // The picture on the page's ground, with its title and its sentence above it.
  function framed(picture, root) {
    const style = getComputedStyle(root);
    const ground = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
    const [ink, family] = [style.color, style.fontFamily];
    const width = Math.max(Math.ceil(picture.width), NARROWEST);
    const words = [
      { text: picture.title, font: `600 15px ${family}`, height: 21 },
      { text: picture.caption, font: `13px ${family}`, height: 19 },
    ];
    const lines = words.flatMap(({ text, ...look }) =>
      wrapped(text, look.font, width).map((line) => ({ line, ...look })),
    );
    const above = lines.reduce((sum, { height }) => sum + height, lines.length ? 10 : 0);
    const size = { width: width + 2 * EDGE, height: Math.ceil(picture.height) + above + 2 * EDGE };
    const draw = (ctx) => {
      ctx.fillStyle = ground;
      ctx.fillRect(0, 0, size.width, size.height);
      ctx.fillStyle = ink;
      ctx.textBaseline = "alphabetic";
      ctx.textAlign = "left";
      let y = EDGE;
      for (const { line, font, height } of lines) {
        ctx.font = font;
        ctx.fillText(line, EDGE, (y += height) - 5);
      }
      ctx.save();
      ctx.translate(EDGE + Math.max(0, (width - picture.width) / 2), EDGE + above);
      Object.assign(ctx, FRESH);
      picture.draw(ctx);
      ctx.restore();
    };
    return { ...size, draw };
  }

  function wrapped(text, font, width) {
    if (!text) return [];
    ruler.font = font;
    const fits = (line) => ruler.measureText(line).width <= width;
    const lines = [""];
    for (const word of text.split(/(?<=\s)/)) {
      if (fits(lines.at(-1) + word.trimEnd())) lines[lines.length - 1] += word;
      else if (fits(word)) lines.push(word);
      else for (const letter of word) fits(lines.at(-1) + letter) ? (lines[lines.length - 1] += letter) : lines.push(letter);
    }
    return lines.map((line) => line.trim()).filter(Boolean);
  }

  // ---- elements as they stand ------------------------------------------------------------------

  function stack(elements, drawCanvas = copied) {
    const boxes = elements.filter(isShown).map((element) => {
      const { left, top, bottom } = element.getBoundingClientRect();
      return { element, left, top, bottom, width: element.scrollWidth, height: element.scrollHeight };
    });
    boxes.forEach((box, n) => (box.gap = n ? Math.max(0, Math.min(24, box.top - boxes[n - 1].bottom)) : 0));
    const left = Math.min(...boxes.map((box) => box.left));
    const width = Math.max(0, ...boxes.map((box) => box.left - left + box.width));
    const height = boxes.reduce((sum, box) => sum + box.gap + box.height, 0);
    const draw = (ctx) => {
      let y = 0;
      for (const box of boxes) {
        y += box.gap;
        ctx.save();
        ctx.translate(-left, y - box.top);
        drawElement(ctx, box.element, drawCanvas, true);
        ctx.restore();
        y += box.height;
      }
    };
    return { width, height, draw };
  }

  function isShown(element) {
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  }

  // In the window's coordinates.
  function drawElement(ctx, element, drawCanvas, whole = false) {
    const box = element.getBoundingClientRect();
    if (!isShown(element) || (element instanceof HTMLElement && box.width <= 1)) return; // for ears only
    const style = getComputedStyle(element);
    ctx.save();
    ctx.globalAlpha *= Number(style.opacity);
    drawBox(ctx, box, style);
    if (!whole && style.overflow !== "visible") {
      ctx.beginPath();
      ctx.rect(box.left, box.top, box.width, box.height);
      ctx.clip();
    }
    if (element instanceof HTMLCanvasElement) {
      ctx.translate(box.left, box.top);
      Object.assign(ctx, FRESH);
      drawCanvas(ctx, element);
    } else {
      for (const child of element.childNodes) {
        if (child.nodeType === Node.TEXT_NODE) drawWords(ctx, child, style);
        else if (child.nodeType === Node.ELEMENT_NODE) drawElement(ctx, child, drawCanvas);
      }
      drawRule(ctx, element, box, style);
    }
    ctx.restore();
  }

  function drawBox(ctx, { left, top, width, height }, style) {
    const round = Math.min(parseFloat(style.borderTopLeftRadius) || 0, width / 2, height / 2);
    const ground = style.backgroundColor;
    if (!/^(transparent|rgba\(.*, 0\))$/.test(ground)) {
      ctx.fillStyle = ground;
      ctx.beginPath();
      ctx.roundRect(left, top, width, height, round);
      ctx.fill();
    }
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => {
      const drawn = !["none", "hidden"].includes(style[`border${side}Style`]);
      return { width: drawn ? parseFloat(style[`border${side}Width`]) : 0, colour: style[`border${side}Color`] };
    });
    const [first] = sides;
    if (first.width && sides.every((side) => side.width === first.width && side.colour === first.colour)) {
      const half = first.width / 2;
      Object.assign(ctx, { strokeStyle: first.colour, lineWidth: first.width });
      ctx.beginPath();
      ctx.roundRect(left + half, top + half, width - 2 * half, height - 2 * half, Math.max(0, round - half));
      ctx.stroke();
      return;
    }
    sides.forEach((side, n) => {
      ctx.fillStyle = side.colour;
      if (side.width && n % 2) ctx.fillRect(n === 1 ? left + width - side.width : left, top, side.width, height);
      else if (side.width) ctx.fillRect(left, n === 2 ? top + height - side.width : top, width, side.width);
    });
  }

  function drawWords(ctx, node, style) {
    if (!node.data.trim()) return;
    const slant = node.parentElement.localName === "mi" && [...node.data].length === 1; // as MathML does
    ctx.font = `${slant ? "italic" : style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    ctx.fillStyle = style.color;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    for (const { words, left, top, height } of linesOf(node)) {
      const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = ctx.measureText(words);
      ctx.fillText(words, left, top + (height - up - down) / 2 + up);
    }
  }

  // What stands on each line, and where: a text does not say where the browser has broken it.
  function linesOf(node) {
    const range = document.createRange();
    const lines = [];
    let from = 0;
    for (const letter of node.data) {
      range.setStart(node, from);
      range.setEnd(node, (from += letter.length));
      const { left, top, width, height } = range.getBoundingClientRect();
      if (!width) continue; // white space that the browser has dropped
      const line = lines.at(-1);
      if (!line || Math.abs(line.top - top) > height / 2) lines.push({ words: letter, left, top, height });
      else {
        line.words += letter.trim() ? letter : " ";
        line.left = Math.min(line.left, left); // Arabic begins on the right
      }
    }
    return lines;
  }

  // The lines of a formula: MathML draws them without an element of their own.
  function drawRule(ctx, element, box, style) {
    if (!["mfrac", "msqrt"].includes(element.localName)) return;
    const [first, second] = [...element.children].map((child) => child.getBoundingClientRect());
    ctx.fillStyle = style.color;
    if (element.localName === "mfrac") {
      ctx.fillRect(box.left, (first.bottom + second.top) / 2 - 0.5, box.width, 1);
      return;
    }
    Object.assign(ctx, { strokeStyle: style.color, lineWidth: 1 });
    const points = [
      [box.left + 1, box.top + box.height * 0.6],
      [box.left + (first.left - box.left) * 0.45, box.bottom - 1],
      [first.left - 1, box.top + 1],
      [box.right, box.top + 1],
    ];
    ctx.beginPath();
    points.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.stroke();
  }

  function copied(ctx, canvas) {
    const { width, height } = canvas.getBoundingClientRect();
    if (canvas.width && canvas.height) ctx.drawImage(canvas, 0, 0, width, height);
  }

  // ---- a component's own SVG -------------------------------------------------------------------

  const STYLED = [
    "color", "display", "visibility", "opacity", "fill", "fill-opacity", "stroke", "stroke-width",
    "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-size", "font-weight",
    "font-style", "text-anchor", "dominant-baseline", "marker-end", "marker-start",
  ];

  // Alone in a file, an SVG has no style sheet: each element carries its own.
  function standalone(elements) {
    const boxes = elements.map((element) => element.getBoundingClientRect());
    const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
    const width = Math.max(...boxes.map((box) => box.right - left));
    const height = Math.max(...boxes.map((box) => box.bottom - top));
    const layers = elements.map((element, n) => {
      const { left: x, top: y, width, height } = boxes[n];
      const copy = styled(element);
      const place = { x: x - left, y: y - top, width, height };
      for (const [name, value] of Object.entries(place)) copy.setAttribute(name, value);
      return new XMLSerializer().serializeToString(copy);
    });
    const size = `width="${width}" height="${height}"`;
    return { width, height, markup: `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${layers.join("")}</svg>` };
  }

  function styled(element) {
    const copy = element.cloneNode(true);
    const [from, to] = [element, copy].map((root) => [root, ...root.querySelectorAll("*")]);
    from.forEach((original, n) => {
      const style = getComputedStyle(original);
      for (const name of STYLED) to[n].style.setProperty(name, style.getPropertyValue(name));
      if (original.localName === "text") to[n].style.fontFamily = families(style.fontFamily);
    });
    return copy;
  }

  function markupOf(picture) {
    const { width, height, markup } = standalone(picture.svg);
    return { ...picture, width, height, draw: (ctx) => ctx.put(markup) };
  }

  async function imageOf(picture) {
    const { width, height, markup } = standalone(picture.svg);
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(markup)}`;
    await image.decode();
    return { ...picture, width, height, draw: (ctx) => ctx.drawImage(image, 0, 0, width, height) };
  }

  // ---- a 2D context that writes an SVG ---------------------------------------------------------

  const ruler = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  // Behind the page's own fonts, which another machine may not have, and before any font at all.
  function families(own) {
    const generic = own.match(/(?:sans-serif|serif|monospace|math)$/)?.[0] ?? "sans-serif";
    return [...own.split(/,\s*/).filter((name) => name !== generic), KOREAN, generic].join(", ");
  }

  const short = (value) => String(Math.round(value * 100) / 100);

  // XML has no place for control characters and halves of letters, escaped or not.
  function escaped(text) {
    return String(text)
      .toWellFormed()
      .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
      .replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  }

  // Any CSS colour as #rrggbb and an opacity: few programs read more than that in an SVG.
  const paints = new Map();
  function paint(colour) {
    if (!paints.has(colour)) paints.set(colour, readPaint(colour));
    return paints.get(colour);
  }

  function readPaint(colour) {
    ruler.fillStyle = "#000000";
    ruler.fillStyle = colour;
    const said = ruler.fillStyle;
    const numbers = said.match(/[\d.]+(?:e-?\d+)?/g)?.map(Number) ?? [];
    const hex = (bytes) => `#${bytes.map((byte) => Math.round(byte).toString(16).padStart(2, "0")).join("")}`;
    if (said.startsWith("#")) return { hex: said, alpha: 1 };
    const [red, green, blue, alpha = 1] = numbers;
    if (said.startsWith("rgba(")) return { hex: hex([red, green, blue]), alpha };
    const shares = said.startsWith("color(srgb ") && [red, green, blue].map((share) => 255 * Math.min(share, 1));
    if (shares) return { hex: hex(shares), alpha };
    ruler.clearRect(0, 0, 1, 1); // oklch() and what else there is
    ruler.fillRect(0, 0, 1, 1);
    const pixel = [...ruler.getImageData(0, 0, 1, 1).data];
    return { hex: hex(pixel.slice(0, 3)), alpha: pixel[3] / 255 };
  }

  class Path {
    constructor() {
      this.d = "";
    }
    add(letter, ...numbers) {
      this.d += letter + numbers.map(short).join(" ");
    }
    moveTo(x, y) {
      this.add("M", x, y);
    }
    lineTo(x, y) {
      this.add(this.d ? "L" : "M", x, y);
    }
    bezierCurveTo(...points) {
      this.add("C", ...points);
    }
    quadraticCurveTo(...points) {
      this.add("Q", ...points);
    }
    closePath() {
      this.add("Z");
    }
    rect(x, y, width, height) {
      this.add("M", x, y);
      this.d += `h${short(width)}v${short(height)}h${short(-width)}Z`;
    }
    roundRect(x, y, width, height, radius = 0) {
      const r = Math.min(Array.isArray(radius) ? radius[0] : radius, width / 2, height / 2);
      if (!r) return this.rect(x, y, width, height);
      const [corner, across, down] = [short(r), short(width - 2 * r), short(height - 2 * r)];
      const arc = (dx, dy) => `a${corner} ${corner} 0 0 1 ${short(dx)} ${short(dy)}`;
      this.add("M", x + r, y);
      this.d += `h${across}${arc(r, r)}v${down}${arc(-r, r)}h-${across}${arc(-r, -r)}v-${down}${arc(r, -r)}Z`;
    }
    arc(x, y, r, from, to, against = false) {
      const turn = 2 * Math.PI;
      const size = against ? from - to : to - from;
      const swept = Math.abs(size) >= turn ? turn : ((size % turn) + turn) % turn;
      const at = (angle) => [x + r * Math.cos(angle), y + r * Math.sin(angle)];
      this.lineTo(...at(from));
      for (const part of [0.5, 1]) {
        const [px, py] = at(from + (against ? -1 : 1) * swept * part);
        this.add("A", r, r, 0, 0, against ? 0 : 1, px, py);
      }
    }
  }

  class Recorder {
    constructor() {
      this.parts = [];
      this.defs = [];
      this.past = [];
      this.now = new Path();
      Object.assign(this, FRESH, { globalAlpha: 1, dash: [], transform: "", clipped: "" });
    }

    save() {
      const { parts, defs, past, now, ...state } = this;
      this.past.push(state);
    }
    restore() {
      Object.assign(this, this.past.pop());
    }
    translate(x, y) {
      if (x || y) this.transform += `translate(${short(x)} ${short(y)})`;
    }
    rotate(angle) {
      this.transform += `rotate(${short((angle * 180) / Math.PI)})`;
    }
    scale(x, y) {
      this.transform += `scale(${x} ${y})`;
    }
    setLineDash(dash) {
      this.dash = dash;
    }

    beginPath() {
      this.now = new Path();
    }
    clearRect() {}
    fillRect(...box) {
      const path = new Path();
      path.rect(...box);
      this.fill(path);
    }
    strokeRect(...box) {
      const path = new Path();
      path.rect(...box);
      this.stroke(path);
    }
    fill(path = this.now) {
      if (path.d) this.put(`<path d="${path.d}"${this.painted("fill", this.fillStyle)}/>`);
    }
    stroke(path = this.now) {
      if (!path.d) return;
      const ends = this.lineCap === "butt" ? "" : ` stroke-linecap="${this.lineCap}"`;
      const joins = this.lineJoin === "miter" ? "" : ` stroke-linejoin="${this.lineJoin}"`;
      const dashes = this.dash.length ? ` stroke-dasharray="${this.dash.map(short).join(" ")}"` : "";
      const width = ` stroke-width="${short(this.lineWidth)}"`;
      const line = this.painted("stroke", this.strokeStyle) + width + ends + joins + dashes;
      this.put(`<path d="${path.d}" fill="none"${line}/>`);
    }
    clip(path = this.now) {
      const id = `clip${this.defs.length}`;
      const moved = this.transform && ` transform="${this.transform}"`;
      const within = this.clipped && ` clip-path="url(#${this.clipped})"`;
      this.defs.push(`<clipPath id="${id}"${within}><path d="${path.d}"${moved}/></clipPath>`);
      this.clipped = id;
    }

    measureText(words) {
      ruler.font = this.font;
      ruler.textBaseline = this.textBaseline;
      return ruler.measureText(words);
    }
    fillText(words, x, y, most = Infinity) {
      const here = this.measureText(words);
      ruler.textBaseline = "alphabetic";
      const down = ruler.measureText(words).actualBoundingBoxAscent - here.actualBoundingBoxAscent;
      const [, before, size, family] = ruler.font.match(/^(.*?)([\d.]+)px (.*)$/);
      const style = before.includes("italic") ? ` font-style="italic"` : "";
      const weight = before.match(/bold|\d+/)?.[0];
      const anchor = { center: "middle", right: "end", end: "end" }[this.textAlign];
      const look =
        ` font-family="${escaped(families(family))}" font-size="${size}"${style}` +
        (weight ? ` font-weight="${weight}"` : "") + (anchor ? ` text-anchor="${anchor}"` : "");
      // As wide as it was here: another machine has other fonts, and would let words run into each other.
      const width = ` textLength="${short(Math.min(here.width, most))}" lengthAdjust="spacingAndGlyphs"`;
      const place = ` x="${short(x)}" y="${short(y + down)}"${here.width ? width : ""}`;
      const shown = `${look}${this.painted("fill", this.fillStyle)} xml:space="preserve"`;
      this.put(`<text${place}${shown}>${escaped(words)}</text>`);
    }

    // Only from a canvas; its pixels stay what they are.
    drawImage(canvas, x, y, width = canvas.width, height = canvas.height) {
      const sharp = this.imageSmoothingEnabled ? "" : ` style="image-rendering:pixelated"`;
      const place = ["x", "y", "width", "height"].map((name, n) => ` ${name}="${short([x, y, width, height][n])}"`);
      const seen = this.globalAlpha < 1 ? ` opacity="${short(this.globalAlpha)}"` : "";
      const whole = `${place.join("")} preserveAspectRatio="none"${seen}${sharp}`;
      this.put(`<image${whole} href="${canvas.toDataURL("image/png")}"/>`);
    }

    painted(name, colour) {
      const { hex, alpha } = paint(colour);
      const seen = Math.round(1000 * alpha * this.globalAlpha) / 1000;
      return ` ${name}="${hex}"${seen < 1 ? ` ${name}-opacity="${seen}"` : ""}`;
    }

    // Neighbours in the same place share one group.
    put(markup) {
      const { transform, clipped } = this;
      const last = this.parts.at(-1);
      if (last?.transform === transform && last.clipped === clipped) last.markup.push(markup);
      else this.parts.push({ transform, clipped, markup: [markup] });
    }

    document(width, height, title = "") {
      const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
      const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n<title>${escaped(title)}</title>\n`;
      const defs = this.defs.length ? `<defs>${this.defs.join("\n")}</defs>\n` : "";
      const within = (name, value, inner) => (value ? `<g ${name}="${value}">\n${inner}\n</g>` : inner);
      const groups = this.parts.map(({ transform, clipped, markup }) =>
        within("clip-path", clipped && `url(#${clipped})`, within("transform", transform, markup.join("\n"))),
      );
      return `${head}${defs}${groups.join("\n")}\n</svg>\n`;
    }
  }

  for (const call of Object.getOwnPropertyNames(Path.prototype).slice(1))
    Recorder.prototype[call] = function (...values) {
      this.now[call](...values);
    };

  const path = (ctx, d = "") => (ctx instanceof Recorder ? Object.assign(new Path(), { d }) : new Path2D(d));

  return { buttons, stack, path, png, svg };
})();
