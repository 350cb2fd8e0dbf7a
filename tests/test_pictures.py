"""The guarded reader: the right picture, or one helpful sentence, and never much memory."""

import io
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures_made import (
    TURNED,
    chunk,
    encode,
    gif_with_large_frame,
    jpeg_declaring,
    noise,
    one_bit_bomb,
    raw_png,
    webp_declaring,
)
from PIL import Image

from dfm_viz import pictures
from dfm_viz.pictures import MAX_STORED_SIDE, Picture, read_picture, to_input
from dfm_viz.types import UserError

KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def refused(source, *words, name=None):
    with pytest.raises(UserError) as caught:
        read_picture(source, name)
    text = str(caught.value)
    for word in words:
        assert word in text, text
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 260
    return text


class TestGood:
    @pytest.mark.parametrize("kind", ["PNG", "BMP"])
    def test_lossless_kinds_keep_every_pixel(self, kind):
        image = noise()
        picture = read_picture(encode(image, kind))
        np.testing.assert_array_equal(picture.rgb, np.asarray(image))
        assert (picture.width, picture.height) == (40, 60)

    def test_lossless_webp_and_small_gif(self):
        image = noise()
        got = read_picture(encode(image, "WEBP", lossless=True)).rgb
        np.testing.assert_array_equal(got, np.asarray(image))
        few = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8))
        np.testing.assert_array_equal(read_picture(encode(few, "GIF")).rgb, np.asarray(few))

    def test_jpeg_is_what_pillow_decodes(self):
        data = encode(noise(), "JPEG")
        np.testing.assert_array_equal(
            read_picture(data).rgb, np.asarray(Image.open(io.BytesIO(data)))
        )

    @pytest.mark.parametrize("kind", KINDS)
    def test_all_sources_agree(self, tmp_path, kind):
        data = encode(noise(), kind)
        path = tmp_path / "picture.dat"  # the name does not matter
        path.write_bytes(data)
        pictures_ = [read_picture(source) for source in (data, bytearray(data), path, str(path))]
        assert len({p.digest for p in pictures_}) == 1
        again = read_picture(Image.fromarray(pictures_[0].rgb))
        assert again.digest == pictures_[0].digest
        assert read_picture(np.array(again.rgb)).digest == again.digest

    @pytest.mark.parametrize("size", [(1, 1), (1, 10000), (10000, 1), (3, 2)])
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
    def test_any_shape(self, size, kind):
        picture = read_picture(encode(Image.new("RGB", size, (200, 10, 30)), kind))
        assert (picture.width, picture.height) == size
        assert max(picture.rgb.shape[:2]) <= MAX_STORED_SIDE
        assert to_input(picture.rgb, mean=(0.5,) * 3, std=(0.5,) * 3).shape == (1, 3, 224, 224)

    def test_large_picture_is_kept_small_but_remembers_its_size(self):
        picture = read_picture(encode(Image.new("RGB", (5000, 2500), (1, 2, 3)), "PNG"))
        assert (picture.width, picture.height) == (5000, 2500)
        assert picture.rgb.shape == (1024, 2048, 3)
        assert (picture.rgb == (1, 2, 3)).all()

    def test_phone_jpeg_of_48_megapixels(self):
        ramp = np.linspace(0, 255, 8000).astype(np.uint8)
        image = Image.fromarray(np.broadcast_to(ramp, (6000, 8000)))
        picture = read_picture(encode(image, "JPEG", quality=60))
        assert (picture.width, picture.height) == (8000, 6000)
        assert picture.rgb.shape == (1536, 2048, 3)
        expected = np.linspace(0, 255, 2048)
        assert np.abs(picture.rgb[700, :, 0].astype(float) - expected).max() < 4

    def test_result_is_read_only_and_frozen(self):
        picture = read_picture(encode(noise(), "PNG"))
        with pytest.raises(ValueError, match="read-only"):
            picture.rgb[0, 0] = 0
        with pytest.raises(AttributeError):
            picture.width = 3
        assert isinstance(picture, Picture)
        assert picture.rgb.flags.c_contiguous

    def test_callers_objects_are_not_changed(self):
        array = np.array(noise())
        before = array.copy()
        picture = read_picture(array)
        assert array.flags.writeable
        array[:] = 0
        np.testing.assert_array_equal(picture.rgb, before)
        image = noise().convert("P")
        copy = image.copy()
        read_picture(image)
        assert image.mode == "P"
        assert image.tobytes() == copy.tobytes()

    def test_digest_tells_pictures_apart(self):
        flat = np.zeros((4, 6, 3), np.uint8)
        digests = {
            read_picture(a).digest for a in (flat, flat.reshape(6, 4, 3), flat + 1, flat[:3])
        }
        assert len(digests) == 4
        small = np.zeros((2048, 2048, 3), np.uint8)
        large = np.zeros((4096, 4096, 3), np.uint8)  # the same working copy, other boxes
        assert read_picture(small).digest != read_picture(large).digest


