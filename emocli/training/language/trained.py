"""What is trained: an adapter of a language model, the module of its soft tokens, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from emocli.bundles import soft_streams


class Trained(nn.Module):
    """A network of a language model, with an adapter or without, and its soft tokens if any."""

    def __init__(self, network: Any, soft: Any = None) -> None:
        super().__init__()
        self.network, self.soft = network, soft

    @property
    def language(self) -> Any:
        """The language model with the adapter in its layers."""
        return self.network.get_base_model() if self._has_adapter else self.network

    @property
    def _has_adapter(self) -> bool:
        return hasattr(self.network, "peft_config")

    def save(self, folder: Path, backbone: str) -> None:
        """Write what is trained; `backbone` is named, and not the folder of this machine."""
        if self._has_adapter:
            name = self.network.active_adapter
            self.network.peft_config[name].base_model_name_or_path = backbone
            self.network.save_pretrained(
                folder, selected_adapters=[name], save_embedding_layers=False
            )
        if self.soft is not None:
            soft_streams.save(self.soft, folder)

    def unload(self) -> None:
        """Take the adapter out of the language model."""
        if self._has_adapter:
            self.network.unload()
