"""Tiny folders in the real formats of the data sets that conftest.py above does not have."""

from pathlib import Path

import pytest

WNIDS = ("n01440764", "n02012849", "n03126707")
COLOURS = ((220, 40, 30), (30, 60, 210), (40, 190, 60))

XML = """<annotation>
\t<folder>val</folder>
\t<filename>{stem}</filename>
\t<source>
\t\t<database>ILSVRC_2012</database>
\t</source>
\t<size>
\t\t<width>48</width>
\t\t<height>36</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
{objects}</annotation>
"""
OBJECT = """\t<object>
\t\t<name>{name}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{0}</xmin>
\t\t\t<ymin>{1}</ymin>
\t\t\t<xmax>{2}</xmax>
\t\t\t<ymax>{3}</ymax>
\t\t</bndbox>
\t</object>
"""


def annotation(stem, name, boxes):
    """The text of an ILSVRC annotation."""
    return XML.format(stem=stem, objects="".join(OBJECT.format(*b, name=name) for b in boxes))


@pytest.fixture
def write_annotation():
    return annotation


def ilsvrc_boxes(n):
    """Boxes of validation picture n: it has n + 1 of them, at most three."""
    return [(4 + 3 * k, 3, 20 + 3 * k, 30) for k in range(min(n, 2) + 1)]


@pytest.fixture
def ilsvrc_root(tmp_path, draw_picture) -> Path:
    """The official archives unpacked: three classes, two pictures each to train, five to test."""
    root = tmp_path / "ILSVRC2012"
    for label, wnid in enumerate(WNIDS):
        for n in range(2):
            path = root / "train" / wnid / f"{wnid}_{n}.JPEG"
            draw_picture(path, COLOURS[label], (4, 3, 24, 20), seed=10 * label + n)
    notes = root / "Annotations" / "val"
    notes.mkdir(parents=True)
    for n in range(5):
        stem, wnid = f"ILSVRC2012_val_{n + 1:08d}", WNIDS[(n + 1) % 3]
        draw_picture(root / "val" / f"{stem}.JPEG", COLOURS[n % 3], (4, 3, 24, 20), seed=100 + n)
        (notes / f"{stem}.xml").write_text(annotation(stem, wnid, ilsvrc_boxes(n)))
    return root


@pytest.fixture
def tiny_root(tmp_path, draw_picture) -> Path:
    """Tiny ImageNet: three of the listed classes have pictures, and wnids.txt is not sorted."""
    root = tmp_path / "tiny-imagenet-200"
    listed = [WNIDS[2], "n09999999", WNIDS[0], WNIDS[1]]
    rows = []
    for label, wnid in enumerate(WNIDS):
        lines = []
        for n in range(3):
            name, box = f"{wnid}_{n}.JPEG", (n, 2, 40 + n, 60)
            path = root / "train" / wnid / "images" / name
            draw_picture(path, COLOURS[label], box, size=(64, 64), seed=10 * label + n)
            lines.append("\t".join(map(str, (name, *box))))
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("\n".join(lines) + "\n")
        name, box = f"val_{label}.JPEG", (5, 6, 50 + label, 63)
        path = root / "val" / "images" / name
        draw_picture(path, COLOURS[label], box, size=(64, 64), seed=50 + label)
        rows.append("\t".join(map(str, (name, wnid, *box))))
    (root / "val" / "val_annotations.txt").write_text("\n".join(rows) + "\n")
    (root / "wnids.txt").write_text("\n".join(listed) + "\n")
    (root / "words.txt").write_text(
        "n00001740\tentity\nn01440764\ttench, Tinca tinca\nn02012849\tcrane\n"
        "n03126707\tcrane\nn09999999\tnothing\n"
    )
    return root


@pytest.fixture
def own_root(tmp_path, draw_picture) -> Path:
    """Class folders and a boxes CSV, with names in any script and a picture with two boxes."""
    root = tmp_path / "meine Daten"
    for split, count in (("train", 3), ("test", 1)):
        for label, name in enumerate(("Möwe", "heron (grey)", "鳥")):
            for n in range(count):
                path = root / split / name / f"{split} {n}.png"
                draw_picture(path, COLOURS[label], (4, 3, 24, 20), seed=20 * label + n)
    (root / "boxes.csv").write_text(
        "path,x0,y0,x1,y1\n"
        "test/Möwe/test 0.png,4,3,23,19\n"
        "test/Möwe/test 0.png,30.5,3,40,19\n"
        '"test/heron (grey)/test 0.png",4,3,48,36\n'
        "train/鳥/train 1.png,0,0,47,35\n",
        encoding="utf-8",
    )
    return root
