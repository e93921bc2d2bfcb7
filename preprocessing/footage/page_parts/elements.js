// Elements, numbers and times as text. Text from the report only ever becomes text nodes and attributes.

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") node.addEventListener(name, value);
        else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null));
    return node;
}

const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

const drawn = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const byId = (id) => document.getElementById(id);

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** Three digits, no exponent: 1234, 56.7, 0.081. */
function rounded(value) {
    const decimals = value === 0 ? 0 : Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
    return String(Number(value.toFixed(decimals))).replace("-", "\u2212");
}

/** "60 px", "35\u00b0", "0.95". */
const withUnit = (value, { symbol }) => rounded(value) + (/^\w/.test(symbol) ? "\u00a0" : "") + symbol;

function duration(seconds) {
    const [size, unit] = seconds < 100 ? [1, "s"] : seconds < 6000 ? [60, "min"] : [3600, "h"];
    return `${(seconds / size).toFixed(1)}\u00a0${unit}`;
}

/** A place in a video as players show it, to a tenth of a second: 1:02:03.4. */
function clock(seconds) {
    const tenths = Math.round(seconds * 10);
    const [hours, minutes] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60];
    const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
