// What components need that draw on a canvas: their packed message, the page's colours, sizes, words.

const CANVAS_PIXELS = 16e6; // what a phone's browser still allocates
const pixel = element("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

// 4 bytes with the header's length, the header as JSON, and the rest.
function headed(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { header, rest: bytes.subarray(4 + length) };
}

// The rest is a zlib stream (see message.py): header and bytes.
async function unpacked(bytes) {
  const { header, rest } = headed(bytes);
  const stream = new Blob([rest]).stream().pipeThrough(new DecompressionStream("deflate"));
  return { header, body: await new Response(stream).arrayBuffer() };
}

function themeOf(root) {
  const style = getComputedStyle(root);
  const ground = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
  const accent = style.getPropertyValue("--st-primary-color").trim() || "#0b7a70";
  return { ink: style.color, font: style.fontFamily, ground, accent, dark: luminance(ground) < 0.2 };
}

// As many dots as the screen has; from here on the context counts in CSS pixels.
function sized(canvas, width, height) {
  const area = Math.max(1, width * height);
  const scale = Math.min(window.devicePixelRatio || 1, Math.sqrt(CANVAS_PIXELS / area));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  return ctx;
}

// The same for a canvas that no style sheet gives its size.
function placed(canvas, width, height) {
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  return sized(canvas, width, height);
}

function isTouch() {
  return matchMedia("(pointer: coarse)").matches;
}

// As many of its letters as fit, in the font that is set.
function shortened(ctx, words, most) {
  if (ctx.measureText(words).width <= most) return words;
  const letters = [...words];
  let [low, high] = [1, letters.length]; // one letter at least
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ctx.measureText(`${letters.slice(0, middle).join("")}…`).width <= most) low = middle;
    else high = middle - 1;
  }
  return `${letters.slice(0, low).join("")}…`;
}

// Red, green and blue, 0..255, of any colour that CSS knows.
function rgb(colour) {
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// As WCAG 2 defines it: 0 for black, 1 for white.
function luminance(colour) {
  const linear = rgb(colour)
    .map((byte) => byte / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}
