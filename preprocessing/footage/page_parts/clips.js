// A clip as a row: what was decided and why, its pictures, its measures.

const LEVELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; // "-" where there is no value
const CURVE_HEIGHT = 48;
const OFFSET = 0; // the first measure; a row tells it in its text

const heights = (curve) =>
    [...curve].map((level) => (level === "-" ? null : (CURVE_HEIGHT * LEVELS.indexOf(level)) / (LEVELS.length - 1)));

function drawCurves(clip, opening, loudness) {
    const places = (values) => values.map((value, index) => [((index + 0.5) * 300) / values.length, value]);
    const spot = ([x, value]) => `${x.toFixed(1)} ${(CURVE_HEIGHT - value).toFixed(1)}`;
    const sound = places(heights(loudness)).map(([x, value]) => spot([x, value ?? 0]));
    let line = "";
    let isOn = false; // the line is broken where no face was found
    for (const place of places(heights(opening))) {
        if (place[1] !== null) line += `${isOn ? "L" : "M"}${spot(place)}`;
        isOn = place[1] !== null;
    }
    return drawn(
        "svg",
        {
            class: "curves",
            viewBox: `0 0 300 ${CURVE_HEIGHT}`,
            preserveAspectRatio: "none",
            role: "img",
            "aria-label": `Lip opening over the loudness of ${clip.name}`,
        },
        sound.length
            ? drawn("path", { class: "loudness", d: `M0 ${CURVE_HEIGHT}L${sound.join("L")}L300 ${CURVE_HEIGHT}Z` })
            : null,
        drawn("path", { class: "opening", d: line }),
    );
}

function drawPictures(clip, pictures) {
    if (!pictures) return element("p", { class: "pictures empty" }, "no pictures");
    const [strip, opening, loudness] = pictures;
    const image = {
        src: `data:image/jpeg;base64,${strip}`,
        alt: `Six frames of ${clip.name}, the face marked`,
        loading: "lazy",
        decoding: "async",
    };
    return element("div", { class: "pictures" }, element("img", image), drawCurves(clip, opening, loudness));
}

function offsetText(clip) {
    const offset = clip.values[OFFSET];
    if (offset === null) return "sync not judged";
    if (offset === 0) return "sound in step";
    const late = `sound ${count(Math.abs(offset), "frame")} ${offset > 0 ? "late" : "early"}`;
    return clip.kept && !clip.reasons.length ? `${late}, put in step` : late;
}

function drawMeasures(clip, measures) {
    return element(
        "dl",
        { class: "measures" },
        measures.map((measure) => {
            const value = clip.values[measure.index];
            const beyond = isBeyond(value, measure);
            return element(
                "div",
                {
                    class: beyond ? "beyond" : null,
                    "data-measure": measure.key,
                    title: `${measure.meaning}; ${limitText(measure)}`,
                },
                element("dt", {}, measure.label),
                element(
                    "dd",
                    {},
                    value === null ? "\u2013" : withUnit(value, measure),
                    beyond ? element("span", { class: "unseen" }, " beyond the limit") : null,
                ),
            );
        }),
    );
}

function drawClip(clip, measures, pictures) {
    const state = clip.kept ? (clip.reasons.length ? "kept all the same" : "kept") : "left out";
    const place = ` \u00b7 ${clock(clip.start)}\u2009\u2013\u2009${clock(clip.end)}`;
    const beyond = isBeyond(clip.values[OFFSET], measures[OFFSET]) ? "beyond" : null;
    const reasons = clip.reasons.map((reason) => element("li", {}, reason));
    return element(
        "li",
        { class: clip.kept ? "clip kept" : "clip out" },
        element(
            "div",
            { class: "what" },
            element("h3", {}, clip.name),
            element("p", {}, element("strong", { class: "state" }, state), place),
            element(
                "p",
                { class: "hint" },
                element("span", { "data-measure": OFFSET, class: beyond }, offsetText(clip)),
            ),
            reasons.length ? element("ul", { class: "why" }, reasons) : null,
            element("p", { class: "hint path" }, clip.video.path),
        ),
        drawPictures(clip, pictures),
        drawMeasures(clip, measures.slice(OFFSET + 1)),
    );
}