class TestUnusualPixels:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    @pytest.mark.parametrize("turn", range(1, 9))
    def test_exif_rotation(self, kind, turn):
        upright = np.zeros((32, 48, 3), np.uint8)
        upright[:16, :16] = (255, 0, 0)
        upright[:16, 32:] = (0, 255, 0)
        stored = Image.fromarray(np.ascontiguousarray(TURNED[turn](upright)))
        exif = Image.Exif()
        exif[0x0112] = turn
        picture = read_picture(encode(stored, kind, exif=exif))
        assert (picture.width, picture.height) == (48, 32)
        np.testing.assert_allclose(picture.rgb.astype(int), upright, atol=90)
        assert (picture.rgb[8, 8].argmax(), picture.rgb[8, 40].argmax()) == (0, 1)

    def test_rotation_of_a_large_picture(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        picture = read_picture(encode(Image.new("RGB", (4000, 1000)), "JPEG", exif=exif))
        assert (picture.width, picture.height) == (1000, 4000)
        assert picture.rgb.shape == (2048, 512, 3)

    @pytest.mark.parametrize("value", [0, 9, 77, "x", 2.5])
    def test_senseless_rotation_is_ignored(self, value):
        image = noise()
        image.getexif()[0x0112] = value
        assert read_picture(image).rgb.shape == (60, 40, 3)

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF")
    def test_damaged_exif_does_not_spoil_the_picture(self):
        data = encode(noise(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
        assert read_picture(data).rgb.shape == (60, 40, 3)

    def test_16_bit_grey_is_scaled_not_clipped(self):
        values = np.array([[0, 300, 1000], [257 * 128, 65535, 256]], np.uint16)
        expected = [[0, 1, 3], [128, 255, 1]]
        for source in (encode(Image.fromarray(values), "PNG"), Image.fromarray(values)):
            picture = read_picture(source)
            for channel in range(3):
                assert picture.rgb[..., channel].tolist() == expected

    def test_16_bit_colour_is_scaled(self):
        data = raw_png(1, 1, 16, 2, b"\0" + np.array([300, 30000, 65535], ">u2").tobytes())
        assert read_picture(data).rgb[0, 0].tolist() == [1, 117, 255]

    @pytest.mark.parametrize("depth", [1, 2, 4])
    def test_few_bits(self, depth):
        picture = read_picture(raw_png(2, 1, depth, 0, bytes([0, 1 << (8 - 2 * depth)])))
        top = 255 // (2**depth - 1)
        assert picture.rgb[0].tolist() == [[0] * 3, [top] * 3]

    def test_transparency_is_put_on_white(self):
        hidden = Image.new("RGBA", (3, 3), (200, 0, 0, 0))
        half = Image.new("RGBA", (3, 3), (200, 0, 0, 128))
        for kind in ("PNG", "WEBP"):
            options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
            got = read_picture(encode(hidden, kind, **options)).rgb
            assert (got == 255).all()
            got = read_picture(encode(half, kind, **options)).rgb[0, 0].astype(int)
            assert np.abs(got - [227, 127, 127]).max() <= 1
        assert (read_picture(hidden).rgb == 255).all()

    def test_hidden_colour_does_not_bleed_when_reduced(self):
        image = Image.new("RGBA", (4096, 4), (255, 0, 0, 0))
        image.paste((0, 0, 0, 255), (0, 0, 2048, 4))
        row = read_picture(encode(image, "PNG")).rgb[0].astype(int)
        assert (row[:, 0] == row[:, 1]).all()  # greys only: no red from below

    @pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBa"])
    def test_other_transparent_modes(self, mode):
        image = Image.new("LA", (2, 2), (10, 0))
        image = image.convert("RGBA") if mode in ("RGBa", "PA") else image
        image = image.convert(mode)
        assert (read_picture(image).rgb == 255).all()

    def test_transparent_palette(self):
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 200, 100, 50])
        image.putpixel((1, 0), 1)
        for kind in ("PNG", "GIF"):
            got = read_picture(encode(image, kind, transparency=0)).rgb[0].tolist()
            assert got == [[255, 255, 255], [200, 100, 50]]

    def test_transparent_grey_of_16_bits(self):
        extra = chunk(b"tRNS", np.array([30000], ">u2").tobytes())
        data = raw_png(2, 1, 16, 0, b"\0" + np.array([30000, 30001], ">u2").tobytes(), extra)
        assert read_picture(data).rgb[0, :, 0].tolist() == [255, 117]

    @pytest.mark.parametrize(
        ("mode", "colour", "expected"),
        [
            ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
            ("L", 77, (77, 77, 77)),
            ("1", 1, (255, 255, 255)),
            ("YCbCr", (128, 128, 128), (128, 128, 128)),
            ("HSV", (0, 255, 255), (255, 0, 0)),
            ("RGBX", (1, 2, 3, 0), (1, 2, 3)),
        ],
    )
    def test_other_colour_spaces(self, mode, colour, expected):
        assert (read_picture(Image.new(mode, (3, 2), colour)).rgb == expected).all()

    def test_cmyk_jpeg(self):
        data = encode(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
        assert np.abs(read_picture(data).rgb.astype(int) - [255, 0, 0]).max() <= 2

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
    def test_animation_gives_its_first_frame(self, kind):
        frames = [Image.new("RGB", (8, 8), c) for c in ("red", "lime", "blue")]
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        assert np.abs(read_picture(data).rgb.astype(int) - [255, 0, 0]).max() <= 2

    @pytest.mark.parametrize("mode", ["F", "I", "LAB"])
    def test_modes_without_a_range_are_refused(self, mode):
        refused(Image.new(mode, (3, 3)), mode, "convert it to RGB")


class TestBad:
    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (b"hello, world\n" * 9, "a text file, not a picture"),
            ("Grüße".encode(), "a text file, not a picture"),
            (b"BM is how this sentence begins", "a text file"),
            (b"<!DOCTYPE html><html><svg></svg></html>", "a web page"),
            (b"%PDF-1.7 ...", "a PDF document"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
            (b"\x80\x04\x95\x10", "a Python pickle"),
            (b"PK\x03\x04....", "a ZIP archive"),
            (b"\x00\x01\x02\x03" * 10, "of an unknown kind, not a picture"),
            (b"\x00", "of an unknown kind, not a picture"),
        ],
    )
    def test_not_a_picture(self, data, found):
        refused(
            data, "notes.png", found, "JPEG, PNG, WebP, BMP, GIF or HEIC", "40", name="notes.png"
        )

    @pytest.mark.parametrize("kind", ["TIFF", "AVIF", "ICO", "PPM", "TGA"])
    def test_other_formats(self, kind):
        try:
            data = encode(noise(32, 32), kind)
        except (KeyError, OSError):
            pytest.skip(f"this Pillow cannot write {kind}")
        refused(data, "Use JPEG")

    def test_empty(self):
        refused(b"", "a.png is empty (0 bytes)", name="a.png")

    @pytest.mark.parametrize("kind", KINDS)
    def test_cut_off(self, kind):
        data = encode(noise(), kind)
        ends = (9, 16, 30, len(data) // 9, len(data) // 2, len(data) - 40)
        for end in ends[:4] if kind == "JPEG" else ends:  # JPEG: see test_picture_notes.py
            text = refused(data[:end], "x.img", name="x.img")
            assert "cut off" in text or "not a picture" in text

    def test_files(self, tmp_path):
        refused(tmp_path / "none.png", "none.png does not exist")
        refused(tmp_path, "is a folder")
        refused("a\0b.png", "cannot be read")
        refused("x" * 5000, "cannot be read")
        (tmp_path / "empty.jpg").touch()
        refused(tmp_path / "empty.jpg", "empty.jpg is empty")

    @pytest.mark.parametrize(
        "source", [None, 3, 2.5, [], {}, torch.zeros(3, 4, 4), object(), ("a.png",)]
    )
    def test_something_else(self, source):
        refused(source, "give a path")

    @pytest.mark.parametrize(
        "array",
        [
            np.zeros((4, 4, 3)),
            np.zeros((4, 4), np.uint8),
            np.zeros((4, 4, 4), np.uint8),
            np.zeros((3, 4, 4), np.uint8),
            np.zeros((1, 4, 4, 3), np.uint8),
            np.zeros((4, 4, 3), np.uint16),
        ],
    )
    def test_arrays(self, array):
        refused(array, "height x width x 3", "uint8")

    def test_empty_array(self):
        refused(np.zeros((0, 5, 3), np.uint8), "nothing to look at")

    def test_too_many_bytes(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pictures, "MAX_BYTES", 1000)
        path = tmp_path / "big.png"
        path.write_bytes(encode(noise(), "PNG"))
        refused(path, "big.png", "MB")
        refused(path.read_bytes(), "MB")

    @pytest.mark.parametrize(
        ("data", "megapixels"),
        [
            (jpeg_declaring(65000, 65000), "4225 megapixels"),
            (jpeg_declaring(8000, 6500), "more than the 50"),
            (gif_with_large_frame(), "more than the 40"),
            (gif_with_large_frame(8000, 8000), "64 megapixels"),
            (webp_declaring(16383, 16383), "268 megapixels"),
            (raw_png(2**31 - 1, 2**31 - 1, 8, 2, b""), "megapixels"),
            (raw_png(8000, 5001, 8, 2, b""), "more than the 40"),
        ],
    )
    def test_too_many_pixels(self, data, megapixels):
        refused(data, megapixels, "Save it smaller")

    def test_zero_sides(self):
        refused(raw_png(0, 5, 8, 2, b""), "damaged")
        refused(jpeg_declaring(5, 0), "damaged")

    def test_too_many_pixels_in_memory(self):
        refused(Image.new("1", (9000, 9000)), "81 megapixels")
        refused(np.broadcast_to(np.uint8(0), (9000, 9000, 3)), "81 megapixels")

    def test_hostile_names_are_shown_safely(self):
        text = refused(b"x", name="a\nb\x1b[31m" + "c" * 500 + ".png")
        assert "\x1b" not in text
        assert text.startswith("a?b?[31m")

    def test_library_limits_are_left_alone(self):
        before = Image.MAX_IMAGE_PIXELS
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            refused(one_bit_bomb(), "144 megapixels")
        assert before == Image.MAX_IMAGE_PIXELS


DATA = {
    "JPEG": encode(noise(24, 17), "JPEG"),
    "progressive": encode(noise(24, 17), "JPEG", progressive=True),
    "PNG": encode(noise(24, 17), "PNG"),
    "palette": encode(noise(24, 17).convert("P"), "PNG"),
    "WEBP": encode(noise(24, 17), "WEBP"),
    "lossless": encode(noise(24, 17), "WEBP", lossless=True),
    "BMP": encode(noise(24, 17), "BMP"),
    "GIF": encode(noise(24, 17), "GIF"),
}


class TestFuzz:
    """Damaged encodings of real pictures: a picture or a UserError, nothing else."""

    @staticmethod
    def read(data):
        try:
            picture = read_picture(data, "fuzz")
        except UserError:
            return
        assert picture.rgb.dtype == np.uint8
        assert picture.rgb.ndim == 3
        assert picture.rgb.shape[2] == 3

    @settings(max_examples=150)
    @given(st.sampled_from(sorted(DATA)), st.data())
    def test_flipped(self, kind, data):
        changed = bytearray(DATA[kind])
        for at in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=8)):
            changed[at] = data.draw(st.integers(0, 255))
        self.read(bytes(changed))

    @settings(max_examples=80)
    @given(st.sampled_from(sorted(DATA)), st.floats(0, 1), st.binary(max_size=12))
    def test_truncated_and_extended(self, kind, share, tail):
        data = DATA[kind]
        self.read(data[: int(len(data) * share)] + tail)

    @given(st.binary(max_size=200))
    def test_noise(self, data):
        self.read(data)

    @given(st.sampled_from([d[:12] for d in DATA.values()]), st.binary(max_size=100))
    def test_noise_after_a_good_start(self, start, rest):
        self.read(start + rest)


