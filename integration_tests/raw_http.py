"""An HTTP client that sends exactly the bytes it is given, one connection at a time.

    with RawHttp(gateway.address("http")) as client:
        client.send(request("GET", "/healthz"))
        assert client.answer().status == 200
        assert client.closed()
"""

import json
import socket


class RawAnswer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class RawHttp:
    def __init__(self, address, receive_buffer=None, timeout=45):
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, int(port)))
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False: the server has closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return False
        self.pending += data
        return bool(data)

    def answer(self, of_head=False):
        """The next answer, by its Content-Length; None: the connection ended before it."""
        while b"\r\n\r\n" not in self.pending:
            if not self._more():
                return None
        head, _, rest = self.pending.partition(b"\r\n\r\n")
        answer = RawAnswer(head, b"")
        length = 0 if of_head else int(answer.headers.get("content-length", 0))
        while len(rest) < length:
            self.pending = rest
            assert self._more(), "the connection ended in an answer"
            rest = self.pending
        answer.body, self.pending = rest[:length], rest[length:]
        return answer

    def closed(self):
        """Whether the server closes without sending more. Waits for it."""
        return not self.pending and not self._more()


def request(method, path, headers=(), body=None, token="admin"):
    """The bytes of a request; `path` and the values of headers may be bytes."""
    def octets(text):
        return text if isinstance(text, bytes) else text.encode()
    lines = [octets(method) + b" " + octets(path) + b" HTTP/1.1", b"Host: x"]
    if token:
        lines.append(f"Authorization: Bearer token-{token}".encode())
    if body is not None:
        lines.append(f"Content-Length: {len(body)}".encode())
    lines += [octets(name) + b": " + octets(value) for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")
