"""Slow, independent transcriptions of the box protocol: first loops that know nothing of OpenCV.

Written from the protocol's text: bicubic resize with half-pixel centres and repeated borders,
min-max, floor(255 s), strict threshold, 8-connected components, area of the polygon through the
outer border pixels (traced as Suzuki and Abe describe), bounding rectangle. At the end the whole
standard procedure with OpenCV's contours, one pass for each of 1000 thresholds.
"""

import math

import cv2
import numpy as np


def cubic_weights(t):
    a = -0.75  # OpenCV's choice
    near = lambda d: (a + 2) * d**3 - (a + 3) * d**2 + 1  # noqa: E731
    far = lambda d: a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a  # noqa: E731
    return [far(1 + t), near(t), near(1 - t), far(2 - t)]


def resize_axis(rows, count):
    """Resize a list of equally long rows to ``count`` rows."""
    source = len(rows)
    out = []
    for i in range(count):
        centre = (i + 0.5) * source / count - 0.5
        low = math.floor(centre)
        weights = cubic_weights(centre - low)
        taps = [rows[min(max(low - 1 + k, 0), source - 1)] for k in range(4)]
        out.append(
            [
                sum(w * tap[j] for w, tap in zip(weights, taps, strict=True))
                for j in range(len(rows[0]))
            ]
        )
    return out


def slow_grid(score_map, side):
    rows = [[float(v) for v in row] for row in score_map]
    flat = [v for row in rows for v in row]
    if any(not math.isfinite(v) for v in flat) or min(flat) == max(flat):
        return [[0] * side for _ in range(side)]
    rows = resize_axis(rows, side)
    columns = [list(c) for c in zip(*rows, strict=True)]
    columns = resize_axis(columns, side)
    rows = [list(r) for r in zip(*columns, strict=True)]
    low = min(v for row in rows for v in row)
    high = max(v for row in rows for v in row)
    return [[math.floor(255 * (v - low) / (high - low)) for v in row] for row in rows]


def components(mask):
    """8-connected components in raster order, each a set of (x, y)."""
    height, width = len(mask), len(mask[0])
    seen, found = set(), []
    for y in range(height):
        for x in range(width):
            if not mask[y][x] or (x, y) in seen:
                continue
            stack, part = [(x, y)], set()
            seen.add((x, y))
            while stack:
                cx, cy = stack.pop()
                part.add((cx, cy))
                for nx in (cx - 1, cx, cx + 1):
                    for ny in (cy - 1, cy, cy + 1):
                        inside = 0 <= nx < width and 0 <= ny < height
                        if inside and mask[ny][nx] and (nx, ny) not in seen:
                            seen.add((nx, ny))
                            stack.append((nx, ny))
            found.append(part)
    return found


RING = [(-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1)]  # clockwise on screen


def outer_border(part):
    """Border pixels of a component, in order, from its first pixel in raster order."""
    start = min(part, key=lambda p: (p[1], p[0]))

    def neighbours(centre, first, step):
        at = RING.index((first[0] - centre[0], first[1] - centre[1]))
        for k in range(8):
            dx, dy = RING[(at + step * k) % 8]
            yield centre[0] + dx, centre[1] + dy

    before = (start[0] - 1, start[1])
    first = next((p for p in neighbours(start, before, 1) if p in part), None)
    if first is None:
        return [start]
    border, previous, current = [], first, start
    while True:
        walk = list(neighbours(current, previous, -1))
        following = next(p for p in [*walk[1:], walk[0]] if p in part)
        border.append(current)
        if following == start and current == first:
            return border
        previous, current = current, following


def polygon_area(points):
    total = 0
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        total += x0 * y1 - x1 * y0
    return abs(total) / 2


def slow_candidates(grid, threshold):
    """Boxes of all components of largest polygon area, in raster order of the components."""
    height, width = len(grid), len(grid[0])
    level = int(threshold * max(v for row in grid for v in row))
    mask = [[v > level for v in row] for row in grid]
    parts = components(mask)
    if not parts:
        return [(0, 0, 0, 0)]
    areas = [polygon_area(outer_border(part)) for part in parts]
    boxes = []
    for part, area in zip(parts, areas, strict=True):
        if area == max(areas):
            xs, ys = [p[0] for p in part], [p[1] for p in part]
            boxes.append(
                (min(xs), min(ys), min(max(xs) + 1, width - 1), min(max(ys) + 1, height - 1))
            )
    return boxes


