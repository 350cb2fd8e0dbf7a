"""DFM's Eq. 1-16 and the other methods as slow loops over plain numbers, one picture at a time.

Transcribed from the printed paper and from the project's list of readings, not from the product:
whatever agrees with this file agrees with the paper. float64 throughout.
"""

import math


def zeros(*shape):
    if len(shape) == 1:
        return [0.0] * shape[0]
    return [zeros(*shape[1:]) for _ in range(shape[0])]


def eq1_gap(F):
    """C_A: for every channel, the sum over all positions, divided by w x h."""
    c, h, w = len(F), len(F[0]), len(F[0][0])
    C_A = zeros(c)
    for k in range(c):
        total = 0.0
        for i in range(h):
            for j in range(w):
                total += F[k][i][j]
        C_A[k] = total / (w * h)
    return C_A


def eq2_cap(F):
    """P_A: for every position, the sum over all channels, divided by c."""
    c, h, w = len(F), len(F[0]), len(F[0][0])
    P_A = zeros(h, w)
    for i in range(h):
        for j in range(w):
            total = 0.0
            for k in range(c):
                total += F[k][i][j]
            P_A[i][j] = total / c
    return P_A


def eq3(C_A):
    return [math.tanh(v) for v in C_A]


def eq4(P_A):
    return [[math.tanh(v) for v in row] for row in P_A]


def eq5(C_A, alpha):
    """C_M: 0 where l_i >= alpha * l_max, else 1."""
    l_max = max(C_A)
    return [0.0 if value >= alpha * l_max else 1.0 for value in C_A]


def eq6(P_A, beta):
    """P'_M: 0 where k_ij >= beta * k_max, else 1."""
    k_max = max(max(row) for row in P_A)
    return [[0.0 if value >= beta * k_max else 1.0 for value in row] for row in P_A]


def eq7(P_M_prime, omega, neighbourhood):
    """Delta_M = omega * P'_M over the 3 x 3 surroundings of every masked position.

    "once": a position counts once however many masked positions it touches; "accumulate": once
    for each of them. Masked positions have P'_M = 0 and so add nothing.
    """
    h, w = len(P_M_prime), len(P_M_prime[0])
    Delta_M = zeros(h, w)
    for i in range(h):
        for j in range(w):
            if P_M_prime[i][j] != 0:
                continue
            for s in (i - 1, i, i + 1):
                for k in (j - 1, j, j + 1):
                    if not (0 <= s < h and 0 <= k < w):
                        continue
                    value = omega * P_M_prime[s][k]
                    if neighbourhood == "accumulate":
                        Delta_M[s][k] += value
                    else:
                        Delta_M[s][k] = value
    return Delta_M


def eq8(P_M_prime, Delta_M):
    return [
        [a + b for a, b in zip(rows, deltas, strict=True)]
        for rows, deltas in zip(P_M_prime, Delta_M, strict=True)
    ]


def expand_channel(values, h, w):
    """Eq. 9 and 10: every position of a channel takes the channel's value."""
    return [[[value for _ in range(w)] for _ in range(h)] for value in values]


def expand_position(rows, c):
    """Eq. 11 and 12: every channel takes the map."""
    return [[list(row) for row in rows] for _ in range(c)]


def combine(weight, enhancement, mask):
    """Eq. 13 and 14: weight * enhancement + mask, element by element."""
    c, h, w = len(mask), len(mask[0]), len(mask[0][0])
    out = zeros(c, h, w)
    for k in range(c):
        for i in range(h):
            for j in range(w):
                out[k][i][j] = weight * enhancement[k][i][j] + mask[k][i][j]
    return out


def eq16(F, M, apply):
    """F_out: "add" as printed, "mul" F * M, "residual" F + F * M."""
    c, h, w = len(F), len(F[0]), len(F[0][0])
    out = zeros(c, h, w)
    for k in range(c):
        for i in range(h):
            for j in range(w):
                f, m = F[k][i][j], M[k][i][j]
                out[k][i][j] = {"add": f + m, "mul": f * m, "residual": f + f * m}[apply]
    return out


