// The top of the page: the verdict, totals, notes, reasons and videos.

const OPEN_AT_MOST = 12; // videos listed without being asked for

function drawSummary(report) {
    const kept = report.clips.filter((clip) => clip.kept);
    const secondsIn = sum(report.videos.map((video) => video.seconds ?? 0));
    const secondsOut = sum(kept.map((clip) => clip.end - clip.start));
    const share = secondsIn ? `${Math.round((100 * secondsOut) / secondsIn)}\u00a0% of the footage` : "";
    const doubtful = kept.filter((clip) => clip.reasons.length).length;
    byId("verdict").textContent = report.clips.length
        ? `${kept.length.toLocaleString("en")} of ${count(report.clips.length, "clip")} kept`
        : "No clips were found";
    const videos = (status) => report.videos.filter((video) => video.status === status).length;
    const facts = [
        [
            "Videos",
            report.videos.length,
            `${videos("used")} used, ${videos("left out")} left out, ${videos("failed")} failed`,
        ],
        ["Clips kept", kept.length, doubtful ? `${doubtful} with a reason against them` : ""],
        ["Clips left out", report.clips.length - kept.length, ""],
        ["Footage in", duration(secondsIn), ""],
        ["Clips out", duration(secondsOut), share],
    ];
    byId("totals").append(
        ...facts.map(([name, value, more]) =>
            element(
                "div",
                {},
                element("dt", {}, name),
                element("dd", {}, value.toLocaleString("en")),
                element("dd", { class: "hint" }, more),
            ),
        ),
    );
    byId("notes").append(...report.notes.map((note) => element("li", {}, note)));
}

function drawReason({ kind, label, clips, alone }, most, choose) {
    const part = (number) => {
        const node = element("span");
        node.style.width = `${(100 * number) / most}%`;
        return node;
    };
    const seconds = duration(sum(clips.map((clip) => clip.end - clip.start)));
    const figures = `${count(clips.length, "clip")}, ${seconds}; ${alone} alone`;
    const button = element(
        "button",
        { type: "button", "data-kind": kind, "aria-pressed": "false", click: () => choose(kind) },
        element("span", { class: "label" }, label),
        element("span", { class: "bar" }, part(alone), part(clips.length - alone)),
        element("span", { class: "figures" }, figures),
    );
    return element("li", {}, button);
}

function drawReasons(report, choose) {
    const reasons = report.kinds.map((label, kind) => {
        const clips = report.clips.filter((clip) => clip.kinds.has(kind));
        return { kind, label, clips, alone: clips.filter((clip) => clip.kinds.size === 1).length };
    });
    reasons.sort((one, other) => other.clips.length - one.clips.length);
    byId("reasons-hint").textContent = reasons.length
        ? "A clip can have several reasons; \u201calone\u201d, the full colour, counts those that have no other. " +
          "Select a reason to list its clips."
        : "No clip has a reason against it.";
    byId("reasons").append(...reasons.map((reason) => drawReason(reason, reasons[0].clips.length, choose)));
}

function drawVideos(report, search) {
    const row = (video) => {
        const kept = video.clips.filter((clip) => clip.kept).length;
        const facts = [
            video.status,
            video.seconds === null ? null : duration(video.seconds),
            video.fps === null ? null : `${rounded(video.fps)}\u00a0fps`,
            video.clips.length ? `${kept} of ${count(video.clips.length, "clip")} kept` : null,
        ];
        const path = video.clips.length
            ? element(
                  "button",
                  { type: "button", class: "link", title: "list its clips", click: () => search(video.path) },
                  video.path,
              )
            : video.path;
        return element(
            "li",
            { "data-status": video.status },
            element("span", { class: "path" }, path),
            element("span", { class: "hint" }, facts.filter((fact) => fact !== null).join(" \u00b7 ")),
            video.reason ? element("span", { class: "why" }, video.reason) : null,
        );
    };
    const list = (id, words, videos) => {
        const [summary, rows] = byId(id).children;
        summary.textContent = `${count(videos.length, "video")} ${words}`;
        rows.append(...videos.map(row));
        byId(id).hidden = !videos.length;
        byId(id).open = id === "unused" && videos.length <= OPEN_AT_MOST;
    };
    const used = report.videos.filter((video) => video.status === "used");
    const unused = report.videos.filter((video) => video.status !== "used");
    unused.sort((one, other) => (other.status === "failed") - (one.status === "failed"));
    list("unused", "of which nothing was kept", unused);
    list("used", "of which clips were kept", used);
}
