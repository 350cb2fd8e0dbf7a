"""What the reader makes of files that are nearly right, and what it tells about them."""

import zlib

import numpy as np
import pytest
from pictures_made import (
    P3,
    SRGB,
    chunk,
    encode,
    jpeg_declaring,
    keyed_png,
    noise,
    profile,
    raw_png,
)
from PIL import Image, ImageCms

from dfm_viz import picture_colours
from dfm_viz.pictures import read_picture
from dfm_viz.types import UserError


def grey_png(values, extra=b""):
    """One row of 16-bit grey."""
    return raw_png(len(values), 1, 16, 0, b"\0" + np.array(values, ">u2").tobytes(), extra)


def rgb_png(values, extra=b""):
    """One row of 16-bit colours."""
    return raw_png(len(values), 1, 16, 2, b"\0" + np.array(values, ">u2").tobytes(), extra)


class TestColourKeys:
    @pytest.mark.parametrize(
        ("depth", "row", "key", "expected"),
        [
            (1, 0b01000000, 1, [0, 255]),  # white on white; the other is seen
            (1, 0b01000000, 0, [255, 255]),
            (2, 0b00011011, 1, [0, 255, 170, 255]),
            (2, 0b00011011, 2, [0, 85, 255, 255]),
            (4, 0x17, 1, [255, 119]),
            (4, 0x17, 7, [17, 255]),
        ],
    )
    def test_grey_of_few_bits(self, depth, row, key, expected):
        got = read_picture(keyed_png(depth, 0, bytes([row]), [key])).rgb[0, :, 0].tolist()
        assert got[: len(expected)] == expected

    def test_colour_of_16_bits_is_compared_whole(self):
        """Black turned white, and neighbours that share the high byte vanished."""
        colours = [[0, 0, 0], [258, 772, 1286], [259, 772, 1286], [65535, 0, 0]]
        data = keyed_png(16, 2, np.array(colours, ">u2").tobytes(), colours[1])
        expected = [[0, 0, 0], [255, 255, 255], [1, 3, 5], [255, 0, 0]]
        assert read_picture(data).rgb[0].tolist() == expected

    def test_colour_of_8_bits(self):
        data = keyed_png(8, 2, bytes([1, 2, 3, 1, 2, 4]), [1, 2, 3])
        assert read_picture(data).rgb[0].tolist() == [[255, 255, 255], [1, 2, 4]]


