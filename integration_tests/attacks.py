"""What a hostile account of a host does to the agent. Each function is an attack: a test starts it as a
process of that account (see Attacker in attacked_host.py), as `attacks.py NAME ARGUMENT…`. It prints
"ready" once it is under way, and goes on until it is killed or has nothing left to do."""

import ctypes
import fcntl
import itertools
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def exchange(one, other):
    if LIBC.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), f"cannot exchange {one} and {other}")


def ready():
    print("ready", flush=True)


def dwell(longest):
    """Busy for a random time: a sleep would take far longer than what is raced with."""
    until = time.perf_counter() + random.uniform(0, longest)
    while time.perf_counter() < until:
        pass


def flip(directory, symlink):
    """A directory and a symlink change places all the time, at every speed."""
    ready()
    for longest in itertools.cycle([0.00002, 0.0002, 0.002, 0.02]):
        for _ in range(20):
            exchange(directory, symlink)
            dwell(longest)


def flip_once(directory, symlink):
    exchange(directory, symlink)
    ready()


def swap_in(made, prepared):
    """As soon as `made` is made, it changes places with `prepared`, which is somebody else's; a moment later that
    is undone, and `made` is gone."""
    names = AT_FDCWD, os.fsencode(made), AT_FDCWD, os.fsencode(prepared), RENAME_EXCHANGE
    ready()
    for number in itertools.count():
        while LIBC.renameat2(*names) != 0:
            pass
        dwell(0.0003)
        exchange(made, prepared)
        os.rename(made, f"{made}.{number}")


def push_into(directory, revisions, guesses, rounds):
    """Moves what lies in `directory` into every revision that it can reach, by list or by guess."""
    treasures = sorted(os.listdir(directory))
    ready()
    for _ in range(int(rounds)):
        try:
            found = os.listdir(revisions)
        except PermissionError:
            found = []
        for name, below in itertools.product({*found, *guesses.split(",")}, ("", "/tree", "/web", "/tree/web")):
            if not treasures:
                return
            try:
                os.rename(f"{directory}/{treasures[-1]}", f"{revisions}/{name}{below}/{treasures[-1]}")
                print("moved to", f"{revisions}/{name}{below}", flush=True)
                treasures.pop()
            except OSError:
                pass


def deep(directory, levels, name_length, files=0):
    """Directories inside of each other, further than any path reaches, and in the last many names of one file."""
    name = "d" * int(name_length)
    os.chdir(directory)
    for _ in range(int(levels)):
        os.mkdir(name)
        os.chdir(name)
    links("f", int(files))
    ready()


def names(directory, count):
    os.chdir(directory)
    links("f", int(count))
    ready()


def links(prefix, count):
    """So many names, of files that may have as many again: ext4 allows 65,000."""
    for number in range(count):
        if number % 30_000 == 0:
            file = f"{prefix}{number}"
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        else:
            os.link(file, f"{prefix}{number}")


def sparse(directory, size, names):
    """One file that is nothing but a hole, under as many names as it can have."""
    os.chdir(directory)
    with open("hole", "wb") as file:
        file.truncate(int(size))
    try:
        for number in range(1, int(names)):
            os.link("hole", f"hole{number}")
    except OSError as error:
        print("links end:", error, file=sys.stderr)
    ready()


def lease(path, text):
    """Changes a file, and then holds an exclusive lease of it: nobody else can open it without waiting."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    with open(path, "r+", encoding="utf-8") as file:
        file.write(text)
    file = os.open(path, os.O_RDWR)
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    ready()
    signal.pause()


def overwrite(repository, name):
    """Replaces an object of a repository by what stands on stdin. An object in a pack would be found first: all
    come out of their packs."""
    packs = f"{repository}/objects/pack"
    for pack in [entry for entry in os.listdir(packs) if entry.endswith(".pack")]:
        os.rename(f"{packs}/{pack}", f"{repository}/{pack}")
        with open(f"{repository}/{pack}", "rb") as file:
            subprocess.run(["git", "--git-dir", repository, "unpack-objects", "-q"], stdin=file, check=True)
    for entry in os.listdir(packs):
        os.unlink(f"{packs}/{entry}")
    path = f"{repository}/objects/{name[:2]}/{name[2:]}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.forged", "wb") as file:
        file.write(sys.stdin.buffer.read())
    os.rename(f"{path}.forged", path)
    ready()


def slow_headers(host, port, count):
    """Clients that begin a request, never end it, and come again when they are thrown out."""
    def client():
        opened = socket.create_connection((host, int(port)))
        opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        waiting.register(opened, selectors.EVENT_READ)
    waiting = selectors.DefaultSelector()
    for _ in range(int(count)):
        client()
    ready()
    while True:
        for key, _ in waiting.select():
            waiting.unregister(key.fileobj)
            key.fileobj.close()
            client()


def write_to(*paths):
    """Tries to change each of these files."""
    for path in paths:
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write("changed\n")
            print("changed", path)
        except OSError as error:
            print(path, error.strerror)
    ready()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
