"""Carries a plan out: each kind of fault brings what it takes away again."""
import asyncio
import signal

REFILL_SECONDS = 0.5
FULL_SECONDS_MORE = 12
CHECKPOINT_FAILED = "checkpoint.failed"
BURST = 40  # requests that go to one instance
BULK = 8  # new streams at once, while a disk is full
REACH_SECONDS = 0.1  # for a request to reach a socket


class Faults:
    """`cluster` has instances, proxies, servers, `burst(instance, count)` for requests that go to one instance alone, and `bulk` for such that make new
    streams."""

    def __init__(self, cluster, say):
        self.cluster, self.say = cluster, say
        self.done = {}  # kind: how often
        self.full_disks_met = 0  # by a checkpoint
        self.troubles = []
        self.busy = [asyncio.Lock() for _ in cluster.instances]  # one fault at a time has an instance's process
        self.broker = asyncio.Lock()

    async def carry_out(self, plan):
        begin = asyncio.get_running_loop().time()
        await asyncio.gather(*(self._one(begin, number, row) for number, row in enumerate(plan)))

    async def _one(self, begin, number, row):
        await asyncio.sleep(max(0.0, begin + row["at"] - asyncio.get_running_loop().time()))
        self.say(f"  {row['kind']} {'' if row['instance'] < 0 else 'of i%d ' % row['instance']}for {row['for']} s")
        await getattr(self, row["kind"].replace("-", "_"))(f"fault{number}", row)
        self.done[row["kind"]] = self.done.get(row["kind"], 0) + 1

    def instance(self, row):
        return self.cluster.instances[row["instance"]]

    async def _restart(self, instance):
        instance.child.start()
        try:
            await instance.await_ready()
        except RuntimeError:
            # Not a finding yet: something else may keep it from its log. When all is healed it has to be ready.
            if not instance.child.running():
                instance.child.start()

    async def kill(self, _name, row):
        async with self.busy[row["instance"]]:
            await self.instance(row).child.kill()
            await asyncio.sleep(row["for"])
            await self._restart(self.instance(row))

    async def terminate(self, _name, row):
        async with self.busy[row["instance"]]:
            if not await self.instance(row).terminate():
                self.troubles.append(f"{self.instance(row).name} did not end by itself after SIGTERM")
            await asyncio.sleep(row["for"])
            await self._restart(self.instance(row))

    async def pause(self, _name, row):
        async with self.busy[row["instance"]]:
            child = self.instance(row).child
            child.signal(signal.SIGSTOP)
            try:
                await asyncio.sleep(row["for"])
            finally:
                child.signal(signal.SIGCONT)

    hiccup = pause

    async def stale_burst(self, _name, row):
        """Requests reach a paused process, some before and some after the others have taken over and written; then it wakes and finds them
        in its sockets."""
        async with self.busy[row["instance"]]:
            instance = self.instance(row)
            instance.child.signal(signal.SIGSTOP)
            try:
                early = asyncio.create_task(self.cluster.burst(instance, BURST // 2))
                await asyncio.sleep(row["for"])
                late = asyncio.create_task(self.cluster.burst(instance, BURST // 2))
                await asyncio.sleep(REACH_SECONDS)
            finally:
                instance.child.signal(signal.SIGCONT)
            await asyncio.gather(early, late)

    async def _toxic(self, name, row, kind, stream="downstream", **attributes):
        await self.cluster.proxies.add(row["instance"], name, kind, stream, **attributes)
        try:
            await asyncio.sleep(row["for"])
        finally:
            await self.cluster.proxies.remove(row["instance"], name)

    async def latency(self, name, row):
        await self._toxic(name, row, "latency", latency=row["ms"], jitter=row["jitter"])

    async def reset(self, name, row):
        await self._toxic(name, row, "reset_peer", timeout=0)

    async def cut_off(self, _name, row):
        await self._disabled([row["instance"]], row)

    async def partition(self, _name, row):
        await self._disabled(range(len(self.cluster.instances)), row)

    async def _disabled(self, instances, row):
        for i in instances:
            await self.cluster.proxies.enable(i, False)
        try:
            await asyncio.sleep(row["for"])
        finally:
            for i in instances:
                await self.cluster.proxies.enable(i, True)

    async def late_writes(self, name, row):
        """What the instance sends is held back, heartbeats too: its partitions go to others, who fence; then its appends arrive. The
        requests of a burst make sure that there are some."""
        proxies, instance = self.cluster.proxies, self.instance(row)
        # Latency keeps the order, and lets go of what it holds after its time, also when the connection was given up.
        await proxies.add(row["instance"], name, "latency", "upstream", latency=int(row["for"] * 1000), jitter=0)
        try:
            await self.cluster.burst(instance, BURST)
            await asyncio.sleep(row["for"])
        finally:
            await proxies.remove(row["instance"], name)

    async def broker_kill(self, _name, row):
        async with self.broker:
            await self.cluster.servers.kill_kafka()
            await asyncio.sleep(row["for"])
            self.cluster.servers.start_kafka()
            await self.cluster.servers.await_kafka()

    async def disk_full(self, _name, row):
        """Full, and kept full: what is given up meanwhile is taken again. LMDB goes on for a while within its file, so new and bulky streams
        are made; and it stays full for some seconds longer when no checkpoint has met it yet."""
        instance, loop = self.instance(row), asyncio.get_running_loop()
        failed, met = len(instance.told(CHECKPOINT_FAILED)), False
        end = loop.time() + row["for"]
        bulk = []
        try:
            while loop.time() < end or (not met and loop.time() < end + FULL_SECONDS_MORE):
                await asyncio.to_thread(instance.disk.fill)
                if not met:
                    bulk.append(asyncio.create_task(self.cluster.bulk(instance, BULK)))
                await asyncio.sleep(REFILL_SECONDS)
                met = len(instance.told(CHECKPOINT_FAILED)) > failed
        finally:
            instance.disk.free()
        self.full_disks_met += met
        await asyncio.gather(*bulk)
