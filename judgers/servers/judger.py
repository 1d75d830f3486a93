"""`server:URL`: a vision-language model behind any OpenAI-compatible endpoint, such as vLLM, SGLang or a hosted one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from wmenv.core.canonical import digest
from wmenv.core.case import Case
from wmenv.core.clip import Clip, Response
from wmenv.core.errors import InvalidArgument
from wmenv.core.verdict import Judgement, judgement
from wmenv.judgers.servers.asker import Asker
from wmenv.judgers.servers.client import Client, Patience
from wmenv.judgers.servers.key import read_key
from wmenv.judgers.servers.manner import LIMITS, TOPS, Manner
from wmenv.judgers.servers.outcome import Outcome, verdict
from wmenv.judgers.servers.selftest import find, the_model
from wmenv.judgers.servers.settings import AUTO, Settings, between, check_manner, terms
from wmenv.judgers.servers.store import FILE, Store
from wmenv.judgers.servers.wire import Wire, checked_url
from wmenv.judgers.servers.words import TEMPLATE

IDENTITY = "server-v0"


class ServerJudger:
    """Puts a case's questions to a vision-language model that has been shown the clip.

    A question of one word is answered by the probabilities of the first token where the server tells them, by votes
    where not; a self-test at the start finds out, and in which form the model sees frames. Every reply is kept on
    disk the moment it comes, by clip, judger and question: none is asked for twice. What stays unanswered is `failed`.

    Where model, answers and frames are all given there is no self-test, and nothing is sent before the first clip.

    Attributes:
        spec: The specification that makes the same judger again, without what decides no answer (keys, budgets, pace).
        told: What the self-test found, in words.
    """

    name = "server"
    accepts = ("clip",)
    reads_truth = False
    exact = False

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        answers: str = AUTO,
        frames: str = AUTO,
        sampler: str = Settings.sampler,
        quality: int = Settings.quality,
        votes: int = Settings.votes,
        score: str = Settings.score,
        words: str = Settings.words,
        tokens: int = Settings.tokens,
        mass: float = Settings.mass,
        top: int = TOPS[0],
        limit: str = LIMITS[0],
        temperature: str = "set",
        key_env: str | None = None,
        key_file: str | None = None,
        cache: str | None = None,
        parallel: int = 16,
        per_minute: float | None = None,
        timeout: float = 120.0,
        tries: int = 6,
        pause: float = 1.0,
        max_requests: int | None = None,
        max_cost: float | None = None,
        price_in: float | None = None,
        price_out: float | None = None,
        key: object = None,
        api_key: object = None,
    ) -> None:
        """Prepare to ask a server; docs/judgers.md has every option in a table.

        Args:
            url: Base address, such as `http://localhost:8000/v1`.
            model: Name of the model; the server's only one by default.
            answers: `logprobs`, `votes`, or `auto`: the self-test decides.
            frames: `video` (vLLM's frames of a video), `images` (one picture a frame with its time before it), or
                `auto`.
            sampler: Frames shown: `uniform-N`, `fps-F` or `all`.
            quality: JPEG quantiser of FFmpeg, 1 (best) to 31.
            votes: Replies to a one-word question where votes are taken.
            score: `probability` of the good answer, or `decision`: the likelier answer, 0 or 1.
            words: `protocol` puts the exact words of a published benchmark where a case has them; `own` never.
            tokens: Longest reply in words.
            mass: Least share of the probability on the possible answers; the judge abstains below.
            top: Likeliest tokens asked for.
            limit: Field that limits a reply: `max_tokens` or `max_completion_tokens`.
            temperature: `unset` for models that allow none to be set.
            key_env: Environment variable that holds the key.
            key_file: File whose first line is the key.
            cache: File that keeps the replies; by default `answers.sqlite` in the run folder.
            parallel: Requests under way at once.
            per_minute: Requests a minute, at most.
            timeout: Seconds for one answer.
            tries: Times a request is sent before its question counts as unanswered.
            pause: Seconds before the second try, at most; doubled for each further one.
            max_requests: Requests that may be sent in all, over every resumption.
            max_cost: What may be paid in all, likewise.
            price_in: Price of a million tokens read.
            price_out: Price of a million tokens written.
            key: Not taken: a key on a command line can be read by everybody on the machine.
            api_key: Not taken either.

        Raises:
            InvalidArgument: An option is out of range, or the key cannot be read.
            ServerFailed: The self-test: no answer, or frames are not seen.
        """
        if key is not None or api_key is not None:
            raise InvalidArgument("a key is not given itself: name its place, key_env=VARIABLE or key_file=FILE")
        check_manner(answers, frames, top, limit, temperature)
        between("parallel", parallel, 1, 1024, whole=True)
        between("tries", tries, 1, 100, whole=True)
        between("timeout", timeout, 1e-3, 86_400.0)
        between("pause", pause, 0.0, 3600.0)
        if per_minute is not None:
            between("per_minute", per_minute, 1e-3, 1e9)
        prices = {"price_in": price_in, "price_out": price_out}
        may = terms({"max_requests": max_requests, "max_cost": max_cost, **prices})
        self.settings = Settings(sampler, quality, votes, score, words, tokens, float(mass))
        self.url = checked_url(url)
        self.parallel = parallel
        secret = read_key(key_env, key_file)
        self._placed = cache is not None
        store = Store(None if cache is None else Path(str(cache)).expanduser())
        self.client = Client(
            Wire(self.url, secret, float(timeout)), store, Patience(tries, pause, parallel, per_minute), may
        )
        manner = Manner("", top=top, limit=limit, temperature=temperature == "set")
        try:
            manner, left_over = self._introduced(model, manner, answers, frames)
        finally:
            self.client.wire.close()
        self.manner = manner
        facts = {
            "url": self.url,
            **{name: getattr(manner, name) for name in ("model", "answers", "frames", "top", "limit", "temperature")},
            **self.settings.plain(),
            "template": TEMPLATE,
        }
        identity = f"{IDENTITY} {manner.model} {manner.answers} {manner.frames} {digest(facts)}"
        self.card: dict[str, Any] = {"identity": identity, **facts}
        if left_over is not None:
            self.card["left_over"] = left_over
        self.spec = self._spec()
        self.told = _told(manner, left_over)
        self._asker = Asker(self.client, manner, self.settings, identity)

    def keep_answers(self, folder: Path) -> None:
        """Keep replies in a run folder, unless a place was given.

        Raises:
            RunFolderError: It cannot be written.
        """
        if not self._placed:
            self.client.store.move(folder / FILE)

    def close(self) -> None:
        """End the connections and close the file of replies."""
        self.client.wire.close()
        if not self._placed:
            self.client.store.close()

    def judge(self, cases: Sequence[Case], responses: Sequence[Response]) -> list[Judgement]:
        """Ask about a batch of clips, several at once; of each clip one question first, then the others together.

        The first question has the server read the clip; the others find what it read in the server's cache.
        """
        self.client.go_on()
        questions = ThreadPoolExecutor(self.parallel, "wmenv-question")
        clips = ThreadPoolExecutor(min(self.parallel, max(1, len(cases))), "wmenv-clip")
        try:
            pairs = zip(cases, responses, strict=True)
            return list(clips.map(lambda pair: self._judged(pair[0], pair[1], questions), pairs))
        except (KeyboardInterrupt, SystemExit):
            self.client.stop()
            raise
        finally:
            clips.shutdown(cancel_futures=True)
            questions.shutdown(cancel_futures=True)
            self.client.wire.close()  # until the next batch, which may be long in coming

    def _judged(self, case: Case, response: Response, others: Executor) -> Judgement:
        assert isinstance(response, Clip)
        clip = self._asker.show(response)
        asked = [(c.id, k, question) for c in case.criteria for k, question in enumerate(c.questions)]
        outcomes: dict[tuple[str, int], Outcome] = {}
        first = next((one for one in asked if not self._asker.known(one[2], clip)), None)
        if first is not None:
            outcomes[first[:2]] = self._asker.outcome(first[2], clip)
        rest = [one for one in asked if one is not first]
        answered = others.map(lambda one: self._asker.outcome(one[2], clip), rest)
        outcomes |= {one[:2]: outcome for one, outcome in zip(rest, answered, strict=True)}
        verdicts = [verdict(c, [outcomes[c.id, k] for k in range(len(c.questions))]) for c in case.criteria]
        return judgement(case, verdicts, str(self.card["identity"]))

    def _introduced(self, model: str | None, manner: Manner, answers: str, frames: str) -> tuple[Manner, bool | None]:
        """The manner of speaking to the server, and what the self-test says of left-over probability."""
        name = the_model(self.client) if model is None else str(model)
        if not name.isprintable() or not name or "," in name:
            raise InvalidArgument(f"model must be a printable name without a comma, got {name!r}")
        manner = replace(manner, model=name)
        if AUTO not in (answers, frames):
            return replace(manner, answers=answers, frames=frames), None  # type: ignore[arg-type]
        found = find(self.client, manner, answers, frames, self.settings.tokens)
        return found.manner, found.left_over

    def _spec(self) -> str:
        """The specification without what decides no answer, the self-test's findings in it."""
        manner = self.manner
        options: dict[str, Any] = {"model": manner.model, "answers": manner.answers, "frames": manner.frames}
        options |= {"top": manner.top} if manner.top != TOPS[0] else {}
        options |= {"limit": manner.limit} if manner.limit != LIMITS[0] else {}
        options |= {} if manner.temperature else {"temperature": "unset"}
        options |= self.settings.changed()
        return f"{self.name}:{self.url}" + "".join(f",{name}={value}" for name, value in options.items())


def _told(manner: Manner, left_over: bool | None) -> str:
    how = "probabilities of first tokens" if manner.answers == "logprobs" else "votes"
    seen = "as a video" if manner.frames == "video" else "as pictures with times"
    lost = (
        "; it hides probability outside the possible answers, so the judge never abstains" if left_over is False else ""
    )
    return f"judged by {manner.model}: {how}, frames {seen}{lost}"
