"""Small good pictures in every format, colour mode and coding that the serializer reads."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

__all__ = ["encoded", "png", "riff", "sound_pictures"]

_WIDTH, _HEIGHT = 48, 36


def encoded(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return the picture as a file."""
    memory = io.BytesIO()
    picture.save(memory, file_format, **options)
    return memory.getvalue()


def png(*chunks: tuple[str, bytes]) -> bytes:
    """Return a PNG of these chunks, each with its checksum."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((name.encode("latin-1"), data) for name, data in chunks)
    )


def riff(chunks: bytes) -> bytes:
    """Return a WebP of these chunks."""
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def sound_pictures() -> dict[str, bytes]:
    """Return the files by a name that says what is in each."""
    return _jpegs() | _pngs() | _webps() | _gifs() | _bmps() | _tiffs() | _avifs()


def _noise(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (_HEIGHT, _WIDTH, *shape), dtype=np.uint8)


_PHOTO = Image.fromarray(_noise(0, 3))
_GREY = Image.fromarray(_noise(1))
_CLEAR = Image.fromarray(_noise(2, 4))
_FLAT = Image.new("RGB", (_WIDTH, _HEIGHT), (200, 100, 50))
_PALETTE = _PHOTO.quantize(31)
_SIXTEEN = Image.fromarray(_noise(3).astype(np.uint16) * 257)
_WIDE = Image.fromarray(_noise(4).astype(np.int32) * 70_000)
_FLOAT = Image.fromarray(_noise(5).astype(np.float32) / 255)


def _exif() -> bytes:
    block = Image.Exif()
    block[0x0112] = 6
    block[0x010E] = "a scone"
    block.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0buttered"
    block.get_ifd(0x8825)[2] = (TiffImagePlugin.IFDRational(52, 1), 30, 0)
    return block.tobytes()


_EXIF = _exif()
_PROFILE = bytes(range(128)) * 3
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="3"/>'


def _jpegs() -> dict[str, bytes]:
    return {
        "jpeg": encoded(_PHOTO, "JPEG"),
        "jpeg, grey": encoded(_GREY, "JPEG"),
        "jpeg, 4:4:4": encoded(_PHOTO, "JPEG", subsampling=0),
        "jpeg, restarts": encoded(_PHOTO, "JPEG", restart_marker_blocks=2),
        "jpeg, progressive": encoded(_PHOTO, "JPEG", progressive=True),
        "jpeg, cmyk": encoded(_PHOTO.convert("CMYK"), "JPEG"),
        "jpeg, cmyk progressive": encoded(_PHOTO.convert("CMYK"), "JPEG", progressive=True),
        "jpeg, metadata": encoded(
            _PHOTO, "JPEG", exif=_EXIF, icc_profile=_PROFILE, comment=b"hot", xmp=_XMP
        ),
        "mpo": encoded(_PHOTO, "MPO", save_all=True, append_images=[_FLAT], exif=_EXIF),
    }


def _pngs() -> dict[str, bytes]:
    return {
        "png": encoded(_PHOTO, "PNG"),
        "png, alpha": encoded(_CLEAR, "PNG"),
        "png, grey": encoded(_GREY, "PNG"),
        "png, grey key": encoded(_GREY, "PNG", transparency=7),
        "png, grey alpha": encoded(_CLEAR.convert("LA"), "PNG"),
        "png, colour key": encoded(_PHOTO, "PNG", transparency=(1, 2, 3)),
        "png, palette": encoded(_PALETTE, "PNG"),
        "png, clear palette": encoded(_PALETTE, "PNG", transparency=bytes(range(31))),
        "png, 1 bit": encoded(_GREY.convert("1"), "PNG"),
        "png, 4 bit": encoded(_PHOTO.quantize(16), "PNG", bits=4),
        "png, 16 bit": encoded(_SIXTEEN, "PNG"),
        "png, metadata": encoded(_PHOTO, "PNG", exif=_EXIF, icc_profile=_PROFILE, dpi=(72, 72)),
        "png, animated": encoded(_PHOTO, "PNG", save_all=True, append_images=[_FLAT, _PHOTO]),
        "png, interlaced": _interlaced(np.asarray(_GREY)),
    }


_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def _interlaced(grey: Any) -> bytes:
    """Return a grey PNG in the seven passes of Adam7, which Pillow reads and does not write."""
    passes = [grey[top::down, left::across] for left, top, across, down in _PASSES]
    rows = b"".join(b"\0" + row.tobytes() for each in passes for row in each)
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 1)
    return png(("IHDR", header), ("IDAT", zlib.compress(rows)), ("IEND", b""))


def _webps() -> dict[str, bytes]:
    animated = {"save_all": True, "append_images": [_FLAT, _PHOTO]}
    return {
        "webp": encoded(_PHOTO, "WEBP"),
        "webp, alpha": encoded(_CLEAR, "WEBP"),
        "webp, lossless": encoded(_PHOTO, "WEBP", lossless=True),
        "webp, lossless alpha": encoded(_CLEAR, "WEBP", lossless=True),
        "webp, metadata": encoded(_PHOTO, "WEBP", exif=_EXIF, icc_profile=_PROFILE, xmp=_XMP),
        "webp, animated": encoded(_PHOTO, "WEBP", **animated),
        "webp, lossless animated": encoded(_CLEAR, "WEBP", lossless=True, **animated),
    }


def _gifs() -> dict[str, bytes]:
    return {
        "gif": encoded(_PALETTE, "GIF"),
        "gif, interlaced": encoded(_PALETTE, "GIF", interlace=1),
        "gif, clear": encoded(_PALETTE, "GIF", transparency=3, comment=b"hot"),
        "gif, animated": encoded(_PALETTE, "GIF", save_all=True, append_images=[_FLAT, _PHOTO]),
    }


def _bmps() -> dict[str, bytes]:
    return {
        "bmp": encoded(_PHOTO, "BMP"),
        "bmp, alpha": encoded(_CLEAR, "BMP"),
        "bmp, grey": encoded(_GREY, "BMP"),
        "bmp, palette": encoded(_PALETTE, "BMP"),
        "bmp, 1 bit": encoded(_GREY.convert("1"), "BMP"),
    }


_TIFF_MODES = {
    "": _PHOTO,
    ", alpha": _CLEAR,
    ", grey": _GREY,
    ", grey alpha": _CLEAR.convert("LA"),
    ", palette": _PALETTE,
    ", clear palette": _PALETTE.convert("PA"),
    ", 1 bit": _GREY.convert("1"),
    ", 16 bit": _SIXTEEN,
    ", 16 bit, big endian": _SIXTEEN.convert("I;16B"),
    ", 32 bit": _WIDE,
    ", float": _FLOAT,
    ", cmyk": _PHOTO.convert("CMYK"),
    ", ycbcr": _PHOTO.convert("YCbCr"),
    ", lab": Image.merge("LAB", _PHOTO.split()),
}
_COMPRESSED = {
    "tiff_lzw": _PHOTO,
    "tiff_adobe_deflate": _PHOTO,
    "tiff_deflate": _FLOAT,
    "packbits": _PHOTO,
    "jpeg": _PHOTO,
    "lzma": _CLEAR,
    "zstd": _PHOTO,
    "group3": _GREY.convert("1"),
    "group4": _GREY.convert("1"),
    "tiff_ccitt": _GREY.convert("1"),
}


def _tiffs() -> dict[str, bytes]:
    plain = {f"tiff{name}": encoded(picture, "TIFF") for name, picture in _TIFF_MODES.items()}
    packed = {
        f"tiff, {name}": encoded(picture, "TIFF", compression=name)
        for name, picture in _COMPRESSED.items()
    }
    return (
        plain
        | packed
        | {
            "tiff, big": encoded(_PHOTO, "TIFF", big_tiff=True),
            "tiff, pages": encoded(_PHOTO, "TIFF", save_all=True, append_images=[_CLEAR, _GREY]),
            "tiff, strips": encoded(_PHOTO, "TIFF", compression="tiff_lzw", strip_size=512),
            "tiff, metadata": encoded(_PHOTO, "TIFF", exif=_EXIF, icc_profile=_PROFILE),
            "tiff, tiles": _tiled(),
        }
    )


def _tiled() -> bytes:
    """Return an uncompressed grey TIFF of 3 x 3 tiles of 16 x 16 pixels, the last row cut."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tiles = [bytes([30 * number]) * 256 for number in range(9)]
    for tag, value in {
        256: _WIDTH, 257: _HEIGHT, 258: 8, 259: 1, 262: 1, 277: 1, 322: 16, 323: 16,
        324: tuple(1000 + 256 * number for number in range(9)), 325: (256,) * 9,
    }.items():  # fmt: skip
        tags[tag] = value
    head = b"II*\0\x08\0\0\0" + tags.tobytes(8)
    return head.ljust(1000, b"\0") + b"".join(tiles)


def _avifs() -> dict[str, bytes]:
    quick = {"speed": 10}
    return {
        "avif": encoded(_PHOTO, "AVIF", **quick),
        "avif, 4:4:4": encoded(_PHOTO, "AVIF", subsampling="4:4:4", **quick),
        "avif, alpha": encoded(_CLEAR, "AVIF", **quick),
        "avif, grey": encoded(_GREY, "AVIF", **quick),
        "avif, metadata": encoded(_PHOTO, "AVIF", exif=_EXIF, icc_profile=_PROFILE, **quick),
        "avif, animated": encoded(
            _PHOTO, "AVIF", save_all=True, append_images=[_FLAT, _PHOTO], **quick
        ),
    }
