"""One-against-the-rest logistic regression over words, learned by stochastic gradients; small enough for NumPy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

_EPOCHS, _AT_ONCE = 8, 256
_RATE, _DECAY = 0.5, 1e-5
_FIRST_BIAS = -4.0
_LEAST_TEXTS, _MOST_TEXTS = 2, 0.3
"""A word counts that is in so many texts at least, and in that share of them at most."""


@dataclass(frozen=True)
class Vocabulary:
    """The words that count, each with its number and its rarity."""

    numbers: Mapping[str, int]
    rarity: Floats

    @classmethod
    def of(cls, texts: Sequence[Counter[str]]) -> Vocabulary:
        """The words of texts that are neither too rare nor everywhere."""
        held: Counter[str] = Counter()
        for text in texts:
            held.update(text.keys())
        most = _MOST_TEXTS * len(texts)
        kept = sorted(word for word, count in held.items() if _LEAST_TEXTS <= count < most)
        rarity = [np.log((1 + len(texts)) / (1 + held[word])) + 1 for word in kept]
        return cls({word: number for number, word in enumerate(kept)}, np.array(rarity, dtype=np.float32))

    def rows(self, texts: Sequence[Counter[str]]) -> Rows:
        """Texts as vectors of length 1."""
        numbers: list[int] = []
        values: list[Floats] = []
        ends = [0]
        for text in texts:
            found = [(n, times) for word, times in text.items() if (n := self.numbers.get(word)) is not None]
            own = [n for n, _ in found]
            vector = (1 + np.log(np.array([t for _, t in found], dtype=np.float32))) * self.rarity[own]
            numbers += own
            values.append(vector / (np.linalg.norm(vector) or 1.0))
            ends.append(len(numbers))
        flat = np.concatenate(values) if values else np.zeros(0)
        return Rows(np.array(numbers, dtype=np.int64), flat.astype(np.float32), np.array(ends))


@dataclass(frozen=True)
class Rows:
    """Vectors that are mostly zero, one after the other: the numbers of their words, their values, where each ends."""

    numbers: Numbers
    values: Floats
    ends: Numbers

    def __len__(self) -> int:
        return len(self.ends) - 1

    def some(self, rows: Numbers) -> tuple[Numbers, Floats, Numbers]:
        """The numbers and values of some rows, and of each the place of its row among those."""
        starts = self.ends[rows]
        lengths = self.ends[rows + 1] - starts
        before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        places = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
        return self.numbers[places], self.values[places], np.repeat(np.arange(len(rows)), lengths)


@dataclass(frozen=True)
class Linear:
    """For each word what it says for and against each label."""

    weights: Floats
    bias: Floats

    def of(self, rows: Rows) -> Floats:
        """The logit of each label for each row."""
        found = np.empty((len(rows), len(self.bias)), dtype=np.float32)
        for start in range(0, len(rows), 2048):
            some = np.arange(start, min(start + 2048, len(rows)))
            found[some] = _products(self.weights, *rows.some(some), len(some)) + self.bias
        return found


def learned(rows: Rows, wanted: Floats, counts_for: Floats, words: int) -> Linear:
    """What tells the rows of each label from all others; `counts_for` is how much each row matters."""
    random = np.random.default_rng(0)
    labels = wanted.shape[1]
    weights = np.zeros((words, labels), dtype=np.float32)
    squares = np.full((words, labels), 1e-3, dtype=np.float32)
    bias = np.full(labels, _FIRST_BIAS, dtype=np.float32)
    bias_squares = np.full(labels, 1e-3, dtype=np.float32)
    batches = [*_batches(rows, random.permutation(len(rows)))]
    for _ in range(_EPOCHS):
        for place in random.permutation(len(batches)):
            some, numbers, values, owners, order, starts, unique = batches[place]
            logits = _products(weights, numbers, values, owners, len(some)) + bias
            error = (1 / (1 + np.exp(-logits)) - wanted[some]) * counts_for[some][:, None]
            gradient = np.add.reduceat((values[:, None] * error[owners])[order], starts, axis=0)
            gradient += _DECAY * len(some) * weights[unique]
            squares[unique] += gradient * gradient
            weights[unique] -= _RATE * gradient / np.sqrt(squares[unique])
            summed = error.sum(0)
            bias_squares += summed * summed
            bias -= _RATE * summed / np.sqrt(bias_squares)
    return Linear(weights, bias)


def _batches(rows: Rows, order: Numbers) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(order), _AT_ONCE):
        some = np.sort(order[start : start + _AT_ONCE])
        numbers, values, owners = rows.some(some)
        if len(numbers):
            by_word = np.argsort(numbers, kind="stable")
            sorted_numbers = numbers[by_word]
            starts = np.flatnonzero(np.r_[True, sorted_numbers[1:] != sorted_numbers[:-1]])
            yield some, numbers, values, owners, by_word, starts, sorted_numbers[starts]


def _products(weights: Floats, numbers: Numbers, values: Floats, owners: Numbers, rows: int) -> Floats:
    found = np.zeros((rows, weights.shape[1]), dtype=np.float32)
    if len(numbers):
        starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        found[owners[starts]] = np.add.reduceat(values[:, None] * weights[numbers], starts, axis=0)
    return found


def fitted(columns: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """The few weights, and the bias at the end, by which columns say how likely something is: Newton's method."""
    mean, spread = columns.mean(0), columns.std(0) + 1e-6
    scaled = np.c_[(columns - mean) / spread, np.ones(len(columns))]
    weights = np.zeros(scaled.shape[1])
    weights[-1] = -3.0
    ridge = np.r_[np.ones(len(mean)), 1e-6]
    for _ in range(25):
        likely = 1 / (1 + np.exp(-np.clip(scaled @ weights, -30, 30)))
        gradient = scaled.T @ (likely - wanted) + ridge * weights
        curvature = (scaled * (likely * (1 - likely))[:, None]).T @ scaled + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights -= step * min(1.0, 2 / float(np.abs(step).max() or 1.0))
    plain = weights[:-1] / spread
    found: NDArray[np.float64] = np.r_[plain, weights[-1] - plain @ mean]
    return found
