"""Where clip and question stand in a checkpoint's prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wmenv.core.errors import InvalidArgument, told
from wmenv.judgers.vlm.adapter import QUESTION, VIDEO, Adapter


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt in three pieces of text; the clip comes before the questions, so that they share it.

    Attributes:
        head: Before the clip.
        between: Between clip and question.
        tail: After the question, up to where the answer starts.
        own: Whether the checkpoint brought it, rather than the adapter.
    """

    head: str
    between: str
    tail: str
    own: bool

    @property
    def text(self) -> str:
        """The whole, with marks for clip and question."""
        return f"{self.head}<clip>{self.between}<question>{self.tail}"


def template_of(adapter: Adapter, outer: bool = True) -> Template:
    """The checkpoint's own chat template where it has one, else its family's.

    Args:
        adapter: The model's.
        outer: Whether to keep what the template has around the clip although each part of it has it, too.

    Raises:
        InvalidArgument: Its template does not show one clip, then the question; or there is nothing outer to leave out.
    """
    if not outer and not any(adapter.outer):
        raise InvalidArgument(
            f"outer=false is for templates with marks around a clip; those of {adapter.kind} have none"
        )
    text, own = _text(adapter)
    opening, closing = adapter.outer
    text = text if outer else text.replace(f"{opening}{VIDEO}{closing}", VIDEO)
    head, _, rest = text.partition(VIDEO)
    between, _, tail = rest.partition(QUESTION)
    return Template(head, between, tail, own)


def _text(adapter: Adapter) -> tuple[str, bool]:
    """The prompt with marks for clip and question, and whether it is the checkpoint's own."""
    if not getattr(adapter.tokenizer, "chat_template", None):
        return adapter.template, False
    content: list[dict[str, Any]] = [{"type": "video"}, {"type": "text", "text": QUESTION}]
    try:
        text: str = adapter.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
    except Exception as error:
        raise InvalidArgument(f"the chat template of this checkpoint cannot be rendered: {told(error)}") from error
    if (
        text.count(adapter.marker) != 1
        or text.count(QUESTION) != 1
        or text.index(adapter.marker) > text.index(QUESTION)
    ):
        raise InvalidArgument(
            f"the chat template of this checkpoint must show one {adapter.marker}, then the question; it shows {text!r}"
        )
    return text.replace(adapter.marker, VIDEO), True
