"""Writes seeds for the target `exposition` into a folder: small pages in text, OpenMetrics and
protobuf. The first byte of a seed chooses the format, the second where the page is cut into two."""

import json
import struct
import sys
from pathlib import Path

# The cut is before the first byte: the fuzzer moves it.
HEADS = {"text": b"\0\0", "om": b"\1\0", "protobuf": b"\2\0"}


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def read_varint(data, at):
    number, shift = 0, 0
    while data[at] & 0x80:
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | data[at] << shift, at + 1


def messages(page):
    """The messages of a page, each with its length before it."""
    at = 0
    while at < len(page):
        length, start = read_varint(page, at)
        yield page[at : start + length]
        at = start + length


def field(number, value):
    match value:
        case int():
            return varint(number << 3) + varint(value)
        case float():
            return varint(number << 3 | 1) + struct.pack("<d", value)
        case bytes():
            return varint(number << 3 | 2) + varint(len(value)) + value


def family(name, kind, metric):
    content = field(1, name) + field(2, b"Help.") + field(3, kind) + field(4, metric)
    return varint(len(content)) + content


def made_up_messages():
    """What no capture in the repository has: native histograms, exemplars, creation times."""
    label = field(1, field(1, b"le") + field(2, b"1.5"))
    time = field(1, 1_700_000_000) + field(2, 5)
    exemplar = field(1, field(1, b"trace") + field(2, b"7")) + field(2, 0.5) + field(3, time)
    span = field(1, 2) + field(2, 2)
    counts = field(1, 7) + field(2, 3.5) + field(15, time)
    native = counts + field(5, 6) + field(6, 0.25) + field(7, 1) + field(12, span)
    native += field(9, span) + field(10, 1) + field(10, 3) + field(13, 4) + field(13, 2)
    floating = field(4, 7.0) + field(8, 1.0) + field(5, 1) + field(12, span) + field(14, 2.0) * 2
    bucket = field(3, field(1, 7) + field(2, 1.5) + field(3, exemplar))
    quantile = field(3, field(1, 0.99) + field(2, 2.5))
    yield family(b"counter_total", 0, label + field(3, field(1, 1.5) + field(2, exemplar) + field(3, time)))
    yield family(b"gauge", 1, label + field(2, field(1, float("nan"))) + field(6, 1_700_000_000_000))
    yield family(b"summary", 2, field(4, field(1, 7) + field(2, 3.5) + quantile))
    yield family(b"untyped", 3, field(5, field(1, -1.0)))
    yield family(b"classic", 4, label + field(7, counts + bucket))
    yield family(b"native", 4, label + field(7, native + field(16, exemplar)))
    yield family(b"floating", 5, field(7, floating))


def write(folder, name, kind, page):
    (folder / f"seed-{name}").write_bytes(HEADS[kind] + page)


def main(testdata, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for idx, case in enumerate(json.loads((testdata / "prometheus-3.5-verdicts.json").read_text())["cases"]):
        write(folder, f"verdict-{idx}", case["format"], case["page"].encode())
    for path in sorted(testdata.glob("*.txt")):
        page = path.read_bytes()
        if page.startswith(b"# HELP"):
            part = page[:3000].rpartition(b"\n")[0] + b"\n"
            write(folder, path.stem, "text", part)
            write(folder, f"{path.stem}-om", "om", part + b"# EOF\n")
    captured = messages((testdata / "etcd-3.4.pb").read_bytes())
    short = [message for message in captured if len(message) < 200]
    for idx, message in enumerate([*short[:40], *made_up_messages()]):
        write(folder, f"message-{idx}", "protobuf", message)
    write(folder, "messages", "protobuf", b"".join(made_up_messages()))


main(Path(sys.argv[1]), Path(sys.argv[2]))
