"""XMP packets (ISO 16684-1): read by a parser, changed in place, left out where they are damaged.

A packet is XML of people's own making, so it is parsed by Expat, in one pass, without entities and
up to a size. What is changed is cut out of the packet's own bytes and put in again; everything else
stays as its program wrote it.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

MOST_BYTES = 4 * 2**20
"""Larger packets are left out."""

_MOST_DEPTH = 200
"""Elements within elements."""
_MOST_NAMESPACES = 200
"""Most namespaces that are known at a place."""
_UNDECLARED = {
    "xml": "http://www.w3.org/XML/1998/namespace",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
"""What prefixes mean in packets that do not say it; decoders read the orientation there too."""

Name = tuple[str, str]
"""Namespace and local name."""

Change = Callable[[Name, str, Name], str | None]
"""What stands in the place of a text: the text itself, another, or none to take its element or
attribute out. Given are the name, the text, and the element that it is in."""

AreaChange = Callable[[Mapping[str, float]], Mapping[str, float]]
"""What stands in the place of an area of a picture: ``x``, ``y``, ``w``, ``h``."""


class DamagedXmpError(ValueError):
    """A packet that is no XML, or too large."""


@dataclass(kw_only=True)
class _Open:
    """An element that has not ended yet."""

    name: Name
    start: int
    inner: int
    """Where its content begins."""
    text: str = ""
    simple: bool = True
    """Whether it holds text alone."""
    taken_out: bool = False
    area: dict[str, tuple[float, int, int]] = field(default_factory=dict)
    """Sides of an area that are elements of their own: value, and where it stands."""


class _Reader:
    """Walks over a packet once and notes what is to be put in the place of what."""

    def __init__(self, packet: bytes, change: Change, area: AreaChange | None) -> None:
        self._packet = packet
        self._change = change
        self._area = area
        self._open: list[_Open] = []
        self._spaces: list[dict[str, str]] = [_UNDECLARED]
        self.edits: list[tuple[int, int, bytes]] = []
        parser = expat.ParserCreate("UTF-8")
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse
        self._parser = parser

    def read(self) -> None:
        self._parser.Parse(self._packet, True)

    def _start(self, tag: str, given: list[str]) -> None:
        if len(self._open) >= _MOST_DEPTH:
            raise DamagedXmpError("elements too deep in each other")
        start = self._parser.CurrentByteIndex
        end = _end_of_tag(self._packet, start)
        pairs = list(zip(given[::2], given[1::2], strict=True))
        spaces = self._spaces[-1]
        declared = {
            key.partition(":")[2]: value
            for key, value in pairs
            if key == "xmlns" or key.startswith("xmlns:")
        }
        if declared:
            spaces = {**spaces, **declared}
            if len(spaces) > _MOST_NAMESPACES:
                raise DamagedXmpError("too many namespaces")
        self._spaces.append(spaces)
        if self._open:
            self._open[-1].simple = False
        outer = bool(self._open) and self._open[-1].taken_out
        element = _Open(name=_named(tag, spaces), start=start, inner=end, taken_out=outer)
        self._open.append(element)
        if outer:
            return
        if self._change(element.name, "", self._outside(1)) is None:
            element.taken_out = True
            return
        changed = self._attributes(pairs, spaces, element.name)
        if changed != pairs:
            closing = "/>" if self._packet[end - 2 : end] == b"/>" else ">"
            words = "".join(f" {key}={quoteattr(value)}" for key, value in changed)
            self.edits.append((start, end, f"<{tag}{words}{closing}".encode()))

    def _attributes(
        self, pairs: list[tuple[str, str]], spaces: dict[str, str], inside: Name
    ) -> list[tuple[str, str]]:
        changed = []
        for key, value in pairs:
            if key.partition(":")[0] == "xmlns" or ":" not in key:
                changed.append((key, value))
                continue
            new = self._change(_named(key, spaces), value, inside)
            if new is not None:
                changed.append((key, new))
        return self._moved(changed, spaces) if self._area is not None else changed

    def _moved(self, pairs: list[tuple[str, str]], spaces: dict[str, str]) -> list[tuple[str, str]]:
        assert self._area is not None
        names = {key: _named(key, spaces) for key, _ in pairs if ":" in key}
        keys = {name[1]: key for key, name in names.items() if name[0] == AREA}
        try:
            values = {local: float(dict(pairs)[keys[local]]) for local in _SIDES}
        except (KeyError, ValueError):
            return pairs
        moved = {keys[local]: f"{value:.6g}" for local, value in self._area(values).items()}
        return [(key, moved.get(key, value)) for key, value in pairs]

    def _outside(self, number: int) -> Name:
        """The element around the open one; none around the first."""
        return self._open[-1 - number].name if len(self._open) > number else ("", "")

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text

    def _end(self, _: str) -> None:
        element = self._open.pop()
        self._spaces.pop()
        here = self._parser.CurrentByteIndex
        alone = self._packet[element.inner - 2 : element.inner] == b"/>"
        end = element.inner if alone else _end_of_tag(self._packet, here)
        outer = bool(self._open) and self._open[-1].taken_out
        if element.taken_out:
            if not outer:
                self.edits.append((element.start, end, b""))
            return
        if self._area is not None and len(element.area) == len(_SIDES):
            values = {name: value for name, (value, _, _) in element.area.items()}
            for name, moved in self._area(values).items():
                start, stop = element.area[name][1:]
                self.edits.append((start, stop, f"{moved:.6g}".encode()))
        if alone or not element.simple or not element.text.strip():
            return
        if element.name[0] == AREA and element.name[1] in _SIDES and self._open:
            with contextlib.suppress(ValueError):
                side = float(element.text)
                self._open[-1].area[element.name[1]] = (side, element.inner, here)
            return
        new = self._change(element.name, element.text.strip(), self._outside(0))
        if new is None:
            self.edits.append((element.start, end, b""))
        elif new != element.text.strip():
            self.edits.append((element.inner, here, escape(new).encode()))


AREA = "http://ns.adobe.com/xmp/sType/Area#"
_SIDES = ("x", "y", "w", "h")


def changed(packet: bytes, change: Change, area: AreaChange | None = None) -> bytes:
    """The packet with other values.

    Returns:
        The packet, all but what is changed byte by byte as it was.

    Raises:
        DamagedXmpError: It is no XML, holds a document type, or is too large.
    """
    packet = _in_utf8(packet)
    if len(packet) > MOST_BYTES:
        raise DamagedXmpError(f"{len(packet) / 2**20:.0f} MB")
    reader = _Reader(packet, change, area)
    try:
        reader.read()
    except (expat.ExpatError, UnicodeError, RecursionError) as error:
        raise DamagedXmpError(str(error)) from error
    parts, at = [], 0
    for start, end, new in sorted(reader.edits, key=lambda edit: edit[:2]):
        if start < at:
            continue  # within what was taken out
        parts += [packet[at:start], new]
        at = end
    return b"".join([*parts, packet[at:]])


def _in_utf8(packet: bytes) -> bytes:
    for mark, coding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if packet.startswith(mark):
            try:
                text = packet[2:].decode(coding)
                # Its declaration would name the coding that it had.
                return (text.partition("?>")[2] if text.startswith("<?xml ") else text).encode()
            except UnicodeError as error:
                raise DamagedXmpError(str(error)) from error
    return packet.strip(b"\0 \t\r\n").removeprefix(b"\xef\xbb\xbf")


def _named(key: str, spaces: Mapping[str, str]) -> Name:
    prefix, colon, local = key.rpartition(":")
    return (spaces.get(prefix, "") if colon else spaces.get("", ""), local)


def _end_of_tag(packet: bytes, start: int) -> int:
    """Where a tag ends, behind its ``>``; one within quotes is none."""
    at, quote = start, 0
    while True:
        byte = packet[at]
        if quote:
            quote = 0 if byte == quote else quote
        elif byte in b"\"'":
            quote = byte
        elif byte == ord(">"):
            return at + 1
        at += 1


def _refuse(*_: Any) -> None:
    raise DamagedXmpError("a document type in it")
