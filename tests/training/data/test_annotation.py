"""ImageNet's XML: exact where it is right, one sentence where it is not, harmless where hostile."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.annotation import MAX_BYTES, Truth, read_truth

BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]>\n<annotation><object><name>&m;</name></object></annotation>"
)
OUTSIDE = (
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    "<annotation><object><name>&x;</name></object></annotation>"
)


def test_objects_of_the_first_class_are_kept(tmp_path, write_annotation):
    text = write_annotation("x", "n01440764", [(0, 1, 20, 30), (5.5, 6, 7, 8)])
    other = write_annotation("x", "n02012849", [(9, 9, 10, 10)])
    inner = other[other.index("\t<object>") : other.index("</annotation>")]
    path = tmp_path / "a.xml"
    path.write_bytes(text.replace("</annotation>", inner + "</annotation>").encode("utf-8-sig"))
    assert read_truth(path) == Truth("n01440764", ((0.0, 1.0, 20.0, 30.0), (5.5, 6.0, 7.0, 8.0)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("hostile", [BOMB, OUTSIDE], ids=["bomb", "outside"])
def test_entities_are_refused_at_once(tmp_path, hostile, encoding):
    path = tmp_path / "a.xml"
    path.write_bytes(hostile.encode(encoding))
    began = time.process_time()
    with pytest.raises(ValueError, match="declares a document type"):
        read_truth(path)
    assert time.process_time() - began < 1


def test_an_encoding_cannot_hide_a_bomb(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(BOMB.encode("utf-16"))
    with pytest.raises(ValueError, match="no UTF-8"):
        read_truth(path)
    # UTF-7 hides the declaration from a search in the text, but then it is text to the parser too.
    hidden = BOMB.replace("<!DOCTYPE", "+ADwAIQ-DOCTYPE").replace("<!ENTITY", "+ADwAIQ-ENTITY")
    path.write_text(hidden.replace('"1.0"?', '"1.0" encoding="utf-7"?'))
    with pytest.raises(ValueError, match="is no XML"):
        read_truth(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no XML"),
        ("<annotation></annotation>", "names no object"),
        ("<annotation><object><name>bird</name></object></annotation>", "names no object"),
        ("<annotation><object><name>n01440764</name></object></annotation>", "not four numbers"),
        ("<a><object><name>n01440764</name><bndbox><xmin>1</xmin></bndbox></object></a>", "four"),
        ("<a>" + "x" * MAX_BYTES + "</a>", "more than 1000 kB"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, told):
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        read_truth(path)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_boxes_are_finite(tmp_path, value, write_annotation):
    path = tmp_path / "a.xml"
    path.write_text(write_annotation("x", "n01440764", [(1, 2, value, 4)]))
    with pytest.raises(ValueError, match="not finite"):
        read_truth(path)


def test_deep_nesting_is_no_crash(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<a>" * 100_000 + "</a>" * 100_000)
    with pytest.raises(ValueError, match="names no object"):
        read_truth(path)
    with pytest.raises(ValueError, match="cannot be read"):
        read_truth(tmp_path)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.xml"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"."):
        read_truth(path)
