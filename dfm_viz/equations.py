r"""The paper, equation by equation: Zhou et al., *Dual-attention Focused Module*, 1909.04813.

One numbered equation is one pure function, in the paper's order; `dfm` composes them and returns
every map under its paper symbol. Symbols:

    F_in, F_out   (b, c, h, w)   features before and after the module
    C_A, C_E, C_M (b, c)         channel attention, enhancement, mask
    P_A, P_E      (b, h, w)      position attention, enhancement
    P'_M, Delta_M, P_M (b, h, w) position mask, neighbour focused matrix, focused mask
    C_ME, P_ME    (b, c, h, w)   the two cross-fused maps: the outcomes of the random choice

There is no author code. Where the paper is ambiguous the docstring says how we read it.

Precision: attention and everything derived from it is computed in float32 at least, also for
half-precision features; only F_out is cast back to the type of F_in.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from jaxtyping import Bool
from torch import Tensor

from dfm_viz.shapes import ChannelVector, FeatureMap, SpatialMap
from dfm_viz.types import Apply, Branches, Draw, Fusion, Neighbourhood, Single


def _wide(features: Tensor) -> torch.dtype:
    """The type attention is computed in: float32, or float64 where the features have it."""
    return torch.promote_types(features.dtype, torch.float32)


def channel_attention(F_in: FeatureMap) -> ChannelVector:
    r"""Eq. 1: C_A = GAP(F_in), the mean of every channel over all positions.

    A large value marks a channel that says much about the class. Not negative where F_in >= 0.
    """
    # A sum, not mean(): its gradient stays a broadcast view instead of a full tensor.
    return F_in.sum(dim=(2, 3), dtype=_wide(F_in)) / F_in[0, 0].numel()


def position_attention(F_in: FeatureMap) -> SpatialMap:
    r"""Eq. 2: P_A = CAP(F_in), the mean over the channels at every position.

    A large value marks a discriminative place. Not negative where F_in >= 0.
    """
    return F_in.sum(dim=1, dtype=_wide(F_in)) / F_in.shape[1]


def channel_enhancement(C_A: ChannelVector) -> ChannelVector:
    r"""Eq. 3: C_E = tanh(C_A), in [0, 1) for C_A >= 0; not rescaled to the map's own range."""
    return C_A.tanh()


def position_enhancement(P_A: SpatialMap) -> SpatialMap:
    r"""Eq. 4: P_E = tanh(P_A), in [0, 1) for P_A >= 0; not rescaled to the map's own range."""
    return P_A.tanh()


def channel_mask(C_A: ChannelVector, alpha: float) -> ChannelVector:
    r"""Eq. 5: C_M = 0 where C_A >= alpha * max(C_A), else 1. The maximum is per sample.

    A larger alpha masks fewer channels. A dead map (maximum 0) is masked everywhere, since
    0 >= 0; a negative maximum masks nothing for alpha below 1.
    """
    return _threshold(C_A, alpha * C_A.amax(dim=1, keepdim=True))


def position_mask(P_A: SpatialMap, beta: float) -> SpatialMap:
    r"""Eq. 6: P'_M = 0 where P_A >= beta * max(P_A), else 1. The maximum is per sample.

    The same edge cases as Eq. 5.
    """
    return _threshold(P_A, beta * P_A.amax(dim=(1, 2), keepdim=True))


def _threshold(attention: Tensor, limit: Tensor) -> Tensor:
    # Written as printed: zero where >=, "else" one, so that a NaN falls into "else".
    return torch.where(attention >= limit, 0.0, 1.0).to(attention.dtype)


def focused_matrix(
    P_M_prime: SpatialMap, omega: float, neighbourhood: Neighbourhood = Neighbourhood.ONCE
) -> SpatialMap:
    r"""Eq. 7: Delta_M = omega * P'_M over the 3 x 3 neighbourhood of every masked position.

    Masked cells stay 0 (0 * omega). Borders clip, nothing wraps. All masked and none masked both
    give 0 everywhere.

    Args:
        P_M_prime: the position mask, 0 (masked) or 1.
        omega: weight of the matrix, 0 to 1.
        neighbourhood: our reading. `once`: a cell beside any number of masked ones gets omega once
            (the union of the neighbourhoods); `accumulate`: once for each masked neighbour.
    """
    masked = 1.0 - P_M_prime
    if Neighbourhood(neighbourhood) is Neighbourhood.ONCE:
        count = nnf.max_pool2d(masked[:, None], 3, stride=1, padding=1)[:, 0]
    else:
        count = nnf.avg_pool2d(masked[:, None], 3, stride=1, padding=1, divisor_override=1)[:, 0]
    return omega * P_M_prime * count


