// Keeps the source video in step with the result beside it, frame for frame.

function follow() {
    const source = element.querySelector("video.source");
    const result = element.querySelector("video.result");
    if (!source || !result) return;
    const apart = Math.abs(source.currentTime - result.currentTime);
    if (result.paused) {
        source.pause();
        if (apart > 0.01) source.currentTime = result.currentTime;
    } else {
        if (apart > 0.08) source.currentTime = result.currentTime;
        if (source.paused) source.play().catch(() => {});
        setTimeout(follow, 250);
    }
}

// Events of videos do not bubble, so they are caught on their way down; the videos come and go.
for (const name of ["play", "pause", "seeked", "loadeddata"]) element.addEventListener(name, follow, true);
