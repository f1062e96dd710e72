"""A proxy on loopback for PostgreSQL: it can cut connections, before or after what passes has an effect."""

import contextlib
import selectors
import socket
import threading

HOST = "127.0.0.1"


class Wire:
    """What passes between clients and one server.

    Attributes:
        port: where it listens.
    """

    def __init__(self, port):
        self._server = port
        self._listener = socket.create_server((HOST, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._turn = threading.Lock()
        self._losses = []
        self._away = False
        self._pairs = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def lose(self, words, times=1):
        """Let the server do what has these words in it, and cut instead of answering."""
        with self._turn:
            self._losses.append([words, times, True])

    def drop(self, words, times=1):
        """Cut before the server sees what has these words in it."""
        with self._turn:
            self._losses.append([words, times, False])

    def away(self, gone):
        """Whether nobody gets through from now on."""
        self._away = gone
        if gone:
            self.cut()

    def cut(self):
        """End all connections."""
        with self._turn:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _close(pair)

    def spent(self):
        """Whether all that was to go wrong did."""
        with self._turn:
            return all(loss[1] <= 0 for loss in self._losses)

    def forget(self):
        """Let nothing more go wrong."""
        with self._turn:
            self._losses.clear()

    def _fate(self, data):
        with self._turn:
            for loss in self._losses:
                if loss[1] > 0 and loss[0] in data:
                    loss[1] -= 1
                    return "lose" if loss[2] else "drop"
        return ""

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._away:
                client.close()
                continue
            try:
                server = socket.create_connection((HOST, self._server))
            except OSError:
                client.close()
                continue
            with self._turn:
                self._pairs.add((client, server))
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client, server):
        lost = False
        with selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        _close((client, server))
                        return
                    if key.fileobj is client:
                        fate = self._fate(data)
                        if fate == "drop":
                            _close((client, server))
                            return
                        lost = lost or fate == "lose"
                    elif lost:
                        _close((client, server))
                        return
                    key.data.sendall(data)


def _close(pair):
    for end in pair:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
