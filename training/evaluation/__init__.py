"""One evaluator: the field's metrics from one row of records per picture and test-time mode.

`judge` makes a record, `recorder` runs the network over a split and fills the store, `metrics`,
`chance` and `paired` compute every number from the records, `text` shows them on a terminal.
"""

from training.evaluation.recorder import Options
from training.evaluation.run import evaluate, evaluate_path, find_checkpoints

__all__ = ["Options", "evaluate", "evaluate_path", "find_checkpoints"]
