"""What a file is: photos of phones are read, others are named, with a way to convert them."""

import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures_made import P3, TURNED, heic, noise, profile
from PIL import Image

from dfm_viz import pictures
from dfm_viz.picture_headers import read_header
from dfm_viz.pictures import read_picture
from dfm_viz.types import UserError


def ftyp(brand, *others):
    """The first box of a file of that brand, compatible with others."""
    body = brand + bytes(4) + b"".join(others)
    return struct.pack(">I", len(body) + 8) + b"ftyp" + body + bytes(40)


def tiff(order, *entries):
    """The first directory of a TIFF file: (tag, count, value) each."""
    rows = b"".join(struct.pack(f"{order}HHII", tag, 2, *rest) for tag, *rest in entries)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    maker = b"NIKON CORPORATION\0"
    return head + struct.pack(f"{order}H", len(entries)) + rows + bytes(100 - len(rows)) + maker


RAW, MAGICK = "Export it as JPEG with the camera", "magick FILE picture.png"


@pytest.mark.parametrize(
    ("data", "found", "advice"),
    [
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "a raw photo (Canon CR2)", RAW),
        (ftyp(b"crx ", b"isom"), "a raw photo (Canon CR3)", RAW),
        (tiff("<", (50706, 4, 1)), "a raw photo (DNG)", RAW),
        (tiff(">", (50706, 4, 1)), "a raw photo (DNG)", RAW),
        (tiff(">", (271, 18, 110), (330, 1, 9)), "a raw photo (Nikon NEF)", RAW),
        (tiff(">", (271, 18, 110)), "a TIFF picture", MAGICK),
        (b"II*\0\xff\xff\xff\xff", "a TIFF picture", MAGICK),
        (b"MM\0*", "a TIFF picture", MAGICK),
        (b"II+\0\x08\0\0\0", "a TIFF picture", MAGICK),
        (b"FUJIFILMCCD-RAW 0201", "a raw photo (Fujifilm RAF)", RAW),
        (b"P6\n2 2\n255\n" + bytes(12), "a PPM picture", MAGICK),
        (b"P5 2 2 255 1234", "a PGM picture", MAGICK),
        (b"P1\n1 1\n0\n", "a PBM picture", MAGICK),
        (b"P7\nWIDTH 1\n", "a PAM picture", MAGICK),
        (bytes(128) + b"DICM\2\0", "a DICOM picture", "Export it as PNG from the viewer"),
        (b"II*\0" + bytes(124) + b"DICM\2\0", "a DICOM picture", "PNG"),
        (b"\xff\x0a\xfa\x7f", "a JPEG XL picture", MAGICK),
        (b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a", "a JPEG XL picture", MAGICK),
        (b"\xff\x4f\xff\x51\0", "a JPEG 2000 picture", MAGICK),
        (b"8BPS\0\1", "a Photoshop picture", "Save it as PNG"),
        (ftyp(b"avif", b"mif1", b"miaf"), "an AVIF picture", MAGICK),
        (ftyp(b"avis", b"msf1"), "an AVIF picture", MAGICK),
        (ftyp(b"mif1", b"avif", b"miaf"), "an AVIF picture", MAGICK),
        (ftyp(b"mif1", b"j2ki"), "a HEIF picture of a rare coding", MAGICK),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing", "Export it as PNG"),
        (b"<?xml version='1.0'?>\n<svg/>", "an SVG drawing", "Export it as PNG"),
        (b"<!-- drawn by hand -->\n<svg></svg>", "an SVG drawing", "Export it as PNG"),
    ],
)
def test_other_pictures_are_named_with_a_way_to_convert_them(data, found, advice):
    with pytest.raises(UserError) as caught:
        read_picture(data, "IMG_0001.png")
    text = str(caught.value)
    assert f"IMG_0001.png is {found}" in text
    assert "a format that is not read here" in text
    assert advice in text
    assert text.endswith("up to 40 megapixels.")
    assert len(text) < 260


@pytest.mark.parametrize(
    "data",
    [b"P5 is a fine group of words"[:2] + b"hilosophy", ftyp(b"isom", b"mp41"), ftyp(b"qt  ")],
)
def test_what_only_begins_alike_is_no_picture(data):
    with pytest.raises(UserError, match="not a picture"):
        read_picture(data)


