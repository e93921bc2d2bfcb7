"""The WebSocket of a live stream: PCM16 in, frames with their time and sound out, on the one port that there is.

A client sends binary messages, PCM16 at 16 kHz mono, as they are spoken or faster, and texts: {"interrupt": true} drops
what has not been spoken, {"end": true} ends the stream when all has been. It gets {"ready": {"width", "height",
"fps"}}, then binary messages: index (uint32), time (float64), bytes of the picture and samples of the sound (uint32
each), all little endian, the picture (JPEG) and the sound (PCM16). {"closed": true} is the last, or {"error": REASON}.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from config.errors import InputError, reason
from serving.api import Server
from serving.live_messages import COMMAND, FRAME, NOTE, OPEN, SOUND, Message, message
from serving.live_process import LiveProcess
from serving.refused import Refused
from serving.service import Service

STALL = 10.0  # seconds in which a client must take a frame
ENDING = 5.0  # seconds in which a worker must end its stream
REFUSED = 1008  # RFC 6455: policy violation
COMMANDS = ({"interrupt": True}, {"end": True})
router = APIRouter()


@router.websocket("/api/live/{name}")
async def live(socket: WebSocket, name: str, service: Server) -> None:
    await socket.accept()
    try:
        avatar = service.avatars.find(name)
        process = await run_in_threadpool(service.live.take)
    except InputError as error:
        await say_error(socket, reason(error))
        return
    is_usable = False
    try:
        is_usable = await converse(socket, service, process, str(avatar))
    finally:
        await asyncio.shield(run_in_threadpool(service.live.give_back, process, is_usable))


async def converse(socket: WebSocket, service: Service, process: LiveProcess, avatar: str) -> bool:
    """A stream from beginning to end; whether the worker can serve another."""
    options = service.options
    begin = message(OPEN, avatar=avatar, device=options.device, precision=options.precision)
    await run_in_threadpool(process.say, begin)
    listening = asyncio.create_task(listen(socket, process))
    speaking = asyncio.create_task(speak(socket, process))
    await asyncio.wait((listening, speaking), return_when=asyncio.FIRST_COMPLETED)
    if not speaking.done():
        if trouble := listening.result():
            await say_error(socket, trouble)
        await run_in_threadpool(process.say, message(COMMAND, close=True))
        has_ended, _ = await asyncio.wait((speaking,), timeout=ENDING)
        if not has_ended:
            process.process.kill()
    listening.cancel()
    return await speaking


async def listen(socket: WebSocket, process: LiveProcess) -> str:
    """Pass on what the client says until it leaves, ''; or until it says what nobody understands, which is told."""
    while True:
        try:
            said = await socket.receive()
            if said["type"] == "websocket.disconnect":
                return ""
            await run_in_threadpool(process.say, client_message(said))
        except Refused as error:
            return str(error)


def client_message(said: dict[str, Any]) -> Message:
    """For the worker. Raises Refused for what it is not told."""
    if (sound := said.get("bytes")) is not None:
        if len(sound) % 2:
            raise Refused("half a sample; send PCM16, two bytes for each sample")
        return Message(SOUND, sound)
    try:
        command = json.loads(said.get("text") or "")
    except (ValueError, RecursionError):
        command = None
    if command not in COMMANDS:
        raise Refused('a text is {"interrupt": true} or {"end": true}; sound is sent in binary messages')
    return message(COMMAND, **command)


async def speak(socket: WebSocket, process: LiveProcess) -> bool:
    """Pass on what the worker says until its stream has ended, True, or it has died, False."""
    is_open = True
    while (heard := await run_in_threadpool(process.hear)) is not None:
        if heard.kind == NOTE and heard.values.get("closed"):
            if is_open:
                await close(socket, heard)
            return True
        if is_open:
            is_open = await passed_on(socket, heard)
            if not is_open:
                await run_in_threadpool(process.say, message(COMMAND, close=True))
    await say_error(socket, "the process that spoke has died; connect again")
    return False


async def passed_on(socket: WebSocket, heard: Message) -> bool:
    """Send a message of the worker to the client; False where the client is gone or takes nothing."""
    try:
        send = socket.send_bytes(heard.content) if heard.kind == FRAME else socket.send_text(heard.content.decode())
        await asyncio.wait_for(send, STALL)
        return True
    except (TimeoutError, WebSocketDisconnect, RuntimeError):  # RuntimeError: it was closed from here
        return False


async def close(socket: WebSocket, last: Message) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(last.content.decode())
        await socket.close()


async def say_error(socket: WebSocket, text: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_json({"error": text})
        await socket.close(REFUSED)
