"""Turn a function into a stage: order, errors, batches, workers, windows, resume."""

from emocli.pipeline.stage import Stage as Stage
from emocli.pipeline.stage import batched as batched
from emocli.pipeline.stage import chain as chain
from emocli.pipeline.stage import each as each
from emocli.pipeline.stage import windowed as windowed