MEMORY = """
import resource, sys
sys.path.insert(0, {tests!r})
from pictures_made import *
from dfm_viz.pictures import read_picture
from dfm_viz.types import UserError
data = {make}
read_picture(encode(noise(64, 64), "PNG"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_picture(data)
    print("picture", end=" ")
except UserError:
    print("refused", end=" ")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts otherwise")
@pytest.mark.parametrize(
    ("make", "outcome", "limit_mb"),
    [
        ("one_bit_bomb()", "refused", 5),
        ("gif_with_large_frame()", "refused", 5),
        ("webp_declaring(16383, 16383)", "refused", 5),
        ("raw_png(6000, 6600, 8, 0, (b'\\0' + b'\\7' * 6000) * 6600)", "picture", 150),
        ("raw_png(6000, 6600, 8, 6, (b'\\0' + b'\\7' * 24000) * 6600)", "picture", 450),
    ],
)
def test_memory_stays_bounded(make, outcome, limit_mb):
    code = MEMORY.format(tests=str(Path(__file__).parent), make=make)
    root = Path(__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    got, grown = result.stdout.split()
    assert got == outcome
    assert int(grown) <= limit_mb


class TestToInput:
    MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def test_values(self):
        rgb = np.array(noise(224, 224))
        out = to_input(rgb, mean=self.MEAN, std=self.STD)
        assert out.dtype == torch.float32
        assert out.shape == (1, 3, 224, 224)
        assert out.is_contiguous()
        expected = (rgb / 255 - np.array(self.MEAN)) / np.array(self.STD)
        np.testing.assert_allclose(out[0].permute(1, 2, 0), expected, atol=1e-6)

    @pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
    def test_it_is_torchvisions_preprocessing(self, interpolation):
        from torchvision import transforms as tv

        image = noise(300, 170)
        mode = tv.InterpolationMode(interpolation)
        chain = tv.Compose(
            [tv.Resize((96, 96), mode), tv.ToTensor(), tv.Normalize(self.MEAN, self.STD)]
        )
        out = to_input(
            np.array(image), 96, mean=self.MEAN, std=self.STD, interpolation=interpolation
        )
        torch.testing.assert_close(out[0], chain(image), rtol=0, atol=1e-6)

    def test_whole_picture_no_crop(self):
        rgb = np.zeros((50, 500, 3), np.uint8)
        rgb[:, :10] = 255  # the outermost strip is still there
        out = to_input(rgb, mean=(0, 0, 0), std=(1, 1, 1))
        assert (out[0, :, :, 0] == 1).all()

    def test_input_is_not_changed(self):
        rgb = np.array(noise())
        before = rgb.copy()
        to_input(rgb, mean=self.MEAN, std=self.STD)
        np.testing.assert_array_equal(rgb, before)

    def test_reads_read_only_pictures_without_warnings(self):
        picture = read_picture(np.array(noise()))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            to_input(picture.rgb, mean=self.MEAN, std=self.STD)

    @pytest.mark.parametrize(
        ("change", "kind"),
        [
            ({"rgb": np.zeros((4, 4, 3))}, TypeError),
            ({"rgb": np.zeros((4, 4), np.uint8)}, ValueError),
            ({"size": 0}, ValueError),
            ({"mean": (0.5,)}, ValueError),
            ({"std": (0.5, 0.5, 0)}, ValueError),
            ({"interpolation": "nearest"}, ValueError),
        ],
    )
    def test_wrong_arguments(self, change, kind):
        values = {"rgb": np.array(noise()), "size": 32, "mean": self.MEAN, "std": self.STD}
        with pytest.raises(kind, match="`"):
            to_input(**{**values, **change})


def test_large_pictures_are_decoded_one_after_the_other(monkeypatch):
    inside, most = [], []
    plain = pictures.to_pixels

    def watched(*arguments):
        inside.append(1)
        most.append(len(inside))
        result = plain(*arguments)
        inside.pop()
        return result

    monkeypatch.setattr(pictures, "to_pixels", watched)
    data = encode(Image.new("L", (2500, 2000)), "PNG")
    threads = [threading.Thread(target=read_picture, args=(data,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 4
