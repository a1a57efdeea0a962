"""toxiproxy: one proxy before each instance's listener of Kafka."""
import asyncio
import json
import urllib.error
import urllib.request

from breaking.processes import Child, until
from breaking.settings import HOST, RESULTS, TOXIPROXY, free_port

CALL_SECONDS = 5


class Proxies:
    """Toxics are named by who adds them, so that each fault takes away what it brought and no more."""

    def __init__(self, listeners):
        self.listeners = listeners
        self.port = free_port()
        self.lock = asyncio.Lock()  # one change at a time
        self.child = Child("toxiproxy", [TOXIPROXY, "-host", HOST, "-port", str(self.port)], {"LOG_LEVEL": "error"}, RESULTS / "servers" / "logs")

    def _call(self, method, path, body=None):
        request = urllib.request.Request(f"http://{HOST}:{self.port}{path}", method=method, headers={"User-Agent": "faults"},
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    async def call(self, method, path, body=None):
        return await asyncio.to_thread(self._call, method, path, body)

    async def change(self, method, path, body=None):
        """toxiproxy hangs when a connection with held bytes has lost its far end; it is then started anew, with nothing spoiled."""
        async with self.lock:
            try:
                await self.call(method, path, body)
            except urllib.error.HTTPError as error:
                if method != "DELETE" or error.code != 404:
                    raise
            except OSError:
                await self.child.kill()
                await self.up()

    async def up(self):
        self.child.start()
        await until(lambda: self.call("GET", "/version"), 20, "toxiproxy is up")
        for i, listener in enumerate(self.listeners):
            await self.call("POST", "/proxies", {"name": f"i{i}", "listen": f"{HOST}:{listener.advertised}",
                                                 "upstream": f"{HOST}:{listener.port}", "enabled": True})

    async def enable(self, instance, enabled):
        """Disabled: connections break and new ones are refused."""
        await self.change("POST", f"/proxies/i{instance}", {"enabled": enabled})

    async def add(self, instance, name, kind, stream="downstream", **attributes):
        await self.change("POST", f"/proxies/i{instance}/toxics", {"name": name, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes})

    async def remove(self, instance, name):
        await self.change("DELETE", f"/proxies/i{instance}/toxics/{name}")

    async def heal(self):
        """Everything as it was at the start."""
        await self.change("POST", "/reset")

    def down(self):
        self.child.kill_now()
