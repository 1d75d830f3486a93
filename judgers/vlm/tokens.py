"""Which tokens say yes, no, a grade, a letter: every surface form that is one token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from wmenv.core.errors import InvalidArgument
from wmenv.judgers.vlm.asking import NONE


class Tokens:
    """The tokens of a tokenizer that answers start with."""

    def __init__(self, tokenizer: Any) -> None:
        """Take a tokenizer."""
        self.tokenizer = tokenizer
        self._known: dict[tuple[str, ...], tuple[tuple[int, ...], ...]] = {}

    @cached_property
    def yes_no(self) -> tuple[tuple[int, ...], ...]:
        """Tokens of yes, tokens of no."""
        return self.of(("yes", "no"))

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Tokens that end an answer."""
        ends = {self.tokenizer.eos_token_id, self.tokenizer.convert_tokens_to_ids("<|im_end|>")}
        unknown = self.tokenizer.unk_token_id
        found = [one for one in ends if isinstance(one, int) and one != unknown]
        return tuple(sorted({*found, *self._single(".", "\n", "</")}))

    @cached_property
    def none(self) -> tuple[int, ...]:
        """Tokens that say that none of some events happen."""
        return self.of((NONE,))[0]

    def check_lists(self) -> None:
        """See that letters can be listed.

        Raises:
            InvalidArgument: A token for a comma, for none or for the end is missing.
        """
        if not (self.commas and self.none and self.stops):
            raise InvalidArgument("this tokenizer has no token that ends an answer")

    @cached_property
    def commas(self) -> tuple[int, ...]:
        """Tokens that announce another letter.

        Raises:
            InvalidArgument: There is none.
        """
        found = self._single(",", ", ", " ,")
        if not found:
            raise InvalidArgument("this tokenizer has no token for a comma, by which letters are separated")
        return tuple(sorted(found))

    def of(self, words: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """Tokens of each answer: as it is, capitalised and in capitals, with and without a space before.

        Args:
            words: Answers that are told apart.

        Raises:
            InvalidArgument: One has no form that is a single token, or shares one with another.
        """
        key = tuple(words)
        if key not in self._known:
            found = []
            for word in words:
                forms = {word} if len(word) == 1 else {word, word.lower(), word.capitalize(), word.upper()}
                found.append(self._single(*[space + form for form in forms for space in ("", " ")]))
            for k, (word, ids) in enumerate(zip(words, found, strict=True)):
                if not ids:
                    raise InvalidArgument(
                        f"this tokenizer has no single token for {word!r}; it cannot be read off logits"
                    )
                if any(ids & other for other in found[:k]):
                    raise InvalidArgument(f"this tokenizer has the same token for {word!r} and for another answer")
            self._known[key] = tuple(tuple(sorted(ids)) for ids in found)
        return self._known[key]

    def _single(self, *forms: str) -> set[int]:
        """Ids of the forms that are one token, and not the unknown one."""
        found = set()
        for form in forms:
            ids = self.tokenizer(form, add_special_tokens=False, split_special_tokens=True).input_ids
            if len(ids) == 1 and ids[0] != self.tokenizer.unk_token_id:
                found.add(int(ids[0]))
        return found
