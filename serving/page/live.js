// Speaks by an avatar: sends sound from the microphone or a file, and plays what comes back on the sound's clock.
// The audio context's time is the one clock: a frame is shown when its own sound is heard.

const RATE = 16000; // of all sound that is sent and comes
const BLOCK = 640; // samples in a message: 40 ms
const BUFFER = 0.15; // seconds by which frames are played later than they come, so that late ones are in time
const AHEAD = 1.0; // seconds of a file that are sent before they are spoken
const HEAD = 20; // bytes before the picture: index, time, bytes of the picture, samples
const RECORDER = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process(inputs) { if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice()); return true; }
})`;

let stream = null; // what is open now: socket, clock, frames that wait, what is being sent

function part(name) {
    return element.querySelector(`.live ${name}`);
}

function say(key, detail = "") {
    const words = JSON.parse(part(".words").textContent);
    part(".state").textContent = (words[key] ?? key) + detail;
}

async function connect() {
    const name = part("select").value;
    if (stream && stream.name === name && stream.socket.readyState === WebSocket.OPEN) return stream;
    stop();
    const clock = new AudioContext({ sampleRate: RATE });
    const address = new URL(`api/live/${encodeURIComponent(name)}`, document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    stream = { name, clock, socket, base: null, frames: [], sources: new Set(), shown: 0, late: 0, sending: 0 };
    say("live_connecting");
    await begun(stream);
    return stream;
}

function begun(mine) {
    return new Promise((resolve, reject) => {
        mine.socket.onmessage = ({ data }) => {
            if (data instanceof ArrayBuffer) return arrive(mine, data);
            const said = JSON.parse(data);
            if (said.ready) {
                Object.assign(part("canvas"), { width: said.ready.width, height: said.ready.height });
                say("live_ready");
                requestAnimationFrame(() => show(mine));
                resolve();
            } else if (said.error) {
                say("failed", `: ${said.error}`);
                reject(new Error(said.error));
            }
        };
        mine.socket.onclose = () => {
            if (mine === stream) stop();
            reject(new Error("closed"));
        };
    });
}

async function arrive(mine, data) {
    const view = new DataView(data);
    const time = view.getFloat64(4, true);
    const bytes = view.getUint32(12, true);
    const samples = new Int16Array(data.slice(HEAD + bytes, HEAD + bytes + 2 * view.getUint32(16, true)));
    const now = mine.clock.currentTime;
    if (mine.base === null) mine.base = now + BUFFER - time;
    if (mine.base + time < now) {
        mine.late += 1; // all that follows is played later, so that sound stays whole
        mine.base = now + BUFFER - time;
    }
    const when = mine.base + time;
    if (samples.length) play(mine, samples, when);
    const frame = { when, picture: null };
    mine.frames.push(frame);
    frame.picture = await createImageBitmap(new Blob([new Uint8Array(data, HEAD, bytes)], { type: "image/jpeg" }));
}

function play(mine, samples, when) {
    const buffer = mine.clock.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(Float32Array.from(samples, (value) => value / 32768), 0);
    const source = mine.clock.createBufferSource();
    source.buffer = buffer;
    source.connect(mine.clock.destination);
    source.onended = () => mine.sources.delete(source);
    source.start(when);
    mine.sources.add(source);
}

function show(mine) {
    if (mine !== stream) return;
    const heard = mine.clock.currentTime - (mine.clock.outputLatency || 0);
    let due = null;
    while (mine.frames.length && mine.frames[0].when <= heard && mine.frames[0].picture) due = mine.frames.shift();
    const canvas = part("canvas");
    if (due && canvas) {
        canvas.getContext("2d").drawImage(due.picture, 0, 0);
        mine.shown += 1;
        Object.assign(canvas.dataset, { shown: mine.shown, late: mine.late });
    }
    requestAnimationFrame(() => show(mine));
}

function send(mine, samples) {
    if (mine.socket.readyState !== WebSocket.OPEN) return;
    mine.socket.send(Int16Array.from(samples, (value) => Math.max(-1, Math.min(1, value)) * 32767).buffer);
}

async function speak() {
    const mine = await connect();
    silence(mine);
    const heard = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true } });
    const module = URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" }));
    await mine.clock.audioWorklet.addModule(module);
    const recorder = new AudioWorkletNode(mine.clock, "recorder");
    let block = [];
    recorder.port.onmessage = ({ data }) => {
        block.push(...data);
        while (block.length >= BLOCK) send(mine, block.splice(0, BLOCK));
    };
    mine.clock.createMediaStreamSource(heard).connect(recorder);
    mine.microphone = heard;
    say("live_listening");
}

async function sendFile(file) {
    const mine = await connect();
    silence(mine);
    const content = await mine.clock.decodeAudioData(await file.arrayBuffer());
    const samples = content.getChannelData(0);
    const mark = ++mine.sending; // a later file or an interruption ends this one
    const begin = performance.now();
    say("live_speaking");
    for (let sent = 0; sent < samples.length && mark === mine.sending; sent += BLOCK) {
        send(mine, samples.subarray(sent, sent + BLOCK));
        const early = sent / RATE - AHEAD - (performance.now() - begin) / 1000;
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, 1000 * early));
    }
}

function silence(mine) {
    mine.sending += 1;
    for (const track of mine.microphone?.getTracks() ?? []) track.stop();
    mine.microphone = null;
}

function interrupt() {
    if (!stream) return;
    silence(stream);
    for (const source of stream.sources) source.stop();
    if (stream.socket.readyState === WebSocket.OPEN) stream.socket.send(JSON.stringify({ interrupt: true }));
    say("live_ready");
}

function stop() {
    if (!stream) return;
    const mine = stream;
    stream = null;
    silence(mine);
    mine.socket.close();
    mine.clock.close();
}

const actions = { microphone: speak, interrupt, stop: () => (stop(), say("live_stopped")) };

function attempt(work) {
    Promise.resolve(work()).catch((error) => part(".state").textContent === "" && say("failed", `: ${error.message}`));
}

element.addEventListener("click", ({ target }) => {
    const action = actions[target.closest("button")?.dataset.action];
    if (action) attempt(action);
});
element.addEventListener("change", ({ target }) => {
    if (target.type === "file" && target.files.length) attempt(() => sendFile(target.files[0]));
});