def dfm(F, *, alpha, beta, omega, delta, gamma, apply, neighbourhood, draw):
    """All maps of one picture by their paper symbols; ``draw``: "position", "channel" or None."""
    c, h, w = len(F), len(F[0]), len(F[0][0])
    maps = {"F_in": F, "C_A": eq1_gap(F), "P_A": eq2_cap(F)}
    maps["C_E"], maps["P_E"] = eq3(maps["C_A"]), eq4(maps["P_A"])
    maps["C_M"], maps["P_M_prime"] = eq5(maps["C_A"], alpha), eq6(maps["P_A"], beta)
    maps["Delta_M"] = eq7(maps["P_M_prime"], omega, neighbourhood)
    maps["P_M"] = eq8(maps["P_M_prime"], maps["Delta_M"])
    maps["C_ME"] = combine(
        delta, expand_position(maps["P_E"], c), expand_channel(maps["C_M"], h, w)
    )
    maps["P_ME"] = combine(
        gamma, expand_channel(maps["C_E"], h, w), expand_position(maps["P_M"], c)
    )
    if draw is None:
        maps["F_out"] = F
    else:
        maps["F_module"] = maps["P_ME"] if draw == "position" else maps["C_ME"]
        maps["F_out"] = eq16(F, maps["F_module"], apply)
    return maps


def adl(F, *, drop_threshold, draw):
    """ADL: ``draw`` "mask", "importance" or None."""
    c = len(F)
    attention = eq2_cap(F)
    peak = max(max(row) for row in attention)
    importance = [[1 / (1 + math.exp(-value)) for value in row] for row in attention]
    mask = [[1.0 if value < drop_threshold * peak else 0.0 for value in row] for row in attention]
    maps = {"F_in": F, "attention": attention, "importance": importance, "drop_mask": mask}
    if draw is None:
        maps["F_out"] = F
    else:
        maps["F_out"] = eq16(F, expand_position(mask if draw == "mask" else importance, c), "mul")
    return maps


def table1(F, *, alpha, beta, omega, delta, gamma, branches, fusion, single):
    """The two maps that chance chooses between; the second has the probability tau."""
    c, h, w = len(F), len(F[0]), len(F[0][0])
    C_A, P_A = eq1_gap(F), eq2_cap(F)
    P_M_prime = eq6(P_A, beta)
    P_M = expand_position(eq8(P_M_prime, eq7(P_M_prime, omega, "once")), c)
    P_E = expand_position(eq4(P_A), c)
    C_M, C_E = expand_channel(eq5(C_A, alpha), h, w), expand_channel(eq3(C_A), h, w)
    if branches == "both" and fusion == "cross":
        return combine(delta, P_E, C_M), combine(gamma, C_E, P_M)
    if branches == "both":
        return combine(delta, C_E, C_M), combine(gamma, P_E, P_M)
    if single == "random":
        return (C_E, C_M) if branches == "channel" else (P_E, P_M)
    alone = combine(delta, C_E, C_M) if branches == "channel" else combine(gamma, P_E, P_M)
    return alone, alone


def has(picture, side, hidden):
    """Hide-and-Seek: ``hidden[r][c]`` says whether the cell in row r and column c is hidden.

    Cells are ``side`` pixels wide and high; those at the right and lower edge may be cut.
    """
    out = [[list(row) for row in channel] for channel in picture]
    if side == 0:
        return out
    for channel in out:
        height, width = len(channel), len(channel[0])
        top, r = 0, 0
        while top < height:
            left, c = 0, 0
            while left < width:
                if hidden[r][c]:
                    for y in range(top, min(top + side, height)):
                        for x in range(left, min(left + side, width)):
                            channel[y][x] = 0.0
                left, c = left + side, c + 1
            top, r = top + side, r + 1
    return out


def class_map(F, weight):
    """The map of one class: at every position, the channels weighted by the class's weights."""
    c, h, w = len(F), len(F[0]), len(F[0][0])
    out = zeros(h, w)
    for i in range(h):
        for j in range(w):
            for k in range(c):
                out[i][j] += weight[k] * F[k][i][j]
    return out


def min_max(rows):
    """A map from 0 to 1; a flat one is 0."""
    low, high = min(map(min, rows)), max(map(max, rows))
    if high == low:
        return zeros(len(rows), len(rows[0]))
    return [[(value - low) / (high - low) for value in row] for row in rows]


def acol_erase(F, rows, threshold):
    """ACoL: features without the places where the rescaled map reaches the threshold."""
    flat = max(map(max, rows)) == 0
    return [
        [
            [0.0 if m >= threshold and not flat else f for f, m in zip(fs, ms, strict=True)]
            for fs, ms in zip(channel, rows, strict=True)
        ]
        for channel in F
    ]


