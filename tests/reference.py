"""Eq. 1-16 of the DFM paper and ADL as slow loops over plain numbers, one picture at a time.

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


def near_threshold(values, ratio, margin=1e-5):
    """Whether a value lies so close to ``ratio`` x maximum that rounding could decide its side."""
    peak = max(values)
    return any(
        value != peak and abs(value - ratio * peak) <= margin * max(1.0, abs(peak))
        for value in values
    ) or (peak != 0 and abs(peak - ratio * peak) <= margin and ratio != 1)
