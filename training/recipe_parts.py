"""The tables of a recipe, one frozen dataclass each; every field knows what it may hold."""

from dataclasses import dataclass
from typing import Literal

from dfm_viz.types import UserError
from training.fields import Part, ranged


@dataclass(frozen=True)
class ModelPart(Part):
    """What is trained.

    Attributes:
        backbone: key in `BACKBONES`.
        method: key in `METHODS`.
        points: insertion points; empty takes the backbone's list for the method.
        plain: the classifier as published, without the changes that localization needs (Table 1,
            row 0); for `cam` only.
        init: `none`, `imagenet` (the library's download) or `file` (needs `--init-weights`).
        freeze_through: last stage that stays as initialised, batch statistics included; empty
            trains everything.
        freeze_bn: every batch norm keeps the statistics it started with.
        keep_head: the head of the start weights goes on learning; false draws a new one. It must be
            of the data's classes, in their order.
    """

    backbone: str = "mobilenetv1"
    method: str = "cam"
    points: tuple[str, ...] = ()
    plain: bool = False
    init: Literal["none", "imagenet", "file"] = "file"
    freeze_through: str = ""
    freeze_bn: bool = False
    keep_head: bool = False


@dataclass(frozen=True)
class DataPart(Part):
    """What it is trained on.

    Attributes:
        name: key in `training.data.DATASETS`.
        family: short name of the data set as checkpoints and families carry it, as `cub50`; empty
            takes the folder's.
        knows: what the network can tell apart, in words; empty lists the classes. A number that it
            begins with is that of the classes: with others, the card lists the classes, too.
        hold_out_every: every n-th training picture of a class becomes validation; 0 holds out none.
        image_size: side of the network's input, px.
        decode_side: side of the squares that training pictures are kept as, px.
        cache: `memory` keeps the squares in memory, `none` decodes a picture whenever it is needed,
            `auto` takes memory up to `loading.CACHE_LIMIT`. It does not change results.
        workers: processes that read and augment; 0 does it in the main process, -1 takes one on a
            CPU (none for fewer than 128 pictures) and otherwise the process's cores less one, at
            most 8. It does not change results.
        notes: what the card must say about these data.
    """

    name: str = "cub"
    family: str = ""
    knows: str = ""
    hold_out_every: int = ranged(10, 0, 1000, "0 trains on every training picture")
    image_size: int = ranged(224, 32, 1024, "side of the input in pixels")
    decode_side: int = ranged(288, 32, 1024, "side of the stored training pictures in pixels")
    cache: Literal["auto", "memory", "none"] = "auto"
    workers: int = ranged(-1, -1, 256, "-1 chooses by device")
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if self.hold_out_every == 1:
            raise UserError("hold_out_every must be 0 or at least 2: 1 leaves nothing to train on.")

    @property
    def short(self) -> str:
        """A name for the data before they are looked at."""
        return self.family or self.name


CLAIMS = ("family", "knows", "notes")
"""Fields of `[data]` that say something of the data, and so are about no others."""


@dataclass(frozen=True)
class AugmentPart(Part):
    """How training pictures vary.

    Attributes:
        crop: `resized` cuts a random part of the picture (at least `scale` of its area) and
            stretches it to the input; `fixed` cuts a square of the input's size anywhere.
        scale: smallest share of the picture's area in a `resized` crop.
        flip: chance of a mirror image.
        jitter: strength of brightness, contrast and saturation changes.
        mixup: alpha of mixup's beta distribution; 0 is off.
    """

    crop: Literal["resized", "fixed"] = "resized"
    scale: float = ranged(0.35, 0.01, 1, "smallest share of the picture's area in a crop")
    flip: float = ranged(0.5, 0, 1, "chance of a mirror image")
    jitter: float = ranged(0.2, 0, 1, "strength of brightness, contrast and saturation changes")
    mixup: float = ranged(0.0, 0, 10, "alpha of mixup's beta distribution; 0 is off")


