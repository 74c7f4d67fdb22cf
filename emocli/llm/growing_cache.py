"""Keys and values that grow token by token in memory that is there, and never are copied.

A cache of transformers copies all that it has for every token: as much time as the network takes.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values (rows, heads, tokens, size) of one layer, with room for more tokens."""

    def __init__(self, keys: Tensor, values: Tensor, room: int) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.rooms = [
            states.new_empty(*states.shape[:2], states.shape[2] + room, states.shape[3])
            for states in (keys, values)
        ]
        self.length = 0
        self._put(keys, values)

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> Any:
        """Put the states of further tokens behind those that are there; return all."""
        self._put(key_states, value_states)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some rows."""
        self.rooms = [room[indices] for room in self.rooms]
        self.keys, self.values = (room[:, :, : self.length] for room in self.rooms)

    def _put(self, keys: Tensor, values: Tensor) -> None:
        start, self.length = self.length, self.length + keys.shape[2]
        for room, states in zip(self.rooms, (keys, values), strict=True):
            room[:, :, start : self.length] = states
        self.keys, self.values = (room[:, :, : self.length] for room in self.rooms)


def make_room(cache: Any, room: int) -> None:
    """Give each layer of a cache room for `room` more tokens."""
    cache.layers = [GrowingLayer(layer.keys, layer.values, room) for layer in cache.layers]
