"""The process that speaks live: python -m serving.live_worker, for one stream after another; see live_messages.

OPEN begins a stream with an avatar, {"avatar": FOLDER, "device", "precision"}; the answer is the NOTE {"ready": SIZES}
or {"error": REASON}. COMMAND is {"interrupt": true}, {"end": true} to hear what is left, or {"close": true}. The NOTE
{"closed": true} ends every stream. The end of the input ends the process.
"""

import os
import queue
import signal
import sys
import threading
import time
from typing import IO, Any

from config.errors import InputError, reason
from serving.live_messages import COMMAND, FRAME, HEAD, NOTE, OPEN, SOUND, Message, frame_bytes, message
from serving.live_pace import PATIENCE, LivePace

TICK = 0.02  # seconds between looks at the clock
QUALITY = 85  # of the JPEGs


class Pipes:
    """Messages from and to the server. What libraries print goes to standard error."""

    def __init__(self) -> None:
        self.answers: IO[bytes] = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self.arrived: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        while len(head := sys.stdin.buffer.read(HEAD.size)) == HEAD.size:
            kind, length = HEAD.unpack(head)
            self.arrived.put(Message(kind, sys.stdin.buffer.read(length)))
        os._exit(0)

    def next(self, timeout: float | None) -> Message | None:
        try:
            return self.arrived.get(timeout=timeout)
        except queue.Empty:
            return None

    def say(self, said: Message) -> None:
        self.answers.write(said.packed())
        self.answers.flush()


class Stream:
    """One client's: sound in, frames out."""

    def __init__(self, pipes: Pipes, dubber: Any):
        self.pipes, self.dubber, self.pace = pipes, dubber, LivePace(time.monotonic())
        self.is_ending = self.is_over = False

    def run(self) -> None:
        while not self.is_over:
            said = self.pipes.next(TICK)
            while said is not None:
                self.take(said)
                said = self.pipes.next(0) if not self.is_over else None
            self.go_on()

    def take(self, said: Message) -> None:
        import numpy as np

        if said.kind == SOUND:
            self.pace.arrive(np.frombuffer(said.content, "<i2").astype(np.float32) / 32768)
        elif said.kind == COMMAND:
            self.obey(said.values)

    def obey(self, command: dict[str, Any]) -> None:
        if command.get("interrupt"):
            self.pace.drop()
            self.dubber.interrupt()
        self.is_ending |= bool(command.get("end"))
        self.is_over |= bool(command.get("close"))

    def go_on(self) -> None:
        """Give the stream what is due, and send the frames that come of it."""
        now = time.monotonic()
        self.pace.let_go(now)
        while not self.is_over and (samples := self.due(now)) is not None:
            self.send(self.dubber.push(samples))
        if self.is_ending and not self.pace.waiting:
            self.send(self.dubber.finish())
            self.is_over = True
        elif seconds := self.pace.silence(now):
            self.send(self.dubber.idle(seconds))

    def due(self, now: float) -> Any:
        """Sound that is due at `now`, None where there is none; it is drawn with the effort that there is time for."""
        from dubbing.live.effort import Effort

        self.dubber.effort = Effort.when_late(self.pace.late(time.monotonic()) - PATIENCE)
        return self.pace.speech(now)

    def send(self, frames: list[Any]) -> None:
        import cv2

        from media.audio import to_pcm16

        for frame in frames:
            bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
            picture = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
            sound = to_pcm16(frame.samples).astype("<i2").tobytes()
            self.pipes.say(Message(FRAME, frame_bytes(frame.index, frame.time, picture, sound)))


class Studio:
    """Opens avatars, and keeps the generator of the last one: another avatar of the same opens in a second."""

    def __init__(self) -> None:
        self.renderer, self.generator = None, None

    def dubber(self, folder: str, device: str, precision: str) -> Any:
        from dubbing.avatar import open_avatar
        from dubbing.avatar_record import GENERATOR
        from dubbing.live.dubber import LiveDubber

        avatar = open_avatar(folder)
        generator = avatar.record.files[GENERATOR]
        renderer = self.renderer if generator == self.generator else None
        dubber = LiveDubber(avatar, device=device, precision=precision, renderer=renderer)
        self.renderer, self.generator = dubber.renderer, generator
        return dubber


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server too, which decides
    pipes = Pipes()
    import dubbing.live.dubber  # noqa: F401  takes seconds, while nobody waits

    studio = Studio()
    while True:
        if (said := pipes.next(None)).kind != OPEN:
            continue  # what a client said after its stream had ended
        try:
            speak(pipes, studio, said.values)
        except InputError as error:
            pipes.say(message(NOTE, error=reason(error).replace(said.values["avatar"], "the avatar")))
        pipes.say(message(NOTE, closed=True))


def speak(pipes: Pipes, studio: Studio, order: dict[str, str]) -> None:
    """One stream from its beginning to its end. Raises InputError."""
    dubber = studio.dubber(order["avatar"], order["device"], order["precision"])
    record = dubber.avatar.record
    pipes.say(message(NOTE, ready={"width": record.width, "height": record.height, "fps": float(record.rate)}))
    Stream(pipes, dubber).run()


if __name__ == "__main__":
    main()
