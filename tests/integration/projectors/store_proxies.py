"""Stores behind proxies (toxiproxy), one for each who goes there, that can be told to spoil the way."""
import collections
import os
import pathlib

import requests

from harness import places
from harness.program import Program

TOXIPROXY = pathlib.Path(os.environ.get("ORDERLOG_CACHE", pathlib.Path.home() / ".cache" / "orderlog")) / "bin" / "toxiproxy-server"
CALL_SECONDS = 5


class StoreProxies:
    """`upstreams`: {name: host:port}. Whoever spoils something does it under a name of his own, and takes that away again.

    From the main thread only: the program ends with the thread that started it.
    """

    def __init__(self, folder, upstreams):
        self.upstreams = upstreams
        self.listen = {name: f"127.0.0.1:{places.free_port()}" for name in upstreams}
        self.away = collections.Counter()  # name: by how many it is wanted away
        self.toxics = {name: {} for name in upstreams}  # name: {toxic's name: its description}
        self.restarts = 0
        address = f"127.0.0.1:{places.free_port()}"
        self.url = f"http://{address}"
        host, port = address.split(":")
        self.program = Program("toxiproxy", [TOXIPROXY, "-host", host, "-port", port], {"LOG_LEVEL": "error"}, folder, self.url + "/version")

    def __enter__(self):
        self.program.start()
        self.program.await_ready()
        for name, upstream in self.upstreams.items():
            self._call("POST", "/proxies", {"name": name, "listen": self.listen[name], "upstream": upstream, "enabled": not self.away[name]})
            for toxic in self.toxics[name].values():
                self._call("POST", f"/proxies/{name}/toxics", toxic)
        return self

    def __exit__(self, *_):
        self.program.kill()

    def _call(self, method, path, body=None):
        answer = requests.request(method, self.url + path, json=body, timeout=CALL_SECONDS)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def _change(self, method, path, body=None):
        """toxiproxy hangs when a connection with held bytes has lost its far end; it is then started anew, as it should be by now."""
        try:
            self._call(method, path, body)
        except requests.RequestException:
            self.restarts += 1
            self.program.kill()
            self.__enter__()

    def disable(self, name):
        """Connections break and new ones are refused: the store is away."""
        self.away[name] += 1
        self._change("POST", f"/proxies/{name}", {"enabled": False})

    def enable(self, name):
        self.away[name] -= 1
        self._change("POST", f"/proxies/{name}", {"enabled": not self.away[name]})

    def add(self, name, toxic, kind, stream="downstream", **attributes):
        self.toxics[name][toxic] = {"name": toxic, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes}
        self._change("POST", f"/proxies/{name}/toxics", self.toxics[name][toxic])

    def remove(self, name, toxic):
        del self.toxics[name][toxic]
        self._change("DELETE", f"/proxies/{name}/toxics/{toxic}")
