"""Load a network of braindecode from a folder: config.json and model.safetensors, as it saves them.

No number is made up: what the network computes with is in the file, or the folder is refused. The
network is built without numbers, so that its shapes are compared with those of the file before
anything is allocated. Of a config.json, names of classes are looked up in torch.nn only.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from emocli.encoders import braindecode_import, weight_files
from emocli.errors import ConfigError

# What depends on the recording, not on the network.
OF_A_RECORDING = ("n_outputs", "n_chans", "chs_info", "n_times", "input_window_seconds", "sfreq")
HEAD = "final_layer"
LARGEST = 65_536  # of a size: far above use
# Functions that change no shape. On the device "meta" they import a compiler: two seconds.
SKIPPED = (
    *("normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_"),
    *("group_norm", "gelu"),
)
RATE_OF_ITS_OWN = 0.05  # the share by which a rate in config.json may differ from the published one
ACTIVATIONS = "torch.nn.modules."

Change = Callable[[dict[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True)
class Checkpoint:
    """A folder with a network of braindecode."""

    folder: Path
    kind: str  # the class of braindecode
    config: Mapping[str, Any]
    found: dict[str, tuple[Path, weight_files.Shape]]

    @property
    def what(self) -> str:
        """What the folder is to be, for messages."""
        return f"a {self.kind} of braindecode"

    def refused(self, fault: object) -> ConfigError:
        """Return the error for a config.json that does not describe the network."""
        message = f"{self.folder}/config.json is not that of {self.what}: {fault!s:.200}"
        return ConfigError(message, hint=weight_files.AGAIN)

    def shape(self, name: str) -> weight_files.Shape:
        """Return the shape of a tensor; ConfigError if it is not there."""
        if name not in self.found:
            message = f"{self.folder}: its weights have no tensor {name}"
            raise ConfigError(message, hint=weight_files.AGAIN)
        return self.found[name][1]

    def rate_hz(self, published: float) -> float:
        """Return the rate of the network's input: the published one, or another that was set."""
        rate = self.config.get("sfreq")
        if not isinstance(rate, int | float) or abs(rate / published - 1) <= RATE_OF_ITS_OWN:
            return published
        if not 1 <= rate <= LARGEST:
            raise self.refused(f"sfreq = {rate!r:.60}")
        return float(rate)

    def size(self, key: str, default: int) -> int:
        """Return a size of config.json; ConfigError for what is none."""
        value = self.config.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
            raise self.refused(f"{key} = {value!r:.60}")
        return value


def opened(folder: Path, kind: str) -> Checkpoint:
    """Return the network in a folder, its weights not yet read.

    Raises ConfigError if files are not what they claim.
    """
    config = weight_files.json_object(folder / "config.json")
    found = weight_files.tensors(folder, f"a {kind} of braindecode")
    checkpoint = Checkpoint(folder, kind, config, found)
    for key, value in config.items():
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
            raise checkpoint.refused(f"{key} = {value!r:.60}")
    depths = {"layers": config.get("depth")}
    weight_files.require_layers(folder, {**config, **depths}, len(found))
    return checkpoint


def built(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> Any:
    """Return the network without numbers and without its head; `settings` go before config.json.

    Raises ConfigError for a config.json that describes none.
    """
    models = braindecode_import.imported()
    kind = getattr(models, checkpoint.kind)
    known = inspect.signature(kind.__init__).parameters
    try:
        config = {
            key: _value(value)
            for key, value in checkpoint.config.items()
            if key in known and key not in OF_A_RECORDING
        }
        with _without_numbers():
            network = kind(**{**config, **settings})
    except Exception as problem:
        if isinstance(problem, MemoryError):
            raise
        raise checkpoint.refused(f"{type(problem).__name__}: {problem}") from None
    setattr(network, HEAD, nn.Identity())
    return network


def filled(
    checkpoint: Checkpoint, network: Any, *, unread: tuple[str, ...] = (), any_length: str = ""
) -> Any:
    """Return the network with the numbers of its file, in eval mode.

    Tensors `unread` are not read; the caller sets or removes them. Of the tensor `any_length`
    (1, rows, dim) the first rows are taken. Raises ConfigError for a tensor that is missing or has
    another shape.
    """
    state = {n: t for n, t in network.state_dict().items() if not n.startswith(unread or "\0")}
    wanted = {n: _any_rows(t) if n == any_length else tuple(t.shape) for n, t in state.items()}
    values = weight_files.read(checkpoint.found, wanted)
    if any_length:
        values[any_length] = values[any_length][:, : state[any_length].shape[1]]
    network.load_state_dict(values, strict=False, assign=True)
    return network.eval()


def _any_rows(tensor: Tensor) -> tuple[int | None, ...]:
    return (tensor.shape[0], None, *tensor.shape[2:])


def _value(value: Any) -> Any:
    """Return a value of config.json; the class that it names, where it names one of torch.nn."""
    if not (isinstance(value, str) and "." in value):
        return value
    found = getattr(nn, value.rpartition(".")[2], None)
    known = value.startswith(ACTIVATIONS) and isinstance(found, type)
    if not (known and issubclass(found, nn.Module)):  # type: ignore[arg-type]
        raise ValueError(f"{value!r:.80} is no class of torch.nn")
    return found


@contextmanager
def _without_numbers() -> Iterator[None]:
    with torch.device("meta"), _Undrawn(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice for training
        yield


class _Undrawn(TorchFunctionMode):
    """Draw no random numbers, and keep those real that a constructor computes with."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func.__name__ in SKIPPED:
            return args[0] if args else next(iter(kwargs.values()))
        if func.__name__ == "conv2d":
            return _convolved(*args)
        if func in (torch.linspace, torch.tensor):
            kwargs["device"] = "cpu"
        return func(*args, **kwargs)


def _convolved(x: Tensor, weight: Tensor, _bias: object, *how: tuple[int, int]) -> Tensor:
    """Return what a convolution (batch, channels, 1, time) has the shape of."""
    stride, padding = how[0][1], how[1][1]
    time = (x.shape[3] + 2 * padding - weight.shape[3]) // stride + 1
    return torch.empty(x.shape[0], weight.shape[0], x.shape[2], time)