class TestTexts:
    LARGE = zlib.compress(b"x" * 3_000_000)

    @pytest.mark.parametrize(
        "extra",
        [
            chunk(b"zTXt", b"Comment\0\0" + LARGE),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LARGE),
            chunk(b"iCCP", b"large\0\0" + LARGE),
            chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 900_000)) * 100,  # 90 MB
            chunk(b"zTXt", b"damaged\0\0\1\2\3"),
            chunk(b"zTXt", b""),
            chunk(b"iTXt", b"\0\1"),
        ],
    )
    def test_a_sound_file_is_read_whatever_is_written_in_it(self, extra):
        assert read_picture(raw_png(2, 1, 8, 0, b"\0\7\x08", extra)).rgb[0, :, 0].tolist() == [7, 8]

    def test_of_texts_beyond_all_measure_none_is_unpacked(self, monkeypatch):
        from dfm_viz import picture_chunks

        unpacked, plain = [], picture_chunks._unpacked
        monkeypatch.setattr(picture_chunks, "_unpacked", lambda *a: unpacked.append(1) or plain(*a))
        extra = chunk(b"zTXt", b"a\0\0" + self.LARGE) * 1000  # 3 GB
        assert read_picture(raw_png(1, 1, 8, 0, b"\0\7", extra)).rgb.max() == 7
        assert len(unpacked) == 17

    def test_what_is_said_beside_large_texts_is_kept(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        data = encode(noise(40, 60), "PNG", exif=exif)
        large = chunk(b"zTXt", b"a\0\0" + self.LARGE)
        assert read_picture(data[:33] + large + data[33:]).width == 60


class TestSixteenBits:
    VALUES = (0, 16, 2048, 4095)

    def test_grey_that_uses_its_lowest_12_bits(self):
        picture = read_picture(grey_png(self.VALUES))
        assert picture.rgb[0, :, 0].tolist() == [0, 0, 8, 15]
        assert "lowest 12 bits and looks nearly black" in picture.notes[0]
        assert picture.stretchable
        picture = read_picture(grey_png(self.VALUES), stretch=True)
        assert picture.rgb[0, :, 0].tolist() == [0, 0, 127, 255]
        assert "4095 of 65535" in picture.notes[0]
        assert not picture.stretchable

    def test_colour_too(self):
        colours = [(0, 16, 2048), (4095, 0, 1000)]
        picture = read_picture(rgb_png(colours))
        assert picture.rgb[0].tolist() == [[0, 0, 8], [15, 0, 3]]
        assert picture.stretchable
        picture = read_picture(rgb_png(colours), stretch=True)
        assert picture.rgb[0].tolist() == [[0, 0, 127], [255, 0, 62]]

    def test_in_memory_too(self):
        image = Image.fromarray(np.array([self.VALUES], np.uint16))
        assert read_picture(image).stretchable
        assert read_picture(image, stretch=True).rgb[0, :, 0].tolist() == [0, 0, 127, 255]

    def test_a_hidden_value_does_not_count(self):
        extra = chunk(b"tRNS", np.array([65535], ">u2").tobytes())
        picture = read_picture(grey_png([*self.VALUES, 65535], extra), stretch=True)
        assert picture.rgb[0, :, 0].tolist() == [0, 0, 127, 255, 255]

    @pytest.mark.parametrize("values", [[0, 0], [0, 65535], [0, 2**14]])
    def test_others_are_left_in_peace(self, values):
        picture = read_picture(grey_png(values))
        assert not picture.notes
        assert not picture.stretchable

    def test_the_largest_value_of_14_bits_is_dark_but_not_black(self):
        assert "14 bits and looks dark" in read_picture(grey_png([0, 2**14 - 1])).notes[0]

    @pytest.mark.parametrize(
        "source", [encode(noise(), "PNG"), encode(noise(), "JPEG"), noise(), np.array(noise())]
    )
    def test_8_bits_cannot_be_stretched(self, source):
        with pytest.raises(UserError, match="no 16 bits per channel to stretch: leave"):
            read_picture(source, stretch=True)


def by_hand(rgb, matrix, gamma):
    """Colours of such a space in sRGB, 0 to 255: the standard's own formulas."""
    linear = np.linalg.solve(SRGB, np.array(matrix) @ (np.array(rgb) / 255) ** gamma)
    linear = linear.clip(0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return curved * 255


class TestColourProfiles:
    COLOUR = (200, 120, 60)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
    @pytest.mark.parametrize(("matrix", "gamma"), [(P3, 2.2), (SRGB, 1.0), (P3, 1.8)])
    def test_colours_are_converted(self, kind, matrix, gamma):
        icc = profile("A wide space", matrix=matrix, gamma=gamma)
        options = {"lossless": True} if kind == "WEBP" else {}
        image = Image.new("RGB", (16, 16), self.COLOUR)
        picture = read_picture(encode(image, kind, icc_profile=icc, **options))
        expected = by_hand(self.COLOUR, matrix, gamma)
        assert np.abs(expected - self.COLOUR).max() > 10
        assert np.abs(picture.rgb[8, 8] - expected).max() <= (4 if kind == "JPEG" else 1.5)
        assert picture.notes == ("Its colours were converted from A wide space to sRGB.",)

    @pytest.mark.parametrize("mode", ["RGBA", "P", "L"])
    def test_other_modes(self, mode):
        image = Image.new("RGB", (4, 4), self.COLOUR).convert(mode)
        flat = image.convert("RGB").getpixel((0, 0))
        picture = read_picture(encode(image, "PNG", icc_profile=profile("x", matrix=P3, gamma=1)))
        assert np.abs(picture.rgb[0, 0] - by_hand(flat, P3, 1)).max() <= 1.5

    def test_what_is_transparent_stays_white(self):
        image = Image.new("RGBA", (2, 1), (*self.COLOUR, 0))
        image.putpixel((1, 0), (*self.COLOUR, 255))
        picture = read_picture(encode(image, "PNG", icc_profile=profile("x", gamma=1)))
        assert picture.rgb[0, 0].tolist() == [255, 255, 255]
        assert np.abs(picture.rgb[0, 1] - by_hand(self.COLOUR, SRGB, 1)).max() <= 1.5

    @pytest.mark.parametrize("values", [np.uint8(128), np.uint16(128 * 257)])
    def test_grey(self, values):
        image = Image.fromarray(np.full((3, 3), values))
        icc = profile("Linear grey", b"GRAY", 1.0)
        picture = read_picture(encode(image, "PNG", icc_profile=icc))
        assert np.abs(picture.rgb.astype(int) - 188).max() <= 1
        assert "Linear grey" in picture.notes[0]

    def test_cmyk(self):
        """By this profile any ink is black; Pillow's own conversion makes cyan of the first."""
        image = Image.new("CMYK", (32, 16), (255, 0, 0, 0))
        image.paste((0, 0, 0, 0), (16, 0, 32, 16))
        data = encode(image, "JPEG", icc_profile=profile("Ink", b"CMYK"), quality=95)
        picture = read_picture(data)
        assert picture.rgb[8, 4].max() <= 8
        assert picture.rgb[8, 28].min() >= 247
        assert "Ink" in picture.notes[0]

    def test_srgb_by_any_name_changes_nothing(self):
        icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        for mode in ("RGB", "L"):
            image = noise().convert(mode)
            picture = read_picture(encode(image, "PNG", icc_profile=icc))
            np.testing.assert_array_equal(picture.rgb, np.array(image.convert("RGB")))
            assert not picture.notes

    @pytest.mark.parametrize(
        ("icc", "word"),
        [
            (b"no profile", "damaged"),
            (profile("x")[:200], "damaged"),
            (profile("x")[:-40] + b"\xff" * 40, ""),
            (profile("x", b"GRAY"), "other kinds of pixels"),
            (profile("x", b"CMYK"), "other kinds of pixels"),
        ],
    )
    def test_a_broken_profile_is_ignored_and_said(self, icc, word):
        image = noise()
        for kind in ("PNG", "JPEG"):
            picture = read_picture(encode(image, kind, icc_profile=icc))
            plain = read_picture(encode(image, kind))
            if word:
                np.testing.assert_array_equal(picture.rgb, plain.rgb)
                assert word in picture.notes[0]
                assert "ignored" in picture.notes[0]

    def test_a_profile_that_cannot_be_unpacked(self):
        extra = chunk(b"iCCP", b"x\0\0" + b"damaged")
        picture = read_picture(raw_png(1, 1, 8, 2, b"\0\1\2\3", extra))
        assert picture.rgb[0, 0].tolist() == [1, 2, 3]
        assert "profile is damaged" in picture.notes[0]

    def test_a_data_set_with_one_profile_makes_its_conversion_once(self, monkeypatch):
        made, plain = [], ImageCms.buildTransform
        monkeypatch.setattr(
            picture_colours.ImageCms, "buildTransform", lambda *a: made.append(1) or plain(*a)
        )
        icc = profile("counted once", matrix=P3)
        for seed in range(3):
            read_picture(encode(noise(seed=seed), "PNG", icc_profile=icc))
        assert len(made) == 1


class TestEndsThatAreMissing:
    @pytest.mark.parametrize("progressive", [False, True])
    @pytest.mark.parametrize("missing", [1, 2, 3, 20])
    def test_a_few_bytes(self, progressive, missing):
        data = encode(noise(96, 96), "JPEG", progressive=progressive, quality=90)
        whole, cut = read_picture(data), read_picture(data[:-missing])
        np.testing.assert_array_equal(cut.rgb[:79], whole.rgb[:79])
        assert cut.notes == ("The end of this file is missing.",)
        assert not whole.notes

    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    def test_the_last_rows(self, mode):
        data = encode(noise(64, 200).convert(mode), "JPEG", quality=90)
        whole, cut = read_picture(data), read_picture(data[: len(data) // 2])
        grey = (cut.rgb == cut.rgb[-1, -1]).all(axis=(1, 2))
        rows = int(grey.sum())
        assert 60 < rows < 140
        assert cut.notes == (f"The end of this file is missing: {rows} of its 200 rows are grey.",)
        there = 200 - rows - 18  # the row of blocks with the cut, and its neighbour's colours
        np.testing.assert_array_equal(cut.rgb[:there], whole.rgb[:there])
        assert (cut.width, cut.height) == (64, 200)

    def test_of_a_turned_photo_these_are_columns(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        data = encode(noise(64, 200), "JPEG", exif=exif)
        picture = read_picture(data[: len(data) // 2])
        assert picture.rgb.shape == (64, 200, 3)
        assert "of its 200 columns are grey" in picture.notes[0]

    def test_a_large_photo_is_counted_in_its_own_rows(self):
        ramp = np.linspace(0, 100, 4000).astype(np.uint8)
        image = Image.fromarray(np.broadcast_to(ramp[:, None], (4000, 5000)))
        data = encode(image, "JPEG", quality=60)
        note = read_picture(data[: len(data) // 2]).notes[0]
        rows = int(note.split(": ")[1].split()[0])
        assert "of its 4000 rows" in note
        assert 1800 < rows < 2200

    def test_almost_nothing_is_still_refused(self):
        data = encode(noise(64, 400), "JPEG")
        start = data.index(b"\xff\xda")
        for end in (start - 5, start + 2, start + 20, start + (len(data) - start) // 20):
            with pytest.raises(UserError, match="cut off or damaged"):
                read_picture(data[:end])
        with pytest.raises(UserError, match="cut off or damaged"):
            read_picture(jpeg_declaring(4000, 4000)[:-2])

    def test_readers_beside_are_as_strict_as_before(self):
        from PIL import ImageFile

        data = encode(noise(64, 200), "JPEG")
        assert read_picture(data[: len(data) // 2]).notes
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False
