// How every measure is spread over the clips, with its limits.

const MOST_BARS = 30;
const BARS_HEIGHT = 60;
const HALF = 0.5; // by which edges are off where values are whole, so that these stand in the middle of their bars

const isCounted = (measure) => measure.unit === "frames";

/** Edges of bars at round numbers. Outliers do not squeeze the rest: they count in the first or last bar. */
function barEdges(sorted, measure) {
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
    const bulk = at(0.98) - at(0.02) || at(1) - at(0);
    let [low, high] = [Math.max(at(0), at(0.02) - bulk), Math.min(at(1), at(0.98) + bulk)];
    const span = high - low || Math.abs(high) || 1;
    // A limit is drawn in unless that squeezed the bars into less than a quarter of the width.
    for (const limit of [measure.low, measure.high].filter((limit) => limit !== null)) {
        if (limit < low && limit > low - 3 * span) low = limit;
        if (limit > high && limit < high + 3 * span) high = limit;
    }
    const isWhole = isCounted(measure);
    const step = isWhole ? Math.ceil(roundStep((high - low) / MOST_BARS || 1)) : roundStep(span / MOST_BARS);
    const shift = isWhole ? HALF : 0;
    const first = Math.floor((low + shift) / step + 1e-9);
    const bars = Math.max(1, Math.ceil((high + shift) / step - first - 1e-9));
    return Array.from({ length: bars + 1 }, (_, index) => Number(((first + index) * step - shift).toPrecision(12)));
}

function roundStep(step) {
    const power = 10 ** Math.floor(Math.log10(step));
    return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((round) => round >= step * (1 - 1e-9));
}

/** Clips by bar. A value beyond the outer edges belongs to the outer bar. */
function intoBars(clips, measure, edges) {
    const bars = edges.slice(1).map(() => []);
    for (const clip of clips) {
        const above = edges.findLastIndex((edge) => edge <= clip.values[measure.index]);
        bars[Math.min(Math.max(above, 0), bars.length - 1)].push(clip);
    }
    return bars;
}

const isBeyond = (value, { low, high }) =>
    value !== null && ((low !== null && value < low) || (high !== null && value > high));

/** Each limit of a measure as words and the option that sets it: "at least 60 px", "--min_face_size". */
function limitsOf(measure) {
    const { low, high, low_option, high_option, is_signed } = measure;
    const told = (words, limit, option) =>
        limit === null ? [] : [{ words: words + withUnit(limit, measure), option: option && `--${option}` }];
    if (is_signed) return told("within \u00b1", high, high_option);
    return [...told("at least ", low, low_option), ...told("at most ", high, high_option)];
}

const limitText = (measure) =>
    limitsOf(measure)
        .map(({ words, option }) => `${words} ${option}`.trim())
        .join(", ") || "no limit";

/** What the values of a bar's clips really are, which outliers take beyond its edges. */
function rangeText(bar, measure) {
    const values = bar.map((clip) => clip.values[measure.index]);
    const [from, to] = [Math.min(...values), Math.max(...values)];
    return from === to ? withUnit(from, measure) : `${rounded(from)} to ${withUnit(to, measure)}`;
}

function drawColumn(bar, place, most, measure, pick) {
    if (!bar.length) return null;
    const tall = (number) => (number ? Math.max(1.5, (BARS_HEIGHT * number) / most) : 0);
    const numKept = bar.filter((clip) => clip.kept).length;
    const [kept, out] = [tall(numKept), tall(bar.length - numKept)];
    const label = `${measure.label} ${rangeText(bar, measure)}`;
    const part = (kind, top, height) => drawn("rect", { class: kind, x: place + 0.06, width: 0.88, y: top, height });
    return drawn(
        "g",
        { class: "column", click: () => pick(label, new Set(bar)) },
        drawn("title", {}, `${label}: ${count(bar.length, "clip")}, ${numKept} kept`),
        drawn("rect", { class: "back", x: place, width: 1, y: 0, height: BARS_HEIGHT }),
        part("kept", BARS_HEIGHT - kept, kept),
        part("out", BARS_HEIGHT - kept - out, out),
    );
}

