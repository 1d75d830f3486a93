"""From logits to answers: probabilities of yes, of grades, of letters, and what mass is left for anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wmenv.judgers.vlm.asking import Asked
from wmenv.judgers.vlm.handle import Suffix
from wmenv.judgers.vlm.tokens import Tokens

CERTAIN = 1e-6
"""Nearest that a probability comes to 1 before its log-odds are taken."""

Ask = Callable[[Suffix], Tensor]
"""Logits (reads, vocabulary) of one suffix on one clip."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a model says to a question, with gradient where its logits have one.

    Attributes:
        value: Reward: log-odds of the good answer, or for a grade its expectation.
        score: In [0, 1]: probability of the good answer, or where the expected grade lies between lowest and highest.
        mass: Probability that the answer starts with any of those that are told apart; for several tokens the least.
        probabilities: Of the answers that are told apart, given that it is one of them: (yes, no), grades or letters.
    """

    value: Tensor
    score: Tensor
    mass: Tensor
    probabilities: Tensor


def grouped(row: Tensor, tokens: Sequence[Sequence[int]]) -> Tensor:
    """Log-probabilities (n,) of n answers, each the sum over its tokens, of a row of logits (vocabulary,)."""
    logs = torch.log_softmax(row, dim=-1)
    return torch.stack([torch.logsumexp(logs[list(ids)], dim=-1) for ids in tokens])


def said(asked: Asked, row: Tensor, tokens: Tokens) -> Said:
    """Read an answer that one token settles.

    Args:
        asked: The question, of any reply but `letters`.
        row: Logits (vocabulary,) of the token that the answer starts with.
        tokens: Of the model's tokenizer.
    """
    question = asked.question
    logs = grouped(row, tokens.yes_no if asked.reply == "yes-no" else tokens.of(asked.choices))
    mass, probabilities = logs.exp().sum(), torch.softmax(logs, dim=0)
    if asked.reply == "yes-no":
        odds = (logs[0] - logs[1]) * question.polarity
        return Said(odds, torch.sigmoid(odds), mass, probabilities)
    if asked.reply == "grade":
        grades = torch.arange(question.lowest, question.highest + 1, device=row.device, dtype=row.dtype)
        expected = (probabilities * grades).sum()
        return Said(expected, (expected - question.lowest) / (question.highest - question.lowest), mass, probabilities)
    right = asked.order.index(question.options.index(question.reference))
    others = torch.cat([logs[:right], logs[right + 1 :]])
    odds = logs[right] - torch.logsumexp(others, dim=0) if len(others) else logs.new_tensor(0.0)
    return Said(odds, probabilities[right], mass, probabilities)


def right_letters(asked: Asked, suffix: Suffix, tokens: Tokens) -> Suffix:
    """The suffix that also holds the right answer, all events in their order, for `said_of_order`."""
    ids, reads = list(suffix.ids), []
    for k in range(len(asked.order)):
        letter = tokens.of(asked.choices)[asked.order.index(k)]
        reads.append(len(ids) - 1)
        ids.append(letter[0])
        if k + 1 < len(asked.order):
            reads.append(len(ids) - 1)
            ids.append(tokens.commas[0])
    return Suffix(tuple(ids), tuple(reads))


def said_of_order(asked: Asked, rows: Tensor, tokens: Tokens) -> Said:
    """How probable the right order is, among the answers that letters can make.

    Every letter is a choice among those not yet used (the first one also against none); after each the answer goes
    on or ends.

    Args:
        asked: A question of reply `letters`.
        rows: Logits (reads, vocabulary) of the suffix of `right_letters`.
        tokens: Of the model's tokenizer.
    """
    total, masses = rows.new_zeros(()), []
    left = list(range(len(asked.order)))
    for k in range(len(asked.order)):
        logs, mass = _letters(asked, left, rows[2 * k], tokens, first=k == 0)
        letter = asked.order.index(k)
        total = total + logs[left.index(letter)]
        left.remove(letter)
        masses.append(mass)
        if left:
            on = grouped(rows[2 * k + 1], (tokens.commas, tokens.stops))
            total = total + torch.log_softmax(on, dim=0)[0]
    probability = total.exp().clamp(max=1.0 - CERTAIN)
    return Said(total - torch.log1p(-probability), probability, torch.stack(masses).min(), probability[None])


def order_seen(asked: Asked, suffix: Suffix, ask: Ask, tokens: Tokens) -> tuple[tuple[int, ...], Tensor]:
    """The events that a model says happen, in its order, letter by letter: the likeliest that is allowed.

    Args:
        asked: A question of reply `letters`.
        suffix: The question.
        ask: Asks the model.
        tokens: Of its tokenizer.

    Returns:
        Indices of events, none where it says that none happen; and the least mass of a letter.
    """
    ids, left = list(suffix.ids), list(range(len(asked.order)))
    found: list[int] = []
    masses: list[Tensor] = []
    while left:
        row = ask(Suffix(tuple(ids), (len(ids) - 1,)))[0]
        logs, mass = _letters(asked, left, row, tokens, first=not found)
        masses.append(mass)
        best = int(logs.argmax())
        if best == len(left):
            break
        letter = left.pop(best)
        found.append(asked.order[letter])
        forms = list(tokens.of(asked.choices)[letter])
        ids.append(forms[int(row[forms].argmax())])
        if left:
            row = ask(Suffix(tuple(ids), (len(ids) - 1,)))[0]
            on, stop = grouped(row, (tokens.commas, tokens.stops)).tolist()
            if stop >= on:
                break
            ids.append(tokens.commas[int(row[list(tokens.commas)].argmax())])
    return tuple(found), torch.stack(masses).min()


def _letters(asked: Asked, left: Sequence[int], row: Tensor, tokens: Tokens, *, first: bool) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the letters that are left, and at first of none, given one of them; and their mass."""
    letters = tokens.of(asked.choices)
    choices = [letters[k] for k in left] + ([tokens.none] if first else [])
    logs = grouped(row, choices)
    return torch.log_softmax(logs, dim=0), logs.exp().sum()