@dataclass(frozen=True)
class OptimPart(Part):
    """Stochastic gradient descent with Nesterov momentum.

    Attributes:
        batch: pictures per step, of all processes together.
        schedule: of the rate after the warm-up: half a `cosine` to zero, `steps` (times
            `step_factor` at each of `milestones`) or `constant`.
        milestones: finished epochs after which the rate falls; for `steps`.
        clip_norm: largest norm of all gradients together; 0 does not clip.
        ema: decay per step of an average of the weights, which then is what is validated and
            shipped; 0 keeps none.
        settle_epochs: so many last epochs run with the modules that draw off, so that batch
            statistics and head fit the network as it is evaluated.
        active: share of the steps in which the modules that draw act; in the others they are the
            identity, so that one set of batch statistics serves the network with and without them.
        draws: DFM and ADL draw once per global `batch` (the papers' way on one device), once per
            `process`, or once per picture (`sample`). HaS always draws per picture.
        precision: `bfloat16` computes convolutions in bfloat16 (autocast), weights stay float32.
        compile: let `torch.compile` make the training step's code.
        sync_bn: batch statistics over all processes; on GPUs only.
    """

    epochs: int = ranged(20, 1, 10_000, "passes over the training pictures")
    batch: int = ranged(32, 1, 65_536, "pictures per step, of all processes together")
    lr: float = ranged(0.01, 0, 100, "peak rate of the base")
    head_rate: float = ranged(1.0, 0, 1000, "the head's rate, as a multiple of lr")
    last_stage_rate: float = ranged(1.0, 0, 1000, "the last stage's rate, as a multiple of lr")
    momentum: float = ranged(0.9, 0, 0.9999, "Nesterov momentum")
    weight_decay: float = ranged(1e-4, 0, 1, "L2 penalty")
    schedule: Literal["cosine", "steps", "constant"] = "cosine"
    milestones: tuple[int, ...] = ()
    step_factor: float = ranged(0.1, 0, 1, "factor of the rate at a milestone")
    warmup_epochs: float = ranged(1.0, 0, 1000, "epochs of linear warm-up")
    label_smoothing: float = ranged(0.1, 0, 0.99, "share of the target spread over all classes")
    clip_norm: float = ranged(0.0, 0, 1e6, "largest norm of the gradients; 0 does not clip")
    ema: float = ranged(0.0, 0, 0.99999, "decay of the average of the weights; 0 keeps none")
    settle_epochs: int = ranged(0, 0, 10_000, "last epochs with the drawing modules off")
    active: float = ranged(1.0, 0, 1, "share of the steps in which the drawing modules act")
    draws: Literal["batch", "process", "sample"] = "batch"
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    sync_bn: bool = False

    def __post_init__(self) -> None:
        """Check the fields, alone and against each other."""
        super().__post_init__()
        for name in ("settle_epochs", "warmup_epochs"):
            value = getattr(self, name)
            if value > self.epochs:
                raise UserError(f"{name} ({value:g}) must not exceed epochs ({self.epochs}).")
        if (self.schedule == "steps") != bool(self.milestones):
            raise UserError(
                'milestones go with schedule = "steps": give both, as milestones = [30, 60], or '
                "neither."
            )
        if any(not 0 < m < self.epochs for m in self.milestones) or list(self.milestones) != sorted(
            set(self.milestones)
        ):
            raise UserError(
                f"milestones must rise and lie between 0 and epochs ({self.epochs}), "
                f"got {list(self.milestones)}."
            )


@dataclass(frozen=True)
class TeacherPart(Part):
    """Distillation (Hinton et al., arXiv:1503.02531): a network to agree with, besides labels.

    Attributes:
        distil: folder of a checkpoint with the data's classes; empty learns from labels alone.
        temperature: divides both networks' logits before the softmax; the term is multiplied by
            its square, so that its gradients keep their size.
        weight: share of the divergence from the teacher in the loss; the rest is that of labels.
    """

    distil: str = ""
    temperature: float = ranged(1.0, 0.1, 100, "divides the logits before the softmax")
    weight: float = ranged(1.0, 0, 1, "share of the divergence from the teacher in the loss")

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if not self.distil and (self.temperature, self.weight) != (1, 1):
            raise UserError(
                'temperature and weight go with a teacher: give distil = "FOLDER", a checkpoint\'s '
                "folder, or leave both out."
            )


@dataclass(frozen=True)
class SelectPart(Part):
    """Which epoch's weights are shipped; the test split is never looked at.

    Attributes:
        by: `last`, or the best on the validation pictures by `top1` or by `gt_known` (box of the
            true class at threshold .2, IoU at least .5); the earliest wins a tie.
    """

    by: Literal["last", "top1", "gt_known"] = "last"


PARTS: dict[str, type[Part]] = {
    "model": ModelPart,
    "data": DataPart,
    "augment": AugmentPart,
    "optim": OptimPart,
    "teacher": TeacherPart,
    "select": SelectPart,
}