def acol_fuse(a, b):
    return [[max(x, y) for x, y in zip(p, q, strict=True)] for p, q in zip(a, b, strict=True)]


def cross_entropy(logits, label):
    return math.log(sum(math.exp(value) for value in logits)) - logits[label]


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def linear(values, weight, bias):
    return [
        sum(w * v for w, v in zip(row, values, strict=True)) + b
        for row, b in zip(weight, bias, strict=True)
    ]


def convolved(F, kernel):
    """One map: ``kernel`` (channels x side x side) over F, zeros around it, no bias."""
    h, w, reach = len(F[0]), len(F[0][0]), len(kernel[0]) // 2
    out = zeros(h, w)
    for i in range(h):
        for j in range(w):
            for m in range(len(F)):
                for s in range(-reach, reach + 1):
                    for t in range(-reach, reach + 1):
                        if 0 <= i + s < h and 0 <= j + t < w:
                            out[i][j] += kernel[m][s + reach][t + reach] * F[m][i + s][j + t]
    return out


def cbam(F, *, first, second, kernel, norm):
    """CBAM: ``first`` and ``second`` are (weight, bias) of the shared layers, ``kernel`` 2 x 7 x 7.

    Returns the channel gate, the spatial gate and the gated features.
    """
    c, h, w = len(F), len(F[0]), len(F[0][0])

    def mlp(values):
        return linear([max(0.0, v) for v in linear(values, *first)], *second)

    mean = mlp(eq1_gap(F))
    peak = mlp([max(map(max, channel)) for channel in F])
    channel_gate = [sigmoid(a + b) for a, b in zip(mean, peak, strict=True)]
    gated = [[[v * g for v in row] for row in F[k]] for k, g in enumerate(channel_gate)]
    pooled = [zeros(h, w), eq2_cap(gated)]
    for i in range(h):
        for j in range(w):
            pooled[0][i][j] = max(gated[k][i][j] for k in range(c))
    normed = batch_norm([convolved(pooled, kernel)], **norm)[0]
    spatial_gate = [[sigmoid(v) for v in row] for row in normed]
    out = [
        [[gated[k][i][j] * spatial_gate[i][j] for j in range(w)] for i in range(h)]
        for k in range(c)
    ]
    return channel_gate, spatial_gate, out


def batch_norm(F, *, mean, variance, weight, bias, epsilon=1e-5):
    """As at test time: with statistics that are given."""
    return [
        [
            [(v - mean[k]) / math.sqrt(variance[k] + epsilon) * weight[k] + bias[k] for v in row]
            for row in channel
        ]
        for k, channel in enumerate(F)
    ]


def one_by_one(F, weight, bias=None):
    """A 1 x 1 convolution: a linear layer at every position."""
    h, w = len(F[0]), len(F[0][0])
    out = zeros(len(weight), h, w)
    for i in range(h):
        for j in range(w):
            here = linear([channel[i][j] for channel in F], weight, bias or [0.0] * len(weight))
            for k, value in enumerate(here):
                out[k][i][j] = value
    return out


def statistics(norm):
    """What ``batch_norm`` needs of a PyTorch layer."""
    return {
        "mean": norm.running_mean.tolist(),
        "variance": norm.running_var.tolist(),
        "weight": norm.weight.tolist(),
        "bias": norm.bias.tolist(),
        "epsilon": norm.eps,
    }


def abn(F, class_maps, *, classify, attend, norm):
    """ABN from the maps per class on: logits, attention map, (1 + A) * x."""
    logits = eq1_gap(one_by_one(class_maps, classify))
    A = [
        [sigmoid(v) for v in row] for row in batch_norm([convolved(class_maps, attend)], **norm)[0]
    ]
    out = [
        [
            [f * (1 + a) for f, a in zip(fs, rows, strict=True)]
            for fs, rows in zip(x, A, strict=True)
        ]
        for x in F
    ]
    return logits, A, out


def near_threshold(values, ratio, margin=1e-5):
    """Whether a value lies so close to ``ratio`` x maximum that rounding could decide its side."""
    peak = max(values)
    return any(
        value != peak and abs(value - ratio * peak) <= margin * max(1.0, abs(peak))
        for value in values
    ) or (peak != 0 and abs(peak - ratio * peak) <= margin and ratio != 1)
