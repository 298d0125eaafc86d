# The untrusted side: loads the solution and answers calls. Nothing here is to be trusted: the solution may change all of
# it. It knows of the tests what it is called with, one call at a time.

import sys


def read_frame():
    head = read_all(4)
    return read_all(int.from_bytes(head, "big"))


def read_all(size):
    parts = b""
    while len(parts) < size:
        part = os.read(CHANNEL, size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return parts


def answer(kind, value):
    try:
        sys.stdout.flush()  # the process may be killed after the last answer
    except BaseException:
        pass
    out = bytearray()
    try:
        encode(value, out)
        if len(out) > MAX_FRAME:
            raise Unserialisable("a value is larger than %d bytes" % MAX_FRAME)
    except (Unserialisable, RecursionError) as problem:
        kind, out = b"U", bytearray()
        encode(str(problem), out)
    data = memoryview((len(out) + 1).to_bytes(4, "big") + kind + out)
    while data:
        data = data[os.write(CHANNEL, data) :]


def explain(problem):
    try:
        text = str(problem)[:500]
    except BaseException:
        text = ""
    names = [c.__name__ for c in type(problem).__mro__]
    answer(b"E", (names, text))


def serve():
    with open("solution.py", encoding="utf-8", errors="surrogateescape") as file:
        source = file.read()
    module = type(sys)("solution")
    sys.modules["solution"] = module
    space = module.__dict__
    try:
        exec(compile(source, "solution.py", "exec"), space)
    except BaseException as problem:
        explain(problem)
        return
    answer(b"R", None)
    while True:
        name, args, named = decode(read_frame())
        try:
            value = space[name](*args, **named)
        except BaseException as problem:
            explain(problem)
        else:
            answer(b"R", value)


serve()