def slow_iou(a, b):
    """IoU by counting the integer pixels of both boxes."""
    first = {(x, y) for x in range(a[0], a[2] + 1) for y in range(a[1], a[3] + 1)}
    second = {(x, y) for x in range(b[0], b[2] + 1) for y in range(b[1], b[3] + 1)}
    return len(first & second) / len(first | second)


def as_lists(array):
    return np.asarray(array).tolist()


# --- every contour, holes included ----------------------------------------------------------------


def holes(mask):
    """4-connected regions of background that do not reach the edge, each a set of (x, y)."""
    height, width = len(mask), len(mask[0])
    seen, found = set(), []
    for y in range(height):
        for x in range(width):
            if mask[y][x] or (x, y) in seen:
                continue
            stack, part = [(x, y)], set()
            seen.add((x, y))
            while stack:
                cx, cy = stack.pop()
                part.add((cx, cy))
                for nx, ny in ((cx - 1, cy), (cx + 1, cy), (cx, cy - 1), (cx, cy + 1)):
                    inside = 0 <= nx < width and 0 <= ny < height
                    if inside and not mask[ny][nx] and (nx, ny) not in seen:
                        seen.add((nx, ny))
                        stack.append((nx, ny))
            edge = any(x in (0, width - 1) or y in (0, height - 1) for x, y in part)
            if not edge:
                found.append(part)
    return found


def slow_all(grid, threshold):
    """Boxes of all contours, sorted: components, and the rims around their holes."""
    height, width = len(grid), len(grid[0])
    level = int(threshold * max(v for row in grid for v in row))
    mask = [[v > level for v in row] for row in grid]
    boxes = []
    for grow, parts in ((0, components(mask)), (1, holes(mask))):
        for part in parts:
            xs, ys = [p[0] for p in part], [p[1] for p in part]
            boxes.append(
                (
                    min(xs) - grow,
                    min(ys) - grow,
                    min(max(xs) + grow + 1, width - 1),
                    min(max(ys) + grow + 1, height - 1),
                )
            )
    return sorted(boxes) or [(0, 0, 0, 0)]


# --- the standard procedure, step by step, one contour pass per threshold -------------------------


def plain_iou(a, b):
    """IoU with inclusive pixels, by its definition."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    area = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return width * height / (area[0] + area[1] - width * height)


def plain_grid(score_map, side=224):
    """Grey levels of a raw map, with OpenCV's resize."""
    values = np.asarray(score_map, dtype=np.float32)
    if not np.isfinite(values).all() or values.max() == values.min():
        return np.zeros((side, side), dtype=np.uint8)
    large = cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC)
    large = large - large.min()
    large = large / large.max()
    return (large * 255).astype(np.uint8)


def plain_boxes(grid, threshold):
    """The largest contour's box and the boxes of all contours at one threshold."""
    height, width = grid.shape
    _, mask = cv2.threshold(grid, int(threshold * grid.max()), 255, cv2.THRESH_BINARY)
    contours = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
    if not contours:
        return (0, 0, 0, 0), [(0, 0, 0, 0)]
    boxes, areas = [], []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        boxes.append((x, y, min(x + w, width - 1), min(y + h, height - 1)))
        areas.append(cv2.contourArea(contour))
    return boxes[areas.index(max(areas))], boxes


def plain_curves(grid, truths, thresholds):
    """Best IoU at every threshold: of the largest contour's box, and of any contour's."""
    single, multi = [], []
    for threshold in thresholds:
        largest, boxes = plain_boxes(grid, threshold)
        single.append(max(plain_iou(largest, truth) for truth in truths))
        multi.append(max(plain_iou(box, truth) for box in boxes for truth in truths))
    return single, multi


def plain_maxboxacc(curves, level):
    """Percent of pictures that reach an IoU level at the best common threshold."""
    best = 0.0
    for column in zip(*curves, strict=True):
        best = max(best, 100 * sum(value >= level for value in column) / len(column))
    return best
