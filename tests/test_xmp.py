"""XMP: parsed in one pass, changed in place, true of what was turned, enlarged and left alone."""

from __future__ import annotations

import io
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from conftest import photo
from conftest import rnan as run
from rnan.images import Picture, decode, read
from rnan.images.formats.pillow import from_pil
from rnan.images.formats.png_chunks import chunk, with_chunks
from rnan.images.write import encode
from rnan.images.xmp import AREA, DamagedXmpError, changed
from rnan.images.xmp_rules import orientation_of_xmp, upright_xmp, xmp_for_size
from rnan.options.files import READ

HEAD = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
)
TAIL = b"</rdf:RDF></x:xmpmeta>"


def packet(description: bytes) -> bytes:
    return HEAD + description + TAIL


PANORAMA = packet(
    b'<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
    b'GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="256" '
    b'GPano:CroppedAreaTopPixels="32"><GPano:FullPanoHeightPixels>128</GPano:FullPanoHeightPixels>'
    b"</rdf:Description>"
)
GAIN_MAP = packet(
    b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    b'xmlns:C="http://ns.google.com/photos/1.0/container/" hdrgm:Version="1.0" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="a &quot;cat&quot;">'
    b"<C:Directory><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></C:Directory></rdf:Description>"
)
MOTION = packet(
    b'<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
    b'GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="4512" GCamera:BurstID="x"/>'
)
EXTENDED = packet(
    b'<rdf:Description xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
    b'xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"/>'
)
FACES = packet(
    b'<rdf:Description xmlns:r="http://www.metadataworkinggroup.com/schemas/regions/" '
    b'xmlns:a="http://ns.adobe.com/xmp/sType/Area#" '
    b'xmlns:d="http://ns.adobe.com/xap/1.0/sType/Dimensions#">'
    b'<r:AppliedToDimensions d:w="40" d:h="30" d:unit="pixel"/>'
    b'<r:Area a:x="0.25" a:y="0.1" a:w="0.2" a:h="0.3" a:unit="normalized"/></rdf:Description>'
)


def jpeg(xmp: bytes, **more: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo(30, 40)).save(buffer, "JPEG", xmp=xmp, **more)
    return buffer.getvalue()


def test_what_is_not_changed_stays_byte_by_byte() -> None:
    odd = packet(
        b"<rdf:Description  a = 'x'\n><!-- why > not --><b><![CDATA[<c>]]></b\n></rdf:Description>"
    )
    assert changed(odd, lambda name, text, inside: text) == odd