/** Bars from left to right, what is beyond the limits shaded behind them, the limits before them. */
function drawBars(bars, edges, measure, pick) {
    const most = Math.max(...bars.map((bar) => bar.length));
    const across = (value) => (bars.length * (value - edges[0])) / (edges.at(-1) - edges[0]);
    const upright = { y: 0, height: BARS_HEIGHT };
    const inside = (place) => Math.min(Math.max(place, 0), bars.length);
    const shade = (from, to) => drawn("rect", { class: "beyond", x: from, width: to - from, ...upright });
    const isInside = (limit) => limit !== null && limit >= edges[0] && limit <= edges.at(-1);
    const line = (x) => drawn("line", { class: "limit", x1: x, x2: x, y1: 0, y2: BARS_HEIGHT });
    return [
        measure.low === null ? null : shade(0, inside(across(measure.low))),
        measure.high === null ? null : shade(inside(across(measure.high)), bars.length),
        ...bars.map((bar, place) => drawColumn(bar, place, most, measure, pick)),
        ...[measure.low, measure.high].filter(isInside).map((limit) => line(across(limit))),
    ];
}

function drawSpread(measure, measured, beyond, pick) {
    const values = measured.map((clip) => clip.values[measure.index]).sort((one, other) => one - other);
    const edges = barEdges(values, measure);
    const bars = intoBars(measured, measure, edges);
    const places = [0, (values.length - 1) >> 1, values.length - 1];
    const [least, median, most] = places.map((place) => withUnit(values[place], measure));
    const picture = {
        viewBox: `0 0 ${bars.length} ${BARS_HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `${measure.label}: ${least} to ${most}, median ${median}; ${limitText(measure)}; ${beyond} beyond`,
    };
    const [left, right] = axisEnds(values, edges, measure);
    const axis = [left, `median ${median}`, right].map((text) => element("span", {}, text));
    return [drawn("svg", picture, drawBars(bars, edges, measure, pick)), element("div", { class: "axis" }, axis)];
}

/** What stands under both ends of the bars; limits so far off that no line shows them are told there. */
function axisEnds(values, edges, measure) {
    const { low, high } = measure;
    const shift = isCounted(measure) ? HALF : 0;
    const [left, right] = [rounded(edges[0] + shift), rounded(edges.at(-1) - shift)];
    const offLeft = low !== null && low < edges[0] ? `(\u25c2 limit ${withUnit(low, measure)}) ` : "";
    const offRight = high !== null && high > edges.at(-1) ? ` (limit ${withUnit(high, measure)} \u25b8)` : "";
    return [
        `${offLeft}${values[0] < edges[0] ? "under " : ""}${left}`,
        `${values.at(-1) > edges.at(-1) ? "over " : ""}${right}${offRight}`,
    ];
}

function drawHistogram(measure, clips, pick, sortBy) {
    const measured = clips.filter((clip) => clip.values[measure.index] !== null);
    const beyond = measured.filter((clip) => isBeyond(clip.values[measure.index], measure));
    const link = (kind, text, click) => element("button", { type: "button", class: `link ${kind}`, click }, text);
    const sort = link("", measure.label, () => sortBy(measure.key));
    const listBeyond = () => pick(`${measure.label} beyond the limit`, new Set(beyond));
    const limits = limitsOf(measure).map(({ words, option }) =>
        element("p", {}, `${words} `, element("span", { class: "option" }, option)),
    );
    const missing = clips.length - measured.length;
    return element(
        "article",
        {},
        element("h3", {}, sort, element("span", { class: "unit" }, ` ${measure.unit}`)),
        element("p", { class: "hint" }, measure.meaning),
        measured.length
            ? drawSpread(measure, measured, beyond.length, pick)
            : element("p", { class: "empty" }, "not measured"),
        element(
            "div",
            { class: "limits" },
            limits.length ? limits : element("p", {}, "no limit"),
            beyond.length ? link("beyond", `${count(beyond.length, "clip")} beyond`, listBeyond) : null,
            missing ? element("p", { class: "hint" }, `${count(missing, "clip")} not measured`) : null,
        ),
    );
}