def focused_mask(P_M_prime: SpatialMap, Delta_M: SpatialMap) -> SpatialMap:
    r"""Eq. 8: P_M = P'_M + Delta_M: 0 where masked, 1 elsewhere, more beside a masked cell."""
    return P_M_prime + Delta_M


def expand_channels(values: ChannelVector, F_in: FeatureMap) -> FeatureMap:
    r"""Eq. 9, 10: repeat C_E or C_M over all positions, to the shape and layout of F_in.

    A view, except where F_in lies channels last: what is computed from views alone would lie
    channels first, and a product of two layouts takes seven times as long as one of equals.
    """
    view = values[:, :, None, None].expand_as(F_in)
    last = F_in.is_contiguous(memory_format=torch.channels_last) and not F_in.is_contiguous()
    return view.contiguous(memory_format=torch.channels_last) if last else view


def expand_positions(values: SpatialMap, channels: int) -> FeatureMap:
    r"""Eq. 11, 12: repeat P_E or P_M over all channels, to (b, c, h, w), without copying."""
    return values[:, None].expand(-1, channels, -1, -1)


def fuse_channel(C_M: FeatureMap, P_E: FeatureMap, delta: float) -> FeatureMap:
    r"""Eq. 13: C_ME = delta * P_E + C_M, both expanded to (b, c, h, w); 0 to 1 + delta."""
    return torch.add(C_M, P_E, alpha=delta)


def fuse_position(P_M: FeatureMap, C_E: FeatureMap, gamma: float) -> FeatureMap:
    r"""Eq. 14: P_ME = gamma * C_E + P_M, both expanded to (b, c, h, w)."""
    return torch.add(P_M, C_E, alpha=gamma)


def choose(C_ME: FeatureMap, P_ME: FeatureMap, draw: Draw | Bool[Tensor, " b"]) -> FeatureMap:
    r"""Eq. 15: F_Module = random(tau, C_ME, P_ME), with the outcome given.

    The draw is an argument, so this is a pure function; tau, the probability of P_ME, belongs to
    whoever draws.

    Args:
        C_ME: the channel map.
        P_ME: the position map.
        draw: one choice for the batch (the paper's way, as in ADL), or one per sample, True = P_ME.
    """
    if isinstance(draw, Tensor):
        return torch.where(draw[:, None, None, None], P_ME, C_ME)
    return P_ME if Draw(draw) is Draw.POSITION else C_ME


def apply_module(F_in: FeatureMap, F_module: FeatureMap, apply: Apply = Apply.MUL) -> FeatureMap:
    r"""Eq. 16: F_out = F_in + F_Module, under the chosen reading of "+".

    `add` is the equation as printed. `mul`, F * M, is what ADL does and what the text describes
    ("delete", "conceal"). `residual`, F + F * M, is the form of ABN, which the paper cites.
    """
    apply = Apply(apply)
    if apply is Apply.ADD:
        return F_in + F_module
    if apply is Apply.MUL:
        return F_in * F_module
    return F_in + F_in * F_module


