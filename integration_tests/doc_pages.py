"""Runs the commands of a page of docs/, and compares what they print with what the page shows.

    Page(path).run(Session(wrapper))

Fenced blocks of a page:

  console   "$ COMMAND" (its further lines begin with "> ", or are those that make it complete), then
            what it prints. It ends with status 0, unless "$ echo $?" follows.
  sh        commands without a prompt, to copy at once: each ends with status 0 and prints nothing.
  others    with a first line "# PATH" (behind the path may stand ", mode 0600"): a file, which is written.

A comment before a block, <!-- not run: REASON -->, leaves it out. All commands of a page run in one shell,
at a terminal of 80 columns. What differs from run to run is compared by its form: times, ages and
durations; commits, deployments and plans, where one that is shown twice must be the same twice, and
may be used in later commands. "…" stands for any text in a line, and alone in a line for any lines. That
gitopsctl waits for a server is not shown, since it depends on how fast that starts.

GITOPS_UPDATE_PAGES=1 writes what is printed into the page where it differs.
"""

import dataclasses
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import termios
import time

from terminal import Screen

NOT_RUN = re.compile(r"<!-- not run: (.+) -->$")
FILE = re.compile(r"(?:#|//) (\S*[./]\S*?)(?:, mode (0\d{3}))?$")
# What a page may show for something that differs from run to run: name, pattern. The first that matches counts.
VARIABLE = [
    ("time", r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d UTC"),
    ("time", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
    ("id", r"\d{8}-\d{6}-[a-z0-9]{6}"),
    ("time", r"\d\d:\d\d:\d\d"),
    ("hash", r"[0-9a-f]{40}\b|[0-9a-f]{32}\b|[0-9a-f]{8,12}\b"),
    ("duration", r"\d+ ms\b|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|y))+\b"),
]
TOKEN = re.compile("|".join(f"(?P<k{i}>(?<![\\w.]){pattern})" for i, (_, pattern) in enumerate(VARIABLE)) +
                   r"|(?P<any>…)|(?P<space>\s+)|(?P<text>.)")
KINDS = [f"k{i}" for i in range(len(VARIABLE))]
NAMED = ("id", "hash")
# What is printed only if a server has just been started and is not ready yet.
SOMETIMES = re.compile(r"gitopsctl: .*; waiting for it$")
END = re.compile("\x01(\\d+)\x01\r?\n")
SECONDS = 60  # for one command


@dataclasses.dataclass
class Block:
    kind: str
    line: int  # of the page, where the text begins; from 1
    text: list
    not_run: str = ""

    @property
    def file(self):
        """The (path, mode) of the file that this is, or None."""
        found = FILE.match(self.text[0]) if self.text and self.kind not in ("console", "sh", "") else None
        return found and (found.group(1), found.group(2) or "0644")


@dataclasses.dataclass
class Step:
    command: str
    shown: list
    line: int  # of the first shown line


def blocks(text):
    """The fenced blocks of a page."""
    found, fence, reason = [], None, ""
    for number, line in enumerate(text.splitlines(), 1):
        if fence is not None:
            if line.strip() == "```":
                fence = None
            else:
                found[-1].text.append(line)
        elif line.startswith("```"):
            fence = line
            found.append(Block(line[3:].strip(), number + 1, [], reason))
            reason = ""
        elif line.strip():
            comment = NOT_RUN.match(line)
            reason = comment.group(1) if comment else ""
    return found


def complete(command):
    """Whether a shell would run this, and not wait for more."""
    checked = subprocess.run(["bash", "-n"], input=command + "\n", capture_output=True, text=True, check=False)
    return not command.endswith("\\") and not checked.stderr


def steps(block):
    """The commands of a block of kind console or sh, with what is shown for each."""
    found, pending = [], []
    for number, line in enumerate(block.text, block.line):
        begins = block.kind == "sh" or line.startswith("$ ")
        if pending:
            pending.append(line.removeprefix("> ") if block.kind == "console" else line)
        elif begins:
            if line.strip():
                pending = [line.removeprefix("$ ")]
        else:
            assert found, f"line {number} is printed by no command"
            found[-1].shown.append(line)
        if pending and complete("\n".join(pending)):
            found.append(Step("\n".join(pending), [], number + 1))
            pending = []
    assert not pending, f"the command {pending[0]!r} does not end in its block"
    return found


class Comparison:
    """Compares shown with printed lines, and knows which real name stands for a shown one."""

    def __init__(self):
        self.real = {}  # the first characters of a shown name: the real name
        self._shown = {}  # the first characters of a real name: the shown name

    @staticmethod
    def _key(name):
        return name if "-" in name else name[:8]

    def _replace(self, text, names):
        def replaced(token):
            name = token.group()
            kind = VARIABLE[int(token.lastgroup[1:])][0] if token.lastgroup in KINDS else ""
            known = names.get(self._key(name), "") if kind in NAMED else ""
            return known[:len(name)] + name[len(known):]

        return TOKEN.sub(replaced, text)

    def in_command(self, command):
        """The command with the real names in place of the shown ones."""
        return self._replace(command, self.real)

    def in_page(self, printed):
        """Printed lines with the shown names in place of the real ones. Where a line is cut at the terminal's width
        depends on ages before it, so some words more are cut."""
        lines = [self._replace(line, self._shown) for line in printed]
        return [line[:-7].rpartition(" ")[0] + " …" if line.endswith("…") and len(line) > 60 else line for line in lines]

    def _line(self, shown, printed, real):
        """The names after this line, or None where it is not the shown one."""
        pattern, names = "", []
        for token in TOKEN.finditer(shown.rstrip()):
            kind = token.lastgroup
            if kind == "any":
                pattern += ".*?"
            elif kind == "space":
                pattern += r"\s+"
            elif kind == "text":
                pattern += re.escape(token.group())
            else:
                what, form = VARIABLE[int(kind[1:])]
                if what in NAMED:
                    names.append(token.group())
                    form = rf"[0-9a-f]{{{len(names[-1])}}}" if what == "hash" else form
                    pattern += f"({form})"
                else:
                    pattern += f"(?:{form})"
        found = re.fullmatch(pattern, printed.rstrip())
        if not found:
            return None
        real = dict(real)
        for name, value in zip(names, found.groups()):
            known = real.get(self._key(name))
            if known is None:
                if self._key(value) in map(self._key, real.values()):
                    return None
                known = ""
            elif self._key(known) != self._key(value):
                return None
            real[self._key(name)] = max(known, value, key=len)
        return real

    def _lines(self, shown, printed, real):
        if not shown:
            return None if printed else real
        if shown[0].strip() == "…":
            for skipped in range(len(printed) + 1):
                found = self._lines(shown[1:], printed[skipped:], real)
                if found is not None:
                    return found
            return None
        after = self._line(shown[0], printed[0], real) if printed else None
        return None if after is None else self._lines(shown[1:], printed[1:], after)

    def equal(self, shown, printed):
        found = self._lines(shown, printed, self.real)
        if found is None:
            return False
        self.real = found
        names = [token.group() for line in shown for token in TOKEN.finditer(line) if token.lastgroup in KINDS]
        for name in names:
            real = self._key(found.get(self._key(name), ""))
            self._shown[real] = max(self._shown.get(real, ""), name, key=len)
        return True


class Session:
    """A shell at a terminal. `wrapper`: words before "bash", such as nsenter's; `directory`: where it begins."""

    def __init__(self, wrapper=(), directory="/", environment=None):
        self._controller, terminal = pty.openpty()
        fcntl.ioctl(self._controller, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 80, 0, 0))
        self._shell = subprocess.Popen(
            [*wrapper, "bash", "--norc"], stdin=subprocess.PIPE, stdout=terminal, stderr=terminal,
            start_new_session=True, text=True,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                 "USER": "root", "TERM": "xterm-256color", "LANG": "C.UTF-8", "SYSTEMD_PAGER": "",
                 "SYSTEMD_COLORS": "0", "SYSTEMD_URLIFY": "0", **(environment or {})})
        os.close(terminal)
        self._status = 0
        self.run(f"cd {directory}")

    def run(self, command, seconds=SECONDS):
        """Runs a command; returns its status, and the lines that are on the terminal then."""
        quoted = "'" + command.replace("'", "'\\''") + "'"
        self._shell.stdin.write(f"(exit {self._status}); eval {quoted} < /dev/null; printf '\\001%d\\001\\n' $?\n")
        self._shell.stdin.flush()
        written, deadline = b"", time.monotonic() + seconds
        while not (end := END.search(written.decode(errors="ignore"))):
            ready = select.select([self._controller], [], [], max(0, deadline - time.monotonic()))[0]
            assert ready, f"{command}: does not end within {seconds} s; it printed:\n{written.decode(errors='replace')}"
            written += os.read(self._controller, 65536)
        self._status = int(end.group(1))
        screen = Screen(200, 80)
        screen.write(written.decode(errors="ignore")[:end.start()])
        lines = [line.rstrip() for line in screen.lines if not SOMETIMES.match(line)]
        while lines and not lines[-1]:
            lines.pop()
        return self._status, lines

    def write(self, path, text, mode):
        status, said = self.run(f"mkdir -p \"$(dirname {path})\" && install -m {mode} /dev/null {path} && "
                                f"cat > {path} <<'END OF FILE'\n{text}\nEND OF FILE")
        assert status == 0, said

    def close(self):
        self._shell.stdin.close()
        self._shell.kill()
        self._shell.wait()
        os.close(self._controller)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Page:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.blocks = blocks(self.path.read_text())
        self._printed = []  # (line, how many shown lines, what was printed in their place)

    @property
    def not_run(self):
        return [block for block in self.blocks if block.not_run]

    @property
    def not_understood(self):
        """Blocks that are neither run nor said not to be."""
        return [block for block in self.blocks
                if not block.not_run and block.kind not in ("console", "sh") and not block.file]

    def run(self, session):
        """Runs the page; fails at the first command that fails or prints something else."""
        update = bool(os.environ.get("GITOPS_UPDATE_PAGES"))
        comparison = Comparison()
        try:
            for block in self.blocks:
                if block.not_run:
                    continue
                if block.file:
                    session.write(block.file[0], comparison.in_command("\n".join(block.text)), block.file[1])
                    continue
                self._run_block(block, session, comparison, update)
        finally:
            if update:
                self._update()

    def _run_block(self, block, session, comparison, update):
        found = steps(block)
        for step, following in zip(found, [*found[1:], None]):
            status, printed = session.run(comparison.in_command(step.command))
            where = f"{self.path}:{step.line - 1}: $ {step.command}\n"
            if not comparison.equal(step.shown, printed):
                if not update:
                    raise AssertionError(f"{where}status {status}; it prints\n" + "\n".join(printed) +
                                         "\nbut the page shows\n" + "\n".join(step.shown))
                shown = comparison.in_page(printed)
                self._printed.append((step.line, len(step.shown), shown))
                comparison.equal(shown, printed)
            expects = following is not None and following.command == "echo $?"
            assert status == 0 or expects, f"{where}ends with status {status}:\n" + "\n".join(printed)

    def _update(self):
        lines = self.path.read_text().splitlines()
        for line, count, printed in reversed(self._printed):
            lines[line - 1:line - 1 + count] = printed
        self.path.write_text("\n".join(lines) + "\n")
