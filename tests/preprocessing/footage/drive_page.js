// Uses the report page as a person would and tells what it then shows. The page is in two frames, a wide and a narrow one.

function drive(wide, narrow) {
    const page = wide.contentDocument;
    const names = () => [...page.querySelectorAll("#clips h3")].map((heading) => heading.textContent);
    const choose = (id, value, event = "change") => {
        page.getElementById(id).value = value;
        page.getElementById(id).dispatchEvent(new Event(event));
    };
    const sortOption = (label) =>
        [...page.getElementById("sort").options].find((option) => option.text === label).value;
    const verdict = (value) => page.querySelector(`input[value=${value}]`).click();
    const button = (text) => [...page.querySelectorAll("button")].find((node) => node.textContent.includes(text));
    const listed = {};
    const note = (step) => (listed[step] = names());

    note("at first");
    choose("sort", sortOption("face size"));
    note("by face size");
    button("ascending").click();
    note("by face size, descending");
    choose("sort", sortOption("yaw"));
    note("by yaw");
    choose("sort", "name");
    note("by name");
    choose("sort", "place");
    verdict("out");
    note("left out");
    verdict("kept");
    note("kept");
    verdict("all");
    page.querySelector("#reasons button").click();
    note("of the first reason");
    button("List all").click();
    choose("search", "SECOND", "input");
    note("found");
    button("List all").click();
    button("1 clip beyond").click();
    note("beyond");
    button("List all").click();
    page.querySelector("#histograms article:nth-child(2) .column").dispatchEvent(
        new wide.contentWindow.MouseEvent("click"),
    );
    note("of the first bar");
    button("List all").click();
    note("at last");

    // Rows clip what leaves them, so that every element is measured, not only the page.
    const overflow = ({ contentDocument: { body, documentElement } }) =>
        Math.max(
            documentElement.scrollWidth - documentElement.clientWidth,
            ...[...body.querySelectorAll("body *:not(.unseen)")].map((node) =>
                Math.round(node.getBoundingClientRect().right - documentElement.clientWidth),
            ),
            0,
        );
    return {
        listed,
        verdict: page.getElementById("verdict").textContent,
        notes: [...page.querySelectorAll("#notes li")].map((node) => node.textContent),
        videos: [...page.querySelectorAll("#unused .path")].map((node) => node.textContent),
        reasons: [...page.querySelectorAll("#reasons .label")].map((node) => node.textContent),
        limits: page.querySelectorAll("#histograms line.limit").length,
        axes: [...page.querySelectorAll("#histograms .axis span")].map((node) => node.textContent),
        images: [...page.images].map((image) => image.src.slice(0, 23)),
        unnamed: [...page.querySelectorAll("button, img, [role=img], select, input")].filter(
            (node) => !node.hidden && !(node.textContent.trim() || node.alt || node.ariaLabel || node.labels?.length),
        ).length,
        overflow: [overflow(wide), overflow(narrow)],
    };
}

window.addEventListener("load", () => {
    const told = document.createElement("pre");
    told.id = "told";
    told.textContent = JSON.stringify(drive(...document.querySelectorAll("iframe")));
    document.body.append(told);
});
