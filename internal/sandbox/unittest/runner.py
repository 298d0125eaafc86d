# The trusted side: runs the hidden tests, in which the functions of the solution are stand-ins that ask the other process.
# What comes back is a value of an exact built-in type, so that comparing it runs no code of the solution. Each assert that
# is reached is one test. The verdict goes to standard output, which the solution does not have.

import builtins
import select
import sys
import time

import _ast

SECONDS = float(sys.argv[1])  # for one call
MAX_REPORTED = 200


class Gone(BaseException):
    """The solution cannot answer any more. No test that catches exceptions catches this one by accident."""


class Failure(Exception):
    """An exception of the solution that is none of Python's own."""


class Channel:
    def __init__(self):
        self.dead = None  # why it cannot answer
        self.loaded = False
        os.set_blocking(CHANNEL, False)

    def die(self, why):
        self.dead = why
        try:
            os.close(CHANNEL)
        except OSError:
            pass
        raise Gone(why)

    def wait(self, deadline, read):
        left = deadline - time.monotonic()
        if left > 0:
            ready = select.select([CHANNEL] if read else [], [] if read else [CHANNEL], [], left)
            if ready[0] or ready[1]:
                return
        self.die("no answer within %g s" % SECONDS)

    def read(self, size, deadline):
        parts = bytearray()
        while len(parts) < size:
            self.wait(deadline, True)
            try:
                part = os.read(CHANNEL, min(size - len(parts), 1 << 20))
            except OSError:
                part = b""
            if not part:
                self.die("the solution ended before it answered")
            parts += part
        return bytes(parts)

    def receive(self, deadline):
        size = int.from_bytes(self.read(4, deadline), "big")
        if not 0 < size <= MAX_FRAME + 1:
            self.die("an answer of %d bytes" % size)
        frame = self.read(size, deadline)
        try:
            return frame[:1], decode(frame[1:])
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError, MemoryError):
            self.die("an answer that is no value")

    def call(self, name, args, named):
        if self.dead is not None:
            raise Gone(self.dead)
        out = bytearray()
        encode((name, args, named), out)
        data = memoryview(len(out).to_bytes(4, "big") + out)
        deadline = time.monotonic() + SECONDS
        while data:
            self.wait(deadline, False)
            try:
                data = data[os.write(CHANNEL, data) :]
            except BlockingIOError:
                pass
            except OSError:
                self.die("the solution ended before it answered")
        return self.result(deadline)

    def result(self, deadline):
        kind, value = self.receive(deadline)
        if kind == b"R":
            return value
        if kind == b"U" and type(value) is str:
            raise Failure("the result is not comparable: " + value[:500])
        if kind == b"E" and type(value) is tuple and len(value) == 2 and type(value[0]) is list and type(value[1]) is str:
            for name in value[0]:
                if type(name) is str:
                    c = getattr(builtins, name, None)
                    # StopIteration would end an all(map(...)) of a test before its time.
                    if isinstance(c, type) and issubclass(c, Exception) and c not in (StopIteration, StopAsyncIteration, Exception):
                        try:
                            problem = c(value[1])
                        except TypeError:  # UnicodeDecodeError wants more than a text
                            continue
                        raise problem
            raise Failure(": ".join([str(value[0][0]) if value[0] else "an exception", value[1]])[:600])
        self.die("an answer of an unknown kind")


class Report:
    def __init__(self):
        self.total = 0
        self.good = 0
        self.lines = []

    def add(self, name, good, detail=""):
        self.total += 1
        self.good += good
        if len(self.lines) < MAX_REPORTED or not good and len(self.lines) < 2 * MAX_REPORTED:
            self.lines.append(("P" if good else "F", str(name)[:300], str(detail)[:600]))

    def print(self, end, why=""):
        hexed = lambda text: text.encode("utf-8", "replace").hex()
        out = ["%s %s %s\n" % (mark, hexed(name), hexed(detail)) for mark, name, detail in self.lines]
        out.append("%s %d %d %s\n" % (end, self.total, self.good, hexed(str(why)[:2000])))
        sys.stdout.write("".join(out))
        sys.stdout.flush()


channel = Channel()
report = Report()


def describe(problem):
    return (type(problem).__name__ + ": " + str(problem)).rstrip(": ")


def passed(name):
    if channel.dead is not None:  # the test has swallowed the exception
        report.add(name, False, channel.dead)
    else:
        report.add(name, True)


def failed(name, problem):
    report.add(name, False, describe(problem) if not isinstance(problem, AssertionError) or str(problem) else "not as expected")
    if report.total > 100000:
        raise Gone("too many tests")


def instrument(node, lines):
    """Puts each assert into a try, so that a test that fails does not hide those after it."""
    for field in node._fields:
        child = getattr(node, field, None)
        if isinstance(child, list):
            setattr(node, field, [instrument(item, lines) if isinstance(item, _ast.AST) else item for item in child])
    if not isinstance(node, _ast.Assert) or isinstance(node.test, _ast.Constant) and node.test.value:
        return node
    text = " ".join(line.strip() for line in lines[node.lineno - 1 : node.end_lineno])
    at = {"lineno": node.lineno, "col_offset": node.col_offset, "end_lineno": node.end_lineno, "end_col_offset": node.end_col_offset}

    def name(word):
        return _ast.Name(id=word, ctx=_ast.Load(**at), **at)

    def tell(function, *args):
        call = _ast.Call(func=name(function), args=[_ast.Constant(value=text, kind=None, **at), *args], keywords=[], **at)
        return _ast.Expr(value=call, **at)

    caught = _ast.ExceptHandler(type=name("__anything__"), name="__problem__", body=[tell("__failed__", name("__problem__"))], **at)
    return _ast.Try(body=[node], handlers=[caught], orelse=[tell("__passed__")], finalbody=[], **at)


def compiled(source, name):
    tree = compile(source, name, "exec", 0x400)  # only the syntax tree
    checks = any(isinstance(node, _ast.FunctionDef) and node.name == "check" for node in tree.body)
    return compile(instrument(tree, source.split("\n")), name, "exec"), checks


def read(name):
    with open(name, encoding="utf-8", errors="surrogateescape", newline=None) as file:
        return file.read()


def main():
    names = sys.argv[3:]
    tests = [read("test%d.py" % i) for i in range(int(sys.argv[2]))]
    preamble = read("preamble.py")
    try:
        codes = [compiled(source, "test%d.py" % i) for i, source in enumerate(tests)]
        space = {"__name__": "tests"}
        if "random" in preamble or any("random" in source for source in tests):
            import random

            random.seed(1)
        exec(compile(preamble, "preamble.py", "exec"), space)
    except BaseException as problem:
        report.print("broken", describe(problem))
        return
    for name in names:
        space[name] = lambda *args, _name=name, **named: channel.call(_name, args, named)
    space.update(__passed__=passed, __failed__=failed, __anything__=BaseException)
    why = ""
    try:
        channel.result(time.monotonic() + SECONDS)  # the solution is loaded
    except BaseException as problem:
        why = describe(problem)
        channel.dead = channel.dead or "the solution does not load: " + why
    for code, checks in codes:
        before = report.total
        try:
            exec(code, space)
            if checks:
                space["check"](space[names[0]])
        except BaseException as problem:  # outside an assert
            report.add(code.co_filename, False, describe(problem))
        if report.total == before:
            report.add(code.co_filename, False, "the test asserts nothing")
    report.print("done", why)


main()
