"""ABN's network: the attention branch in the middle answers too."""

from torch import Tensor

from dfm_viz.backbones.staged import Draws, Localizer
from dfm_viz.methods.abn import ABN, ABNTrace
from dfm_viz.shapes import Logits


class ABNLocalizer(Localizer):
    """A localizer with one `ABN` inserted; class and map are those of the perception branch."""

    def attention(self, x: Tensor) -> ABNTrace:
        """Every map of the attention branch for pictures `x`, (b, 3, H, W)."""
        ((point, branch),) = self.insertions.items()
        assert isinstance(branch, ABN)
        return branch.trace(self.features.before(point, x))

    def training_logits(
        self, x: Tensor, labels: Tensor, draws: Draws | None = None
    ) -> tuple[Logits, ...]:
        """Logits of the perception branch and of the attention branch."""
        (point,) = self.insertions
        trace = self.attention(x)
        return self.logits(self.features.between(trace.F_out, point, None)), trace.logits
