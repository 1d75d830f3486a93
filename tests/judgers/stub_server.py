"""A stand-in for an OpenAI-compatible server: it checks what it is sent, answers as it is told, and can be faulty.

Faults are drawn by a seed from the n-th sending of each request, so that they are the same whatever the threads do.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("late", "429", "500", "half", "wrong JSON", "no logprobs", "nonsense")
LATE, PATIENCE = 3.0, 2.0
"""Seconds until a late answer comes, and for which tests wait: enough on a busy machine."""


@dataclass
class Asked:
    """One chat request as it came in.

    Attributes:
        words: The question: the last part of the message.
        frames: Base64 of every frame, in order.
        form: `video`, `images`, or empty without frames.
        payload: All of it.
        headers: Of the request.
        began: Monotonic time at which it came.
        ended: And at which it was answered.
        fault: What went wrong; empty where it was answered rightly.
    """

    words: str
    frames: tuple[str, ...]
    form: str
    payload: Mapping[str, Any]
    headers: Mapping[str, str]
    began: float
    ended: float = 0.0
    fault: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """Which question on which clip."""
        return self.words, hashlib.sha256(",".join(self.frames).encode()).hexdigest()


Answer = Mapping[str, float] | str
"""Probabilities of first tokens, or words."""


def hashed(words: str, frames: Sequence[str]) -> Answer:
    """An answer that depends on nothing but question and frames: a test can compute it too."""
    dice = random.Random("\n".join([words, *frames]))
    if "one number" in words:
        grades = [dice.random() for _ in range(4)]
        whole = sum(grades) / 0.9
        return {str(k): p / whole for k, p in enumerate(grades)}
    p = round(dice.uniform(0.02, 0.98), 3)
    return {"Yes": 0.6 * p, " yes": 0.3 * p, "No": 0.9 * (1 - p)}


def pixels(frame: str) -> Any:
    """A frame, decoded."""
    import av

    with av.open(io.BytesIO(base64.b64decode(frame)), format="mjpeg") as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


@dataclass
class Stub:
    """The server, to be used as a context manager.

    Attributes:
        answer: What is said to a question about frames.
        rate: Share of requests that are faulty.
        seed: Of the faults.
        forms: Forms of frames that it takes; others are refused by 400.
        sees: Whether it sees colours, as the self-test wants.
        logprobs: Whether it offers probabilities.
        refuse: Says why a payload is refused by 400; empty where it is not.
        key: The key that it wants; none where empty. It repeats what it got in its answers.
        usage: Tokens that it says it read and wrote.
    """

    answer: Callable[[str, Sequence[str]], Answer] = hashed
    rate: float = 0.0
    seed: int = 0
    forms: tuple[str, ...] = ("video", "images")
    sees: bool = True
    logprobs: bool = True
    refuse: Callable[[Mapping[str, Any]], str] = lambda payload: ""
    key: str = ""
    usage: tuple[int, int] | None = (1000, 1)
    models: tuple[str, ...] = ("tiny-vlm",)
    pause: float = 0.0
    down: bool = False
    log: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Stub:
        stub = self

        class Handler(_Handler):
            owner = stub

        self._lock = threading.Lock()
        self._times: Counter[Any] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def spec(self, **options: Any) -> str:
        """Specification of the judger that asks this server; impatient, for tests."""
        usual = {"pause": 0.002, "timeout": PATIENCE if self.rate else 30}
        return f"server:{self.url}" + "".join(f",{name}={value}" for name, value in {**usual, **options}.items())

    def rightly(self) -> Counter[tuple[str, str]]:
        """How often each question on each clip was answered rightly; the self-test's are left out."""
        return Counter(one.identity for one in self.asked() if not one.fault)

    def asked(self) -> list[Asked]:
        """Requests about clips that were not the self-test's."""
        own = ("red?", "seven a number", "Name any animal")
        return [one for one in self.log if not any(word in one.words for word in own)]

    def note(self, payload: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
        words, frames, form = taken_apart(payload)
        one = Asked(words, frames, form, payload, headers, time.monotonic())
        with self._lock:
            self._times[one.identity] += 1
            dice = random.Random(f"{self.seed} {self._times[one.identity]} {one.identity}")
            if dice.random() < self.rate:
                one.fault = dice.choice(FAULTS)
            self.log.append(one)
        return one

    def say(self, one: Asked) -> Answer:
        """What it answers."""
        if "red?" in one.words:
            if not self.sees:
                return {"Yes": 0.9, "No": 0.1}
            red, _, blue = pixels(one.frames[-1]).mean(axis=(0, 1))
            return {"Yes": 0.9, "No": 0.05} if red > blue else {"No": 0.97, "Yes": 0.01}
        if "seven a number" in one.words:
            return {"Yes": 0.99}
        if "Name any animal" in one.words:
            return {"Cat": 0.5, "Dog": 0.4}
        return self.answer(one.words, one.frames)


def taken_apart(payload: Mapping[str, Any]) -> tuple[str, tuple[str, ...], str]:
    """Question, frames and form of a request, which must be made as servers want it: video first, question last."""
    system, user = payload["messages"]
    assert system["role"] == "system" and user["role"] == "user"
    *head, last = user["content"]
    assert last["type"] == "text"
    frames: list[str] = []
    form = ""
    for k, part in enumerate(head):
        if part["type"] == "video_url":
            assert k == 0, "the video comes first"
            form, url = "video", part["video_url"]["url"]
            frames = url.removeprefix("data:video/jpeg;base64,").split(",")
            told = payload["media_io_kwargs"]["video"]
            assert told["num_frames"] == -1 and len(told["frames_indices"]) == len(frames)
            assert payload["mm_processor_kwargs"] == {"do_sample_frames": False}
            assert len(re.findall(r"\d+\.\d\d", head[1]["text"])) == len(frames), "times of all frames"
        elif part["type"] == "image_url":
            form = "images"
            assert re.fullmatch(r"<\d+\.\d\d seconds>", head[k - 1]["text"]), "a time before each picture"
            frames.append(part["image_url"]["url"].removeprefix("data:image/jpeg;base64,"))
    return last["text"], tuple(frames), form


class _Handler(BaseHTTPRequestHandler):
    """Speaks the protocol."""

    protocol_version = "HTTP/1.1"
    owner: Stub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self._allowed():
            self._send(200, {"data": [{"id": name} for name in self.owner.models]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._allowed():
            return
        payload = json.loads(body)
        one = self.owner.note(payload, dict(self.headers))
        try:
            self._answer(one)
        finally:
            one.ended = time.monotonic()

    def _allowed(self) -> bool:
        wanted = self.owner.key
        got = self.headers.get("Authorization", "")
        if wanted and got != f"Bearer {wanted}":
            self._send(401, {"error": {"message": f"Incorrect API key provided: {got}", "code": "invalid_api_key"}})
        return not wanted or got == f"Bearer {wanted}"

    def _answer(self, one: Asked) -> None:
        stub = self.owner
        if stub.down:
            one.fault = "down"
            return self._send(500, {"error": {"message": f"engine dead, key {stub.key}"}})
        why = stub.refuse(one.payload) or (
            f"'{one.form}' is not supported" if one.form and one.form not in stub.forms else ""
        )
        if why:
            one.fault = "refused"
            return self._send(400, {"error": {"message": f"{why} {stub.key}".strip(), "type": "BadRequestError"}})
        time.sleep(stub.pause)
        match one.fault:
            case "late":
                time.sleep(LATE)
                return self._send(200, self._completion(one, one.payload))
            case "429":
                return self._send(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.01"})
            case "500":
                return self._send(500, {"error": {"message": f"internal error {stub.key}"}})
            case "half":
                return self._half(one)
            case "wrong JSON":
                return self._send(200, {"object": "list", "data": [stub.key]})
            case "no logprobs" if one.payload.get("logprobs"):
                return self._send(200, self._completion(one, {**one.payload, "logprobs": False}))
            case "nonsense":
                return self._send(200, self._completion(one, one.payload, {"blue": 0.6, "the": 0.3}))
        one.fault = ""
        return self._send(200, self._completion(one, one.payload))

    def _half(self, one: Asked) -> None:
        data = json.dumps(self._completion(one, one.payload)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def _completion(self, one: Asked, payload: Mapping[str, Any], instead: Answer | None = None) -> dict[str, Any]:
        stub = self.owner
        said = stub.say(one) if instead is None else instead
        top = said if isinstance(said, Mapping) else {said.split()[0] if said.split() else "": 0.9}
        ranked = sorted(top, key=lambda token: -top[token])
        text = ranked[0].strip() if isinstance(said, Mapping) else said
        choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": f"{text}"}}
        if stub.logprobs and payload.get("logprobs"):
            listed = [{"token": token, "logprob": math.log(top[token])} for token in ranked]
            choice["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed[: payload["top_logprobs"]]}]}
        usage = {} if stub.usage is None else {"prompt_tokens": stub.usage[0], "completion_tokens": stub.usage[1]}
        return {"object": "chat.completion", "choices": [choice], "usage": usage or None}

    def _send(self, status: int, plain: Any, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(plain).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # whoever asked has gone
            self.close_connection = True
