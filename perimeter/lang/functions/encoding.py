"""Base64, character sets, URLs, JSON."""

from __future__ import annotations

import base64
import codecs
import re
from decimal import Decimal
from typing import Any

from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    nothing,
    simple,
    text,
)
from perimeter.lang.marks import unknown_from
from perimeter.lang.plain import from_plain, json_text
from perimeter.lang.text import quote
from perimeter.lang.types import STRING
from perimeter.lang.values import Unknown, Value

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)
_GUNZIP_LIMIT = 64 * 1024 * 1024
"""A few bytes may unpack to gigabytes."""

_CHARSETS = frozenset(
    [
        "utf-8",
        "ascii",
        "utf-16",
        "utf-16-be",
        "utf-16-le",
        "big5",
        "euc_jp",
        "euc_kr",
        "gb18030",
        "gbk",
        "gb2312",
        "hz",
        "iso2022_jp",
        "koi8-r",
        "koi8-u",
        "mac-roman",
        "mac-cyrillic",
        "shift_jis",
        "cp437",
        "cp850",
        "cp852",
        "cp855",
        "cp858",
        "cp860",
        "cp862",
        "cp863",
        "cp865",
        "cp866",
        "cp037",
        "cp1047",
        "cp1140",
        "iso8859-1",
        "iso8859-2",
        "iso8859-3",
        "iso8859-4",
        "iso8859-5",
        "iso8859-6",
        "iso8859-7",
        "iso8859-8",
        "iso8859-9",
        "iso8859-10",
        "iso8859-13",
        "iso8859-14",
        "iso8859-15",
        "iso8859-16",
        "cp874",
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp1258",
    ]
)


def decode_base64(content: str) -> bytes | None:
    """What padded standard base64 text holds; None when it is none. Line breaks are skipped."""
    content = content.replace("\r", "").replace("\n", "")
    if not _BASE64.fullmatch(content):
        return None
    return base64.b64decode(content)


def encode_base64(data: bytes) -> str:
    """Data as padded standard base64 text."""
    return base64.b64encode(data).decode("ascii")


def _base64decode(content: str) -> str:
    data = decode_base64(content)
    if data is None:
        raise FunctionError(f"failed to decode base64 data {quote(content)}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FunctionError(
            "the result of decoding the provided string is not valid UTF-8"
        ) from None


def _base64gzip(content: str) -> str:
    import struct
    import zlib

    data = content.encode()
    deflater = zlib.compressobj(wbits=-15)
    body = deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)
    if not data:
        body = b"\x00\x00\x00\xff\xff"
    # Go closes a flushed stream with an empty stored block, and names no time and no system.
    body += b"\x01\x00\x00\xff\xff"
    trailer = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return encode_base64(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + body + trailer)


def _base64gunzip(content: str) -> str:
    import zlib

    data = decode_base64(content)
    if data is None:
        raise FunctionError(f"failed to decode base64 data {quote(content)}")
    inflater = zlib.decompressobj(wbits=31)
    try:
        found = inflater.decompress(data, _GUNZIP_LIMIT + 1)
    except zlib.error:
        raise FunctionError("failed to gunzip: the data is not in gzip format") from None
    if len(found) > _GUNZIP_LIMIT:
        raise FunctionError(f"the content is longer than {_GUNZIP_LIMIT} bytes")
    if not inflater.eof:
        raise FunctionError("failed to gunzip: the data ends early")
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise FunctionError("the content is not valid UTF-8") from None


def _charset(name: str) -> str:
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found not in _CHARSETS:
        raise FunctionError(f"{quote(name)} is not a supported IANA encoding name or alias", 1)
    return found


def _textencode(content: str, encoding: str) -> str:
    charset = _charset(encoding)
    try:
        if charset == "utf-16":
            return encode_base64(codecs.BOM_UTF16_BE + content.encode("utf-16-be"))
        return encode_base64(content.encode(charset))
    except UnicodeEncodeError:
        raise FunctionError(
            f"the given string contains characters that cannot be represented in {encoding}", 0
        ) from None


def _textdecode(source: str, encoding: str) -> str:
    charset = _charset(encoding)
    data = decode_base64(source)
    if data is None:
        offset = next((at for at, char in enumerate(source) if not _BASE64.fullmatch(char * 4)), 0)
        raise FunctionError(f"the given value has an invalid base64 symbol at offset {offset}", 0)
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        raise FunctionError(
            f"the given string contains symbols that are not defined for {encoding}", 0
        ) from None


def _urlencode(content: str) -> str:
    from urllib.parse import quote_plus

    return quote_plus(content, safe="")


def _urldecode(content: str) -> str:
    from urllib.parse import unquote_to_bytes

    broken = _BROKEN_ESCAPE.search(content)
    if broken is not None:
        raise FunctionError(f"invalid URL escape {quote(broken[0])}")
    try:
        return unquote_to_bytes(content.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise FunctionError("the result of decoding is not valid UTF-8") from None


def _jsonencode(values: list[Value], _context: Context) -> Value:
    value = values[0]
    if not value.is_wholly_known:
        return unknown_from((value,), STRING, Unknown(not_null=True))
    try:
        return text(json_text(value))
    except ValueError as error:
        raise FunctionError(str(error)) from None


def decode_json(content: str) -> Any:
    """Plain data of a JSON text, numbers exact.

    Raises:
        ValueError: it is no JSON text.
        RecursionError: it is nested too deeply.
    """
    import json

    return json.loads(content, parse_float=Decimal, parse_int=_whole, parse_constant=_not_json)


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 4000 and digits != "-0" else Decimal(digits)


def _not_json(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _scalars(plain: Any) -> Any:
    """Replace halves of surrogate pairs, which are no characters."""
    if isinstance(plain, str):
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(plain, list):
        return [_scalars(part) for part in plain]
    if isinstance(plain, dict):
        return {_scalars(key): _scalars(part) for key, part in plain.items()}
    return plain


def _jsondecode(values: list[Value], _context: Context) -> Value:
    content = values[0].raw
    try:
        plain = decode_json(content)
        if "\\u" in content:
            plain = _scalars(plain)
        return from_plain(plain)
    except RecursionError:
        raise FunctionError("the JSON text is nested too deeply") from None
    except (ValueError, ArithmeticError) as error:
        raise FunctionError(str(error)) from None


_STR = Parameter("str", STRING)

FUNCTIONS: dict[str, Function] = {
    "base64encode": simple([_STR], STRING, lambda content: encode_base64(content.encode())),
    "base64decode": simple([_STR], STRING, _base64decode),
    "base64gzip": simple([_STR], STRING, _base64gzip),
    "textencodebase64": simple(
        [Parameter("string", STRING), Parameter("encoding", STRING)], STRING, _textencode
    ),
    "textdecodebase64": simple(
        [Parameter("source", STRING), Parameter("encoding", STRING)], STRING, _textdecode
    ),
    "base64gunzip": simple([_STR], STRING, _base64gunzip),
    "urlencode": simple([_STR], STRING, _urlencode),
    "urldecode": simple([_STR], STRING, _urldecode),
    "jsonencode": Function(
        parameters=(Parameter("val", allow_null=True, allow_unknown=True, allow_dynamic=True),),
        returns=STRING,
        call=_jsonencode,
    ),
    "jsondecode": Function(
        parameters=(Parameter("str", STRING),), call=_jsondecode, refine=nothing
    ),
}
