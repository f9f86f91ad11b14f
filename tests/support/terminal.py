"""Runs a program on a terminal of its own and keeps what a person would see: the screen, frame by frame."""
import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

ESCAPE = re.compile(r"\x1b\[(\d*)([A-Za-z])")


class Screen:
    """As much of a terminal as the bars need: a character is a cell, what does not fit goes on in the next
    row, rows that leave the top are kept. A control sequence that is none of ours is an error."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.past, self.now = [], [""] * rows
        self.x = self.y = 0

    def resize(self, columns, rows):
        self.columns = columns
        self.now = (self.now + [""] * rows)[:rows] if rows != self.rows else self.now
        self.rows = rows
        self.y = min(self.y, rows - 1)

    def feed(self, text):
        while text:
            escape = ESCAPE.match(text)
            if escape:
                self.control(int(escape[1] or 0), escape[2])
                text = text[escape.end():]
                continue
            self.put(text[0])
            text = text[1:]

    def control(self, number, letter):
        if letter == "A":
            self.y = max(self.y - max(number, 1), 0)
        elif letter == "B":
            self.y = min(self.y + max(number, 1), self.rows - 1)
        elif letter in "KJ" and number == 0:
            self.now[self.y] = self.now[self.y][:self.x]
            if letter == "J":
                self.now[self.y + 1:] = [""] * (self.rows - self.y - 1)
        elif letter != "m":
            raise ValueError(f"control sequence {number}{letter}")

    def put(self, character):
        if character == "\r":
            self.x = 0
        elif character == "\n":
            self.down()
        elif ord(character) < 32:
            raise ValueError(f"control character {character!r}")
        else:
            if self.x == self.columns:
                self.x = 0
                self.down()
            row = self.now[self.y].ljust(self.x)
            self.now[self.y] = row[:self.x] + character + row[self.x + 1:]
            self.x += 1

    def down(self):
        if self.y + 1 < self.rows:
            self.y += 1
        else:
            self.past.append(self.now.pop(0))
            self.now.append("")

    @property
    def display(self):
        return [row.rstrip() for row in self.now]


class Terminal:
    """`run` gives stderr (and stdout, unless told otherwise) to a terminal of `columns` x `rows`."""

    def __init__(self, columns=80, rows=24):
        self.columns, self.rows = columns, rows
        self.screen = Screen(columns, rows)
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.text = ""
        self.chunks = []    # what each read brought
        self.screens = []   # the screen after each

    def resize(self, columns, rows=None):
        self.columns, self.rows = columns, rows or self.rows
        self.screen.resize(self.columns, self.rows)
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))

    def run(self, command, env, cwd, on_frame=None, timeout=60, stdout=None):
        self.leader, follower = pty.openpty()
        self.resize(self.columns)
        process = subprocess.Popen(command, stdin=follower, stdout=stdout or follower, stderr=follower,
                                   env=env, cwd=cwd, start_new_session=True)
        os.close(follower)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.leader], [], [], 0.2)
            if not ready:
                continue
            try:
                chunk = os.read(self.leader, 65536)
            except OSError:
                break
            if not chunk:
                break
            self.take(chunk)
            if on_frame:
                on_frame(self)
        os.close(self.leader)
        return process.wait(timeout=10)

    def take(self, chunk):
        text = self.decoder.decode(chunk)
        self.text += text
        self.chunks.append(text)
        whole = self.pending + text
        cut = whole.rfind("\x1b")
        if cut < 0 or ESCAPE.match(whole, cut):
            cut = len(whole)
        self.pending = whole[cut:]  # a sequence that has not come to its end
        self.screen.feed(whole[:cut])
        self.screens.append(self.screen.display)

    pending = ""

    def escapes(self):
        """Every control sequence, as (number, letter)."""
        return ESCAPE.findall(self.text)

    def lines(self):
        """What is on the screen in the end, what left it at the top included, without empty lines at the end."""
        lines = [row.rstrip() for row in self.screen.past] + self.screen.display
        while lines and not lines[-1]:
            lines.pop()
        return lines
