import asyncio

from imgproxy_py.errors import CapacityError
from imgproxy_py.web.readiness import ReadinessCheck, ReadinessProbe
from imgproxy_py.web.traffic import Traffic


class Pinged:
    def __init__(self, error: Exception | None = None, takes: float = 0.0) -> None:
        self.times = 0
        self._error = error
        self._takes = takes

    async def __call__(self) -> None:
        self.times += 1
        await asyncio.sleep(self._takes)
        if self._error:
            raise self._error


async def test_ready_when_all_answer():
    probe = ReadinessProbe([ReadinessCheck(name="store", ping=Pinged())], Traffic())
    assert (await probe.ask()).document() == {"ready": True, "draining": False, "checks": {"store": "ok"}}


async def test_each_reason_is_told_and_none_says_too_much():
    checks = [
        ReadinessCheck(name="slow", ping=Pinged(takes=9), timeout=0.01),
        ReadinessCheck(name="busy", ping=Pinged(CapacityError("redis://user:word@host"))),
        ReadinessCheck(name="odd", ping=Pinged(ValueError("/srv/secret"))),
    ]
    readiness = await ReadinessProbe(checks, Traffic()).ask()
    assert not readiness.ready
    assert readiness.checks == {
        "slow": "no answer within 0.01 s",
        "busy": "The service is busy",
        "odd": "ValueError",
    }


async def test_many_who_ask_cost_one_round():
    ping = Pinged(takes=0.01)
    probe = ReadinessProbe([ReadinessCheck(name="store", ping=ping)], Traffic())
    await asyncio.gather(*(probe.ask() for _ in range(20)))
    assert ping.times == 1


async def test_an_answer_is_not_remembered_for_ever():
    ping = Pinged()
    probe = ReadinessProbe([ReadinessCheck(name="store", ping=ping)], Traffic(), remembered=0.0)
    await probe.ask()
    await probe.ask()
    assert ping.times == 2


async def test_who_is_draining_is_not_ready_at_once():
    traffic = Traffic()
    probe = ReadinessProbe([], traffic)
    assert (await probe.ask()).ready
    traffic.draining = True
    assert not (await probe.ask()).ready
