# Values and frames between the two processes. Both files that are run begin with this one.
#
# A value is a letter and what belongs to it: n None, T True, F False, i<hex>; int, f<hex>; float, c<hex>,<hex>; complex,
# s<length>:<UTF-8> str, b<length>:<bytes> bytes, l t e z<count>: and the items of a list, tuple, set, frozenset,
# d<count>: and the keys and values of a dict, r<start>,<stop>,<step>; range, k<name>; a type such as int.
# Decoding makes these exact types and nothing else, whatever the bytes say; there is no way to name a class or a function.

import os

CHANNEL = 3
MAX_FRAME = 8 << 20
MAX_DEPTH = 200
TYPES = {t.__name__: t for t in (int, float, str, bool, list, tuple, dict, set, frozenset, bytes, complex, object, range, type(None))}
SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset)


class Unserialisable(Exception):
    pass


def encode(value, out, depth=0):
    if depth > MAX_DEPTH:
        raise Unserialisable("a value is nested more than %d deep, or holds itself" % MAX_DEPTH)
    if len(out) > MAX_FRAME or isinstance(value, SIZED) and len(value) > MAX_FRAME:
        raise Unserialisable("a value is larger than %d bytes" % MAX_FRAME)
    if value is None:
        out += b"n"
    elif value is True:
        out += b"T"
    elif value is False:
        out += b"F"
    elif isinstance(value, int):
        if int.bit_length(value) > 4 * MAX_FRAME:
            raise Unserialisable("a number is larger than %d bytes" % MAX_FRAME)
        out += b"i%s;" % hex(int(value)).encode()
    elif isinstance(value, float):
        out += b"f%s;" % float.hex(value).encode()
    elif isinstance(value, complex):
        out += b"c%s,%s;" % (value.real.hex().encode(), value.imag.hex().encode())
    elif isinstance(value, str):
        text = str.encode(value, "utf-8", "surrogatepass")
        out += b"s%d:" % len(text) + text
    elif isinstance(value, (bytes, bytearray)):
        out += b"b%d:" % len(value) + bytes(value)
    elif isinstance(value, range):
        out += b"r%s,%s,%s;" % (hex(value.start).encode(), hex(value.stop).encode(), hex(value.step).encode())
    elif isinstance(value, dict):
        out += b"d%d:" % len(value)
        for key, item in dict.items(value):
            encode(key, out, depth + 1)
            encode(item, out, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        letter = b"l" if isinstance(value, list) else b"t" if isinstance(value, tuple) else b"e" if isinstance(value, set) else b"z"
        out += letter + b"%d:" % len(value)
        for item in value:
            encode(item, out, depth + 1)
    elif isinstance(value, type) and TYPES.get(value.__name__) is value:
        out += b"k%s;" % value.__name__.encode()
    else:
        raise Unserialisable("a value of type %s cannot be sent" % type(value).__name__)


def decode(data):
    value, at = decode_at(data, 0, 0)
    if at != len(data):
        raise ValueError("bytes after the value")
    return value


def decode_at(data, at, depth):
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    letter = data[at : at + 1]
    at += 1
    if letter == b"n":
        return None, at
    if letter == b"T":
        return True, at
    if letter == b"F":
        return False, at
    if letter in (b"i", b"f", b"c", b"r", b"k"):
        end = data.index(b";", at)
        word = data[at:end].decode("ascii")
        at = end + 1
        if letter == b"i":
            return int(word, 16), at
        if letter == b"f":
            return float.fromhex(word), at
        if letter == b"c":
            real, imag = word.split(",")
            return complex(float.fromhex(real), float.fromhex(imag)), at
        if letter == b"r":
            start, stop, step = word.split(",")
            return range(int(start, 16), int(stop, 16), int(step, 16)), at
        return TYPES[word], at
    if letter == b"" or letter not in b"sbltezd":
        raise ValueError("unknown letter")
    end = data.index(b":", at, at + 20)
    count = int(data[at:end])
    at = end + 1
    if count < 0 or count > len(data) - at:
        raise ValueError("a count beyond the end")
    if letter == b"s":
        return data[at : at + count].decode("utf-8", "surrogatepass"), at + count
    if letter == b"b":
        return data[at : at + count], at + count
    if letter == b"d":
        out = {}
        for _ in range(count):
            key, at = decode_at(data, at, depth + 1)
            out[key], at = decode_at(data, at, depth + 1)
        return out, at
    items = []
    for _ in range(count):
        item, at = decode_at(data, at, depth + 1)
        items.append(item)
    if letter == b"l":
        return items, at
    if letter == b"t":
        return tuple(items), at
    return (set(items) if letter == b"e" else frozenset(items)), at
