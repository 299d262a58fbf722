"""A terminal for programs to run at, and what somebody would see on it.

    with Terminal(["gitopsctl", "deploy", ...], rows=24, columns=80) as terminal:
        terminal.wait_for("Deploy to 3 hosts")
        terminal.type("y\\r")
        assert terminal.exit_status() == 0

The pseudo-terminal is the kernel's. What is written to it is kept, and shown by a screen that knows
what gitopsctl writes: text, newlines, colours, and the two sequences that it redraws with. A sequence
that it does not know fails the test.
"""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from harness import wait_for

TOKENS = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[(\d+(?:;\d+)*)m|([\r\n\b\a])|([^\x1b\r\n\b\a])", re.S)


class Screen:
    """Lines of any length, wrapped at the terminal's width as most terminals do: anew when that changes."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines = [""]
        self.line, self.at = 0, 0  # where the next character goes

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns

    def write(self, text):
        place = 0
        for token in TOKENS.finditer(text):
            assert token.start() == place, f"unknown: {text[place:place + 20]!r}"
            place = token.end()
            count, command, _, control, character = token.groups()
            if command and command != "m":
                self._command(command, int(count or 0))
            elif control == "\n":
                self._down()
            elif control == "\r":
                self.at = 0
            elif character:
                line = self.lines[self.line].ljust(self.at)
                self.lines[self.line] = line[:self.at] + character + line[self.at + 1:]
                self.at += 1
        assert place == len(text), f"unknown: {text[place:place + 20]!r}"

    def _down(self):
        self.line += 1
        if self.line == len(self.lines):
            self.lines.append("")

    def _height(self, line):
        return max(1, -(-len(self.lines[line]) // self.columns))

    def _command(self, command, count):
        if command == "A":
            self._up(max(count, 1))
        else:
            assert (command, count) == ("J", 0), f"unknown: CSI {count} {command}"
            self.lines[self.line] = self.lines[self.line][:self.at]
            del self.lines[self.line + 1:]

    def _up(self, rows):
        """To a row above, in the same column; not beyond the top of the screen."""
        visible = sum(self._height(i) for i in range(self.line))
        for _ in range(min(rows, self.rows - 1, visible)):
            if self.at >= self.columns:
                self.at -= self.columns
                continue
            self.line -= 1
            self.at += (self._height(self.line) - 1) * self.columns

    def shown(self):
        """What stands there, also above what is visible; a line of the terminal a line."""
        rows = []
        for line in self.lines:
            rows += [line[i:i + self.columns].rstrip()
                     for i in range(0, max(len(line), 1), self.columns)]
        return "\n".join(rows).rstrip("\n")


class Terminal:
    def __init__(self, command, rows=24, columns=80, env=None):
        self.controller, terminal = pty.openpty()
        self.written = ""
        self.screen = Screen(rows, columns)
        self._lock = threading.Lock()
        self._set_size(rows, columns)
        self.modes = termios.tcgetattr(terminal)
        self._kept = terminal  # so that its modes can be looked at when the program is gone
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **(env or {})}
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=terminal, stdout=terminal, stderr=terminal,
            env=environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _set_size(self, rows, columns):
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self):
        pending = b""
        while True:
            try:
                data = os.read(self.controller, 65536)
            except OSError:
                return
            if not data:
                return
            pending += data
            # Neither half a character nor half a sequence.
            whole = re.match(rb"(?s)(.*?)(\x1b(\[[\d;]*)?)?\Z", pending).group(1)
            text = whole.decode(errors="ignore") if not _ends_in_midst(whole) else None
            if text is None:
                continue
            pending = pending[len(whole):]
            with self._lock:
                self.written += text
                self.screen.write(text)

    def resize(self, rows, columns):
        with self._lock:
            self.screen.resize(rows, columns)
            self._set_size(rows, columns)

    def type(self, text):
        os.write(self.controller, text.encode())

    def shown(self):
        with self._lock:
            return self.screen.shown()

    def wait_for(self, text, seconds=30):
        """Waits until this is shown (a string, or a condition of what is shown); returns what is."""
        met = text if callable(text) else lambda shown: text in shown
        try:
            return wait_for(lambda: (lambda shown: shown if met(shown) else None)(self.shown()), seconds)
        except AssertionError:
            raise AssertionError(f"{text!r} was not shown:\n{self.shown()}") from None

    def exit_status(self, seconds=30):
        """Waits for the end of the program, and for all that it wrote."""
        status = self.process.wait(timeout=seconds)
        if self._kept is not None:
            self.modes_after = termios.tcgetattr(self._kept)
            os.close(self._kept)
            self._kept = None
        self._reader.join(timeout=seconds)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.exit_status()
        os.close(self.controller)


def _ends_in_midst(data):
    try:
        data.decode()
        return False
    except UnicodeDecodeError as error:
        return error.end == len(data) and len(data) - error.start < 4
