"""What an object's first bytes say it is."""

from __future__ import annotations

import re

from PIL import AvifImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

__all__ = ["FORMATS", "begins_as_image", "foreign_format"]

# The readers are imported here, at cold start: Pillow would otherwise import them (and forty
# others) during the first upload. The JPEG reader also opens MPO, the phones' JPEG with several
# pictures.
FORMATS = tuple(
    reader.format
    for reader in (
        JpegImageFile,
        PngImageFile,
        WebPImageFile,
        GifImageFile,
        BmpImageFile,
        TiffImageFile,
        AvifImageFile,
    )
)

# The function has one CPU; and each further thread would take memory of its own.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# The supported formats' own first bytes. BMP's "BM" is left out: it begins ordinary text as well.
_BEGINS_AS_IMAGE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|II[*+]\0|MM\0[*+]|....ftypavi[fs]",
    re.DOTALL,
)

# What people upload in place of a photo. Known by first bytes alone, so that none of Pillow's
# seldom-used readers ever runs on untrusted input.
_FOREIGN = {
    "HEIC": rb"....ftyp(?:hei[cxms]|hev[cxms])|....ftypm[is]f1.{4}(?!.{0,24}avi[fs]).{0,24}he[iv]",
    "JPEG 2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "JPEG XL": rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a",
    "PSD": rb"8BPS",
    "ICO": rb"\0\0[\1\2]\0[^\0]\0",
    "ICNS": rb"icns",
    "PDF": rb"%PDF-",
    "EPS": rb"%!PS|\xc5\xd0\xd3\xc6",
    "SVG": rb"\s*<svg[\s>]|\s*<(?:\?xml|!--|!DOCTYPE svg).*<svg[\s>]",
    "DDS": rb"DDS \x7c\0\0\0",
    "QOI": rb"qoif",
    "PPM": rb"P[1-6]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s",
    "PCX": rb"\n[\0\2\3\5][\0\1][\1\2\4\x08]",
    "SGI": rb"\x01\xda[\0\1][\1\2]",
    "Sun raster": rb"\x59\xa6\x6a\x95",
    "FITS": rb"SIMPLE  =",
    "WMF": rb"\xd7\xcd\xc6\x9a|\1\0\0\0.{36} EMF",
    "XPM": rb"/\* XPM \*/",
}
_FOREIGN_FORMAT = re.compile(
    b"|".join(b"(?P<f%d>%b)" % item for item in enumerate(_FOREIGN.values())), re.DOTALL
)
_HEAD_BYTES = 1024


def begins_as_image(body: bytes) -> bool:
    """Tell whether the first bytes are those of a supported format."""
    return _BEGINS_AS_IMAGE.match(body) is not None


def foreign_format(body: bytes) -> str | None:
    """Return the name of the unsupported format that the first bytes tell, if they tell one."""
    found = _FOREIGN_FORMAT.match(body[:_HEAD_BYTES])
    return list(_FOREIGN)[int(found.lastgroup[1:])] if found and found.lastgroup else None
