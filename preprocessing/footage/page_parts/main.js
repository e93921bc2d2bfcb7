// Which clips are listed, and in which order: one state, and show() after every change of it.

const AT_ONCE = 1000; // clips listed before "more"

/** The report with clips that know their video, videos that know their clips and measures that know their place. */
function readReport() {
    const report = JSON.parse(byId("report").textContent);
    for (const [index, measure] of report.measures.entries()) Object.assign(measure, { index, key: String(index) });
    for (const video of report.videos) video.clips = [];
    for (const [index, clip] of report.clips.entries()) {
        Object.assign(clip, { index, video: report.videos[clip.video], kinds: new Set(clip.kinds) });
        clip.video.clips.push(clip);
    }
    return report;
}

const ALL = { verdict: "all", kind: null, text: "", picked: null };
const report = readReport();
const pictures = JSON.parse(byId("pictures").textContent);
const state = { ...ALL, sort: "place", isDescending: false, most: AT_ONCE };
const names = new Intl.Collator("en", { numeric: true });

/** Signed measures, such as angles, are as bad as they are large, whichever way. */
function sortValue(clip) {
    if (state.sort === "place") return clip.index;
    if (state.sort === "name") return clip.name;
    const value = clip.values[Number(state.sort)];
    return value !== null && report.measures[Number(state.sort)].is_signed ? Math.abs(value) : value;
}

/** Clips without the value come last, either way round. */
function compare(one, other) {
    const [a, b] = [sortValue(one), sortValue(other)];
    if (a === null || b === null) return (a === null) - (b === null) || one.index - other.index;
    const order = state.sort === "name" ? names.compare(a, b) : a - b;
    return (state.isDescending ? -order : order) || one.index - other.index;
}

function isListed(clip) {
    if (state.verdict !== "all" && clip.kept !== (state.verdict === "kept")) return false;
    if (state.kind !== null && !clip.kinds.has(state.kind)) return false;
    if (state.picked && !state.picked.clips.has(clip)) return false;
    return [clip.name, clip.video.path, ...clip.reasons].some((text) =>
        text.toLowerCase().includes(state.text.toLowerCase()),
    );
}

function show() {
    const listed = report.clips.filter(isListed).sort(compare);
    const shown = listed.slice(0, state.most);
    for (const clip of shown) clip.row ??= drawClip(clip, report.measures, pictures.of_clips[clip.index]);
    byId("clips").replaceChildren(...shown.map((clip) => clip.row));
    for (const node of byId("clips").querySelectorAll("[data-measure]"))
        node.classList.toggle("sorted", node.dataset.measure === state.sort);
    const seconds = sum(listed.map((clip) => clip.end - clip.start));
    byId("shown").textContent =
        `${listed.length.toLocaleString("en")} of ${count(report.clips.length, "clip")}, ${duration(seconds)}`;
    byId("more").hidden = listed.length <= shown.length;
    byId("more").textContent = `List ${Math.min(AT_ONCE, listed.length - shown.length).toLocaleString("en")} more`;
    showControls();
}

function showControls() {
    byId("controls").elements.verdict.value = state.verdict;
    byId("reason").value = state.kind ?? "";
    byId("search").value = state.text;
    byId("sort").value = state.sort;
    byId("direction").textContent = state.isDescending ? "\u2193 descending" : "\u2191 ascending";
    byId("reset").hidden = Object.keys(ALL).every((name) => state[name] === ALL[name]);
    byId("picked").hidden = !state.picked;
    byId("picked").textContent = state.picked ? `${state.picked.label} \u00d7` : "";
    byId("picked").setAttribute("aria-label", state.picked ? `List not only: ${state.picked.label}` : "");
    for (const button of document.querySelectorAll("#reasons button")) {
        button.setAttribute("aria-pressed", String(Number(button.dataset.kind) === state.kind));
    }
}

function change(changes) {
    Object.assign(state, { most: AT_ONCE }, changes);
    show();
}

/** A change from further up the page, whose effect is to be seen. */
function changeAndGo(changes) {
    change(changes);
    byId("clips-title").scrollIntoView();
    byId("clips-title").focus({ preventScroll: true });
}

/** The worst first: the largest where large is bad. */
function sortBy(key) {
    const measure = report.measures[Number(key)];
    return {
        sort: key,
        isDescending: Boolean(measure) && (measure.is_signed || (measure.low === null && measure.high !== null)),
    };
}

function connect() {
    const options = [
        ["place", "footage order"],
        ["name", "name"],
        ...report.measures.map(({ key, label }) => [key, label]),
    ];
    byId("sort").append(...options.map(([value, text]) => element("option", { value }, text)));
    byId("reason").append(
        element("option", { value: "" }, "any"),
        ...report.kinds.map((label, kind) => element("option", { value: kind }, label)),
    );
    byId("controls").addEventListener("submit", (event) => event.preventDefault());
    byId("reset").addEventListener("click", () => change(ALL));
    for (const radio of byId("controls").elements.verdict)
        radio.addEventListener("change", () => change({ verdict: radio.value }));
    byId("reason").addEventListener("change", () =>
        change({ kind: byId("reason").value === "" ? null : Number(byId("reason").value) }),
    );
    byId("search").addEventListener("input", () => change({ text: byId("search").value }));
    byId("sort").addEventListener("change", () => change(sortBy(byId("sort").value)));
    byId("direction").addEventListener("click", () => change({ isDescending: !state.isDescending }));
    byId("picked").addEventListener("click", () => change({ picked: null }));
    byId("more").addEventListener("click", () => change({ most: state.most + AT_ONCE }));
}

if (!pictures.are_all)
    report.notes.push(
        "To keep this page light, only some clips have pictures on it; they are taken from all over the footage.",
    );
drawSummary(report);
drawReasons(report, (kind) => (kind === state.kind ? change({ kind: null }) : changeAndGo({ kind })));
const pick = (label, clips) => changeAndGo({ picked: { label, clips } });
byId("histograms").append(
    ...report.measures.map((measure) => drawHistogram(measure, report.clips, pick, (key) => changeAndGo(sortBy(key)))),
);
drawVideos(report, (text) => changeAndGo({ text }));
connect();
show();