def outcomes(
    C_M: FeatureMap,
    C_E: FeatureMap,
    P_M: FeatureMap,
    P_E: FeatureMap,
    delta: float,
    gamma: float,
    branches: Branches = Branches.BOTH,
    fusion: Fusion = Fusion.CROSS,
    single: Single = Single.RANDOM,
) -> tuple[FeatureMap, FeatureMap]:
    r"""What Eq. 15 chooses between, as (C_ME, P_ME), in every configuration of Table 1.

        both, cross            delta * P_E + C_M     gamma * C_E + P_M    Eq. 13, 14
        both, normal           delta * C_E + C_M     gamma * P_E + P_M    row 4
        channel, random        C_E                   C_M                  row 2
        position, random       P_E                   P_M                  row 3
        channel, sum           delta * C_E + C_M in both places: no chance left
        position, sum          gamma * P_E + P_M in both places

    The paper does not say how one branch alone works. Our default is ADL's way: with probability
    tau the mask (in the place of P_ME), else the enhancement (in the place of C_ME).

    Args:
        C_M: mask of the channels. It and the next three are expanded to (b, c, h, w).
        C_E: enhancement of the channels.
        P_M: focused mask of the positions.
        P_E: enhancement of the positions.
        delta: weight of the enhancement that C_M gets.
        gamma: weight of the enhancement that P_M gets.
        branches: which branches are there.
        fusion: with both branches, whose enhancement a mask gets.
        single: with one branch, whether chance chooses or the sum is taken.
    """
    branches = Branches(branches)
    if branches is Branches.BOTH:
        if Fusion(fusion) is Fusion.NORMAL:
            return fuse_channel(C_M, C_E, delta), fuse_position(P_M, P_E, gamma)
        return fuse_channel(C_M, P_E, delta), fuse_position(P_M, C_E, gamma)
    channel = branches is Branches.CHANNEL
    if Single(single) is Single.RANDOM:
        return (C_E, C_M) if channel else (P_E, P_M)
    both = fuse_channel(C_M, C_E, delta) if channel else fuse_position(P_M, P_E, gamma)
    return both, both


@dataclass(frozen=True)
class DFMTrace:
    """Every map of one call of the module, under its paper symbol (shapes: see the module).

    C_ME and P_ME are the two outcomes of Eq. 15 in the configuration in use (see `outcomes`); only
    with both branches and cross fusion are they the maps of Eq. 13 and 14.
    """

    F_in: FeatureMap
    C_A: ChannelVector
    P_A: SpatialMap
    C_E: ChannelVector
    P_E: SpatialMap
    C_M: ChannelVector
    P_M_prime: SpatialMap
    Delta_M: SpatialMap
    P_M: SpatialMap
    C_ME: FeatureMap
    P_ME: FeatureMap
    F_module: FeatureMap | None
    F_out: FeatureMap


def dfm(
    F_in: FeatureMap,
    *,
    alpha: float,
    beta: float,
    omega: float,
    delta: float,
    gamma: float,
    draw: Draw | Bool[Tensor, " b"] | None,
    apply: Apply = Apply.MUL,
    neighbourhood: Neighbourhood = Neighbourhood.ONCE,
    branches: Branches = Branches.BOTH,
    fusion: Fusion = Fusion.CROSS,
    single: Single = Single.RANDOM,
) -> DFMTrace:
    """Eq. 1-16 in a row. With `draw=None` the module looks and changes nothing: F_out is F_in.

    Args:
        F_in: features, (b, c, h, w), any float type.
        alpha: share of the maximum from which a channel is masked (Eq. 5). It and the next four
            are in [0, 1].
        beta: share of the maximum from which a position is masked (Eq. 6).
        omega: weight of the neighbour focused matrix (Eq. 7).
        delta: weight of the position enhancement in C_ME (Eq. 13).
        gamma: weight of the channel enhancement in P_ME (Eq. 14).
        draw: the outcome of Eq. 15, or None.
        apply: reading of Eq. 16.
        neighbourhood: reading of Eq. 7.
        branches: configuration of Table 1; it and the next two are explained at `outcomes`.
        fusion: likewise.
        single: likewise.
    """
    channels = F_in.shape[1]
    C_A = channel_attention(F_in)
    P_A = position_attention(F_in)
    C_E = channel_enhancement(C_A)
    P_E = position_enhancement(P_A)
    C_M = channel_mask(C_A, alpha)
    P_M_prime = position_mask(P_A, beta)
    Delta_M = focused_matrix(P_M_prime, omega, neighbourhood)
    P_M = focused_mask(P_M_prime, Delta_M)
    C_ME, P_ME = outcomes(
        expand_channels(C_M, F_in),
        expand_channels(C_E, F_in),
        expand_positions(P_M, channels),
        expand_positions(P_E, channels),
        delta,
        gamma,
        branches,
        fusion,
        single,
    )
    F_module = None if draw is None else choose(C_ME, P_ME, draw)
    F_out = F_in if F_module is None else apply_module(F_in, F_module, apply).to(F_in.dtype)
    return DFMTrace(
        F_in, C_A, P_A, C_E, P_E, C_M, P_M_prime, Delta_M, P_M, C_ME, P_ME, F_module, F_out
    )
