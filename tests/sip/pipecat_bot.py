"""A Pipecat bot, as its own documentation has one for Twilio. Runs in an environment of its own, and knows no Ringback.

It says back what it hears. At the key 1 it makes a speech of a minute, at 2 it is interrupted, at # it ends.
"""

import asyncio
import json

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

RATE = 16_000


class Echo(FrameProcessor):
    """The conversation."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Audio comes back; keys do what the module says."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self._say(frame.audio, frame.sample_rate)
        elif isinstance(frame, InputDTMFFrame) and frame.button is KeypadEntry.ONE:
            await self._say(_tone(60), RATE)
        elif isinstance(frame, InputDTMFFrame) and frame.button is KeypadEntry.TWO:
            await self.push_frame(InterruptionFrame())
        elif isinstance(frame, InputDTMFFrame) and frame.button is KeypadEntry.POUND:
            await self.push_frame(EndWorkerFrame(), FrameDirection.UPSTREAM)
        else:
            await self.push_frame(frame, direction)

    async def _say(self, audio: bytes, rate: int) -> None:
        await self.push_frame(OutputAudioRawFrame(audio=audio, sample_rate=rate, num_channels=1))


def _tone(sec: int) -> bytes:
    return np.rint(9000 * np.sin(2 * np.pi * 440 / RATE * np.arange(sec * RATE))).astype(np.int16).tobytes()


app = FastAPI()


@app.websocket("/ws")
async def take(socket: WebSocket) -> None:
    """A call, whose carrier Pipecat finds out by itself."""
    await socket.accept()
    carrier, call = await parse_telephony_websocket(socket)
    print(json.dumps({"carrier": carrier, "call": dict(call)}, default=str), flush=True)
    serializer = TwilioFrameSerializer(
        call["stream_id"], call["call_id"], params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
    )
    transport = FastAPIWebsocketTransport(
        socket, FastAPIWebsocketParams(serializer=serializer, audio_in_enabled=True, audio_out_enabled=True)
    )
    params = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    worker = PipelineWorker(Pipeline([transport.input(), Echo(), transport.output()]), params=params)

    @transport.event_handler("on_client_disconnected")
    async def hang_up(_transport: FastAPIWebsocketTransport, _socket: WebSocket) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
    print(json.dumps({"ended": call["call_id"]}), flush=True)


async def main() -> None:
    """Listen on a free port, and say on which."""
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"url": f"ws://127.0.0.1:{port}/ws"}), flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main())