def test_a_panorama_that_was_enlarged(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(jpeg(PANORAMA))
    assert run("upscale", source, "-o", target, "--scale", 2).returncode == 0
    xmp = read(target).metadata.xmp
    assert xmp == PANORAMA.replace(b"256", b"512").replace(b"32", b"64").replace(b"128", b"256")


@pytest.mark.parametrize(
    ("xmp", "named", "gone", "kept"),
    [
        (GAIN_MAP, "Ultra HDR gain map", b"Version", b"&quot;cat&quot;"),
        (MOTION, "video", b"MotionPhoto", b"BurstID"),
        (EXTENDED, "extended XMP", b"HasExtended", b"Description"),
    ],
)
def test_parts_that_results_do_not_have(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    xmp: bytes,
    named: str,
    gone: bytes,
    kept: bytes,
) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(jpeg(xmp))
    ended = run("denoise", source, "-o", target, "--sigma", 5)
    assert ended.returncode == 0
    assert ended.stderr.count("left out") == 1
    assert named in ended.stderr
    written = read(target).metadata
    assert written.xmp is not None
    assert gone not in written.xmp
    assert b"Directory" not in written.xmp
    assert kept in written.xmp or kept.replace(b"&quot;", b'"') in written.xmp
    assert written.left_out == ()


def test_a_second_picture_is_named(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    first, second = (Image.fromarray(photo(30, 40, seed=seed)) for seed in (0, 1))
    first.save(source, "MPO", save_all=True, append_images=[second])
    ended = run("denoise", source, "-o", tmp_path / "b.jpg", "--sigma", 5)
    assert ended.returncode == 0
    assert "second picture" in ended.stderr


@pytest.mark.parametrize("orientation", range(1, 9))
def test_faces_stand_where_they_stood(orientation: int) -> None:
    stored = np.zeros((30, 40, 3), np.uint8)
    stored[3, 10] = 255  # x 0.25, y 0.1
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, "PNG", exif=exif, pnginfo=None)
    with Image.open(buffer) as image:
        image.info["xmp"] = FACES
        picture = from_pil(image, "a", READ)
    found: dict[str, float] = {}
    changed(
        picture.metadata.xmp or b"",
        lambda name, text, inside: (
            found.setdefault(name[1], float(text)) if name[0] == AREA and name[1] in "xywh" else 0,
            text,
        )[1],
    )
    row, column = np.argwhere(picture.pixels.max(axis=2) > 0)[0]
    height, width = picture.size
    assert found["x"] * width == pytest.approx(column, abs=1)
    assert found["y"] * height == pytest.approx(row, abs=1)
    sides = (0.3, 0.2) if orientation > 4 else (0.2, 0.3)
    assert (found["w"], found["h"]) == pytest.approx(sides)


def test_regions_say_the_new_size() -> None:
    after = xmp_for_size(FACES, (60, 80), (30, 40))
    assert b'd:w="80" d:h="60"' in after
    assert b'a:x="0.25"' in after  # a share stays a share


def test_the_subject_in_exif_moves_with_the_picture() -> None:
    block = Image.Exif()
    block[0x0112] = 6
    block.get_ifd(0x8769)[0x9214] = (10, 3, 4, 6)
    buffer = io.BytesIO()
    Image.fromarray(photo(30, 40)).save(buffer, "JPEG", exif=block)
    picture = decode(buffer.getvalue())  # to the right: the first row is the last column
    larger = replace(picture, pixels=photo(80, 60))
    found = Image.Exif()
    found.load(decode(encode(larger, "JPEG")).metadata.exif or b"")
    assert found.get_ifd(0x8769)[0x9214] == (2 * (29 - 3), 2 * 10, 12, 8)


def test_orientation_is_found_in_each_form() -> None:
    attribute = packet(
        b'<rdf:Description xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="6"/>'
    )
    element = packet(
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/">'
        b"<tiff:Orientation> 8 </tiff:Orientation></rdf:Description>"
    )
    assert orientation_of_xmp(attribute) == 6
    assert orientation_of_xmp(element.decode()) == 8
    assert orientation_of_xmp(b"<broken") == 1
    for given in (attribute, element):
        upright, _ = upright_xmp(given, 6)
        assert orientation_of_xmp(upright) == 1


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_other_codings(coding: str) -> None:
    text = FACES.decode().replace("normalized", "größe")
    kept, parts = upright_xmp(text.encode(coding))
    assert kept is not None
    assert "größe" in kept.decode()
    assert parts == ()


MEGABYTE = 2**20
HOSTILE = {
    "unclosed": b'<a b="c">' * (MEGABYTE // 9),
    "deep": b"<a>" * (MEGABYTE // 3),
    "attributes": b"<a " + b" ".join(b'a%d="x"' % i for i in range(90_000)) + b"/>",
    "elements": b'<r xmlns:t="u">' + b'<t:a t:b="c"/>' * 70_000 + b"</r>",
    "namespaces": b"<r "
    + b" ".join(b'xmlns:n%d="u"' % i for i in range(45_000))
    + b">"
    + b"<a/>" * 20_000
    + b"</r>",
    "quotes": b'<r a="' + b">" * MEGABYTE + b'"/>',
    "thumbnails": b"<xmp:Thumbnails" * (MEGABYTE // 15),
    "brackets": b"<" * MEGABYTE,
    "entities": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "blank": b" " * MEGABYTE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_takes_no_time(name: str) -> None:
    start = time.process_time()
    kept, parts = upright_xmp(HOSTILE[name], 6)
    orientation_of_xmp(HOSTILE[name])
    assert time.process_time() - start < 2.0
    assert (kept is None) == (parts == ("damaged XMP",))


def test_what_is_damaged_is_left_out_and_named(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(jpeg(b"<x:xmpmeta"))
    ended = run("denoise", source, "-o", tmp_path / "b.jpg", "--sigma", 5)
    assert ended.returncode == 0
    assert "damaged XMP" in ended.stderr
    with pytest.raises(DamagedXmpError):
        changed(b" " * (5 * MEGABYTE) + b"<a/>" + b"x" * (5 * MEGABYTE), lambda n, t, i: t)


def test_text_of_a_png_and_a_comment_of_a_jpeg_stay(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("parameters", "a tree\nSteps: 40")
    words.add_itxt("Description", "schön ü")
    Image.fromarray(photo(30, 40)).save(tmp_path / "a.png", pnginfo=words)
    Image.fromarray(photo(30, 40)).save(tmp_path / "c.jpg", comment=b"taken by a cat")
    for name in ("a.png", "c.jpg"):
        target = tmp_path / f"out-{name}"
        assert run("denoise", tmp_path / name, "-o", target, "--sigma", 5).returncode == 0
        assert read(target).metadata.texts == read(tmp_path / name).metadata.texts
    with Image.open(tmp_path / "out-a.png") as image:
        assert image.text == {"parameters": "a tree\nSteps: 40", "Description": "schön ü"}
    with Image.open(tmp_path / "out-c.jpg") as image:
        assert image.info["comment"] == b"taken by a cat"
    ended = run("denoise", tmp_path / "a.png", "-o", tmp_path / "a.tif", "--sigma", 5)
    assert "TIFF has no place: parameters, Description" in ended.stderr
    bare = tmp_path / "bare.png"
    run("denoise", tmp_path / "a.png", "-o", bare, "--sigma", 5, "--strip-metadata")
    assert read(bare).metadata.texts == ()


def test_texts_are_kept_as_they_are(tmp_path: Path) -> None:
    """Two of one keyword, two comments, letters of Latin-1."""
    words = PngImagePlugin.PngInfo()
    for text in ("one", "two"):
        words.add_text("Comment", text)
    words.add_text("long", "x" * 3000, zip=True)
    Image.fromarray(photo(30, 40)).save(tmp_path / "a.png", pnginfo=words)
    texts = read(tmp_path / "a.png").metadata.texts
    assert texts == (("Comment", "one"), ("Comment", "two"), ("long", "x" * 3000))
    assert decode(encode(read(tmp_path / "a.png"), "PNG")).metadata.texts == texts
    assert decode(encode(read(tmp_path / "a.png"), "JPEG")).metadata.texts == (
        ("Comment", "one\ntwo"),
    )
    Image.fromarray(photo(30, 40)).save(tmp_path / "b.jpg", comment="Café\0".encode("latin-1"))
    assert read(tmp_path / "b.jpg").metadata.texts == (("Comment", "Café"),)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_exif_as_text_of_a_png_is_exif(depth: type) -> None:
    """As ImageMagick and older tools write it: applied once, and never left as text."""
    block = Image.Exif()
    block[0x0112], block[0x010F] = 6, "Maker"
    data = b"Exif\0\0" + block.tobytes().removeprefix(b"Exif\0\0")
    digits = data.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\nexif\n{len(data):8}\n{lines}\n".encode("latin-1")
    plain = encode(Picture(pixels=photo(30, 40).astype(depth)), "PNG")
    body = b"Raw profile type exif\0\0" + zlib.compress(text)
    picture = decode(with_chunks(plain, chunk(b"zTXt", body)))
    assert picture.size == (40, 30)
    assert picture.metadata.texts == ()
    found = Image.Exif()
    found.load(picture.metadata.exif or b"")
    assert (found[0x0112], found[0x010F]) == (1, "Maker")
    assert decode(encode(picture, "PNG")).size == (40, 30)


def test_regions_in_elements_are_turned_too() -> None:
    """As exiftool writes them."""
    space = b'xmlns:a="http://ns.adobe.com/xmp/sType/Area#"'
    sides = b"<a:x>0.1</a:x><a:y>0.2</a:y><a:w>0.05</a:w><a:h>0.3</a:h>"
    given = packet(b"<r " + space + b' rdf:parseType="Resource">' + sides + b"</r>")
    upright, _ = upright_xmp(given, 6)
    assert upright is not None
    for side in (b"<a:x>0.8<", b"<a:y>0.1<", b"<a:w>0.3<", b"<a:h>0.05<"):
        assert side in upright


def test_utf_16_with_a_declaration() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?>' + FACES.decode()
    kept, parts = upright_xmp(text.encode("utf-16"))
    assert parts == ()
    assert kept == FACES
    assert upright_xmp(kept)[0] == FACES


def test_a_panorama_that_was_turned_is_said() -> None:
    kept, parts = upright_xmp(PANORAMA, 6)
    assert parts == ("panorama data",)
    assert b"FullPano" not in (kept or b"")


def test_an_orientation_of_nought_turns_nothing() -> None:
    block = Image.Exif()
    block[0x0112] = 0
    picture = decode(jpeg(PANORAMA, exif=block))
    assert picture.metadata.left_out == ()
    assert b"FullPano" in (picture.metadata.xmp or b"")


def test_texts_of_more_than_a_megabyte(caplog: pytest.LogCaptureFixture) -> None:
    """They are left out by name, packed or not; the picture and the other texts stay."""
    plain = encode(Picture(pixels=photo(30, 40)), "PNG")
    packed = chunk(b"zTXt", b"Packed\0\0" + zlib.compress(bytes(1_200_000).replace(b"\0", b"x")))
    long = chunk(b"tEXt", b"Long\0" + b"y" * 2_000_000)
    small = chunk(b"tEXt", b"Small\0s")
    picture = decode(with_chunks(plain, packed + long + small))
    assert picture.metadata.texts == (("Small", "s"),)
    assert "Packed, Long" in caplog.text
    texts = (("Wide", "漢" * 400_000), ("Small", "s"))
    wide = replace(picture, metadata=replace(picture.metadata, texts=texts))
    assert decode(encode(wide, "PNG")).metadata.texts == (("Small", "s"),)


def test_other_blocks_in_text_stay_text() -> None:
    plain = encode(Picture(pixels=photo(30, 40)), "PNG")
    body = b"Raw profile type iptc\0\niptc\n       4\n01020304\n"
    picture = decode(with_chunks(plain, chunk(b"tEXt", body)))
    assert picture.metadata.texts[0][0] == "Raw profile type iptc"
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + packet(
        b'<a xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    )
    body = b"Raw profile type APP1\0\nAPP1\n       4\n" + xmp.hex().encode() + b"\n"
    picture = decode(with_chunks(plain, chunk(b"tEXt", body)))
    assert picture.metadata.exif is None
    assert b"tiff:Orientation" in (picture.metadata.xmp or b"")
