"""A system bus with a systemd behind it, as far as the agent speaks with it: for what a real one cannot be made to do.
The agent finds it by DBUS_SYSTEM_BUS_ADDRESS."""

import itertools
import re
import shutil
import socket
import struct
import tempfile
import threading

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = range(1, 9)
FIELD_TYPES = {PATH: "o", INTERFACE: "s", MEMBER: "s", ERROR_NAME: "s", REPLY_SERIAL: "u", DESTINATION: "s",
               SENDER: "s", SIGNATURE: "g"}
MANAGER = "org.freedesktop.systemd1.Manager"
MANAGER_PATH = "/org/freedesktop/systemd1"


class Writer:
    """Appends values in the little-endian form of D-Bus."""

    def __init__(self):
        self.data = bytearray()

    def align(self, size):
        self.data += bytes(-len(self.data) % size)

    def u32(self, value):
        self.align(4)
        self.data += struct.pack("<I", value)

    def put(self, kind, value):
        if kind == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif kind in "so":
            self.u32(len(value))
            self.data += value.encode() + b"\0"
        elif kind in "ub":
            self.u32(value)
        elif kind == "(":  # of an array: alignment alone
            self.align(8)
        return self

    def array(self, alignment, fill):
        self.u32(0)
        at = len(self.data) - 4
        self.align(alignment)
        begin = len(self.data)
        fill(self)
        struct.pack_into("<I", self.data, at, len(self.data) - begin)
        return self


def message(kind, serial, fields, body=b""):
    header = Writer()
    header.data += b"l" + bytes([kind, 0, 1]) + struct.pack("<II", len(body), serial)

    def fill(writer):
        for code, value in fields.items():
            writer.align(8)
            writer.data += bytes([code])
            writer.put("g", FIELD_TYPES[code]).put(FIELD_TYPES[code], value)
    header.array(8, fill)
    header.align(8)
    return bytes(header.data) + body


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def u32(self):
        self.at += -self.at % 4
        return struct.unpack("<I", self.take(4))[0]

    def text(self, kind):
        length = self.take(1)[0] if kind == "g" else self.u32()
        return self.take(length + 1)[:-1].decode()


class Call:
    """A message from the agent."""

    def __init__(self, head, rest):
        self.serial = struct.unpack_from("<I", head, 8)[0]
        reader = Reader(head + rest, 12)
        end = reader.u32() + 16
        self.fields = {}
        while reader.at < end:
            reader.at += -reader.at % 8
            code = reader.take(1)[0]
            kind = reader.text("g")
            self.fields[code] = reader.u32() if kind == "u" else reader.text(kind)
        reader.at += -reader.at % 8
        self.body = reader

    @property
    def member(self):
        return self.fields.get(MEMBER)

    @property
    def unit(self):
        """The unit that it is about, by its object or its first argument."""
        path = self.fields.get(PATH, "")
        if "/unit/" in path:
            name = path.rsplit("/", 1)[1]
            return re.sub("_([0-9a-f]{2})", lambda found: chr(int(found.group(1), 16)), name)
        return self.body.text("s")


class SystemdBus:
    """Every unit is loaded and runs. What says() answers for a call decides what becomes of it: "answer", "hang" (no
    answer ever), or, for a verb, "never" (its job never ends). With mute, not even the bus answers."""

    def __init__(self, says=lambda call: "answer", mute=False):
        self.says, self.mute = says, mute
        self.directory = tempfile.mkdtemp(prefix="bus.")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{self.directory}/bus")
        self.listener.listen(16)
        self.jobs = itertools.count(1)
        self.lock = threading.Lock()
        self.called = []  # (member, unit) of each call of a unit's verb

    @property
    def env(self):
        return {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.directory}/bus"}

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        stream = connection.makefile("rb")
        if self.mute:
            stream.read()
            return
        # EXTERNAL, in one go, with what sd-bus sends before it waits.
        line = b""
        while line != b"BEGIN\r\n":
            line = stream.readline()
            if line == b"DATA\r\n":
                connection.sendall(b"DATA\r\nOK " + b"0" * 32 + b"\r\n")
            if line == b"NEGOTIATE_UNIX_FD\r\n":
                connection.sendall(b"AGREE_UNIX_FD\r\n")
            if not line:
                return
        serials = itertools.count(1)
        while True:
            head = stream.read(16)
            if len(head) < 16:
                return
            body_size, fields_size = struct.unpack_from("<I4xI", head, 4)
            call = Call(head, stream.read(fields_size + -fields_size % 8 + body_size))
            for kind, fields, body in self._answers(call):
                connection.sendall(message(kind, next(serials), fields, body))

    def _answers(self, call):
        """What is sent in answer: kinds, header fields and bodies."""
        def reply(signature="", body=b""):
            fields = {REPLY_SERIAL: call.serial, SENDER: call.fields[DESTINATION]}
            return (RETURN, fields | ({SIGNATURE: signature} if signature else {}), body)

        if call.fields.get(DESTINATION) == "org.freedesktop.DBus":
            return [reply("s", bytes(Writer().put("s", ":1.7").data)) if call.member == "Hello" else reply()]
        said = self.says(call)
        if said == "hang":
            return []
        if call.member == "GetAll":
            return [reply("a{sv}", properties(call.unit))]
        if call.member == "ListUnitsByNames":
            return [reply("a(ssssssouso)", listed(Reader(call.body.data, call.body.at + 4).text("s")))]
        if not call.member.endswith("Unit") or call.member == "ResetFailedUnit":
            return [reply()]
        unit, number = call.unit, next(self.jobs)
        job = f"{MANAGER_PATH}/job/{number}"
        with self.lock:
            self.called.append((call.member, unit))
        answers = [reply("o", bytes(Writer().put("o", job).data))]
        if said != "never":
            body = Writer().put("u", number).put("o", job).put("s", unit).put("s", "done").data
            fields = {PATH: MANAGER_PATH, INTERFACE: MANAGER, MEMBER: "JobRemoved",
                      SENDER: "org.freedesktop.systemd1", SIGNATURE: "uoss"}
            answers.append((SIGNAL, fields, bytes(body)))
        return answers


def properties(unit):
    texts = {"Id": unit, "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Result": "success",
             "Type": "simple", "UnitFileState": "enabled"}

    def fill(writer):
        for name, value in texts.items():
            writer.put("(", None).put("s", name).put("g", "s").put("s", value)
    return bytes(Writer().array(8, fill).data)


def listed(unit):
    def fill(writer):
        writer.put("(", None)
        for text in (unit, "", "loaded", "active", "running", ""):
            writer.put("s", text)
        writer.put("o", "/").put("u", 0).put("s", "").put("o", "/")
    return bytes(Writer().array(8, fill).data)