class TestHeic:
    @pytest.mark.parametrize(
        "brand", [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevm", b"mif1", b"msf1"]
    )
    def test_every_brand_is_read(self, brand):
        """A phone's brand says how it was coded; the general ones list the coding behind."""
        data = heic(noise())
        assert data[8:12] == b"heic"
        listed = ftyp(brand, b"mif1", b"heic")[:24]
        size = struct.pack(">I", len(data[: int.from_bytes(data[:4], "big")]))
        changed = size + listed[4:24] + data[24:]
        assert read_picture(changed).rgb.shape == (60, 40, 3)

    def test_pixels_and_size(self):
        image = Image.new("RGB", (64, 48), (200, 30, 40))
        image.paste((20, 30, 220), (32, 0, 64, 48))
        picture = read_picture(heic(image))
        assert (picture.width, picture.height) == (64, 48)
        assert np.abs(picture.rgb.astype(int) - np.array(image)).max() <= 30
        assert np.abs(picture.rgb[8, 8].astype(int) - [200, 30, 40]).max() <= 4
        assert picture.notes == ()

    @pytest.mark.parametrize("turn", range(1, 9))
    def test_it_is_turned_once(self, turn):
        upright = np.zeros((48, 64, 3), np.uint8)
        upright[:24, :32] = (255, 0, 0)
        upright[:24, 32:] = (0, 255, 0)
        stored = TURNED[turn](upright)
        exif = Image.Exif()
        exif[0x0112] = turn
        image = Image.fromarray(np.ascontiguousarray(stored))
        picture = read_picture(heic(image, exif=exif.tobytes()))
        assert (picture.width, picture.height) == (64, 48)
        assert (picture.rgb[8, 8].argmax(), picture.rgb[8, 56].argmax()) == (0, 1)
        assert picture.rgb[40].max() < 60

    def test_transparency_is_put_on_white(self):
        image = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
        assert read_picture(heic(image)).rgb.min() >= 250

    def test_the_profile_of_a_phone_is_converted(self):
        image = Image.new("RGB", (64, 64), (200, 120, 60))
        data = heic(image, icc_profile=profile("Display P3", matrix=P3))
        picture = read_picture(data)
        assert picture.rgb[9, 9, 0] > 208  # the same red is further out in sRGB
        assert picture.notes == ("Its colours were converted from Display P3 to sRGB.",)

    def test_a_large_photo_is_kept_small(self):
        picture = read_picture(heic(Image.new("RGB", (3000, 1500), (9, 99, 200))))
        assert (picture.width, picture.height) == (3000, 1500)
        assert picture.rgb.shape == (1024, 2048, 3)

    @pytest.mark.parametrize("size", [(30000, 30000), (7000, 6000)])
    def test_size_is_checked_before_the_decoder_sees_anything(self, size, monkeypatch):
        import pillow_heif

        def never(*_):
            raise AssertionError("opened")

        monkeypatch.setattr(pillow_heif, "open_heif", never)
        data = bytearray(heic(noise()))
        at = data.index(b"ispe")
        data[at + 8 : at + 16] = struct.pack(">II", *size)
        with pytest.raises(UserError, match=r"megapixels, more than the 40 allowed"):
            read_picture(bytes(data))

    def test_the_decoders_own_size_is_checked_too(self, monkeypatch):
        data = heic(noise())
        monkeypatch.setattr(pictures, "read_header", lambda d: pictures_header(d, 2, 2))
        monkeypatch.setattr(pictures, "MAX_PIXELS", 1000)
        with pytest.raises(UserError, match="40 x 60"):
            read_picture(data)

    @pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
    def test_cut_off(self, share):
        data = heic(noise(200, 200))
        with pytest.raises(UserError, match="cut off"):
            read_picture(data[: int(len(data) * share)])

    @settings(max_examples=60)
    @given(st.data())
    def test_damage_is_a_picture_or_one_sentence(self, data):
        changed = bytearray(HEIC)
        for at in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=6)):
            changed[at] = data.draw(st.integers(0, 255))
        try:
            picture = read_picture(bytes(changed))
        except UserError:
            return
        assert picture.rgb.dtype == np.uint8

    def test_nobody_elses_reading_changes(self):
        """Registering the decoder would let every `Image.open` of the process read HEIC."""
        code = """
import io, sys
from PIL import Image, UnidentifiedImageError
from dfm_viz.pictures import read_picture
data = sys.stdin.buffer.read()
read_picture(data)
try:
    Image.open(io.BytesIO(data))
except UnidentifiedImageError:
    print("as before")
"""
        # A process of its own: other libraries here register the decoder themselves.
        done = subprocess.run([sys.executable, "-c", code], input=HEIC, capture_output=True)
        assert done.stdout.decode().strip() == "as before", done.stderr.decode()


HEIC = heic(noise(24, 17))


def pictures_header(data, width, height):
    """What the file's beginning says, but for its size."""
    header = read_header(data)
    return type(header)(header.kind, width, height)
