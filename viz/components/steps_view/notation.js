// How the steps view writes: numbers, and the paper's formulas in MathML.

const PLAIN = {
  x: "x", memory: "h", q: "q", k: "k", v: "v", k_t: "Kᵀ", products: "q × k",
  w_q: "W^Q", w_k: "W^K", w_v: "W^V", w_o: "W^O", b_q: "b^Q", b_k: "b^K", b_v: "b^V", b_o: "b^O",
  scores: "q · k", scaled: "q · k ÷ √dₖ", exp: "exp", total: "Σ", weights: "a",
  weighted: "a × v", context: "z", out: "out",
};

const mi = (name) => `<mi>${name}</mi>`;
const mn = (value) => `<mn>${value}</mn>`;
const mo = (text) => {
  const [before, behind] = ["=+", "=+,"].map((spaced) => (spaced.includes(text) ? 0.25 : 0));
  return `<mo lspace="${before}em" rspace="${behind}em">${text}</mo>`;
};
const say = (text) => `<mtext>${text}</mtext>`;
const mrow = (...inner) => `<mrow>${inner.join("")}</mrow>`;
const sup = (base, raised) => `<msup>${base}${raised}</msup>`;
const sub = (base, lowered) => `<msub>${base}${lowered}</msub>`;
const math = (inner) => `<math><mrow>${inner}</mrow></math>`;
const rootDk = `<msqrt>${sub(mi("d"), mi("k"))}</msqrt>`;
const fraction = (over, under) => `<mfrac>${over}${under}</mfrac>`;

// A matrix's symbol as the paper writes it: a capital for the whole, a small letter for one row of it.
function symbol(name, single, cross) {
  const of = (letter, index) => (single ? sub(mi(letter.toLowerCase()), mi(index)) : mi(letter));
  const scores = single ? mrow(sub(mi("q"), mi("i")), sup(mi("K"), mi("T"))) : mrow(mi("Q"), sup(mi("K"), mi("T")));
  const [letter, operand] = name.split("_");
  if (operand === "t") return sup(mi("K"), mi("T"));
  if (operand) return sup(mi(letter === "w" ? "W" : "b"), mi(operand.toUpperCase()));
  const symbols = {
    x: () => of("X", "i"),
    memory: () => (cross ? (single ? sub(mi("h"), mi("j")) : sub(mi("H"), say("enc"))) : of("X", "j")),
    q: () => of("Q", "i"),
    k: () => of("K", "j"),
    v: () => of("V", "j"),
    products: () => mrow(sub(mi("q"), mi("i")), mo("⊙"), sub(mi("k"), mi("j"))),
    scores: () => scores,
    scaled: () => fraction(scores, rootDk),
    exp: () => sup(mi("e"), mrow(mi("s"), mo("−"), say("max"))),
    total: () => mo("Σ"),
    weights: () => of("A", "i"),
    weighted: () => mrow(sub(mi("a"), mrow(mi("i"), mi("j"))), sub(mi("v"), mi("j"))),
    context: () => of("Z", "i"),
    concat: () => say("Concat"),
    out: () => say("Out"),
  };
  return symbols[name]();
}

// The whole of multi-head attention, the present stage's operand lit; what comes later is pale.
function formulas({ cross, stages, heads: count }, form, stage) {
  const single = form === "row";
  // Of one query, i stands below; so the head's number goes above.
  const row = (h) => `<msubsup>${mi("z")}${mi("i")}${mrow(mo("("), mn(h), mo(")"))}</msubsup>`;
  const head = (h) => (single ? row(h) : sub(mi("Z"), mn(h)));
  const at = (name, inner) => {
    const index = stages.indexOf(name);
    const when = index === stage ? "lit" : index > stage ? "later" : "";
    return `<mrow class="${when}">${inner}</mrow>`;
  };
  const of = (name) => symbol(name, single, cross);
  const projected = (rows, name) =>
    math(
      at("project", mrow(of(name), mo("="))) +
        at("input", of(rows)) +
        at("project", mrow(symbol(`w_${name}`), mo("+"), symbol(`b_${name}`))),
    );
  const scores = at("scores", of("scores"));
  const scaled = `<mfrac>${scores}${at("scale", rootDk)}</mfrac>`;
  const masked = mrow(at("mask", mrow(say("mask"), mo("("))), scaled, at("mask", mo(")")));
  const softmax = mrow(at("softmax", mrow(say("softmax"), mo("("))), masked, at("softmax", mo(")")));
  const context = mrow(at("context", mrow(of("context"), mo("="))), softmax, at("weigh", mi("V")));
  const all = mrow(head(1), mo(","), mo("…"), mo(","), head(count));
  const heads = at("concat", mrow(say("Concat"), mo("("), all, mo(")")));
  const output = at("output", mrow(symbol("w_o"), mo("+"), symbol("b_o")));
  const out = mrow(at("output", mrow(say("Out&nbsp;"), mo("="))), heads, output);
  return [projected("x", "q"), projected("memory", "k"), projected("memory", "v"), math(context), math(out)].join("");
}

// Four significant digits, everywhere: on hover, in the picture, in the line and in the table.
function number(value) {
  return digits(value, 4);
}

function brief(value) {
  return digits(value, 2);
}

function digits(value, count) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return value.toPrecision(count).replace("-", "−");
  const [most, exponent] = value.toExponential(count - 1).split("e");
  return `${most.replace("-", "−")}×10${raised(Number(exponent))}`;
}

// With as many digits as the quotient of the written numbers needs to be true: not "1.000 ÷ 1.000 = 0.9998".
function divisor(dividend, value) {
  const over = Number(dividend.toPrecision(4));
  const counts = [4, 5, 6];
  const found = counts.find((count) => number(over / Number(value.toPrecision(count))) === number(dividend / value));
  return digits(value, found ?? 7);
}

function raised(exponent) {
  return String(exponent).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
}

function subscript(index) {
  return String(index).replace(/./g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}

function bracket(written) {
  return written.startsWith("−") ? `(${written})` : written;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
