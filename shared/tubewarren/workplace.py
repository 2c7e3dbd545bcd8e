"""A workplace of yt-dlp: who the worker is to the site, whether it may work, and the orders that it takes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from tubewarren.admission import Admission, Shift, Unfit, ask_for_permit, ask_what_is_known
from tubewarren.delivery import Delivery
from tubewarren.messages.permits import Stage
from tubewarren.outcomes import Outcome
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.youtube.identity import Identity, open_identity
from tubewarren.youtube.nursery import Nursery
from tubewarren.youtube.startup import open_nursery

Handle = Callable[[Delivery, str], Awaitable[Outcome]]
"""Handles a delivery, going out by the egress that is named."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where one stage's orders are taken, by one identity at a time.

    Attributes:
        nursery: where the processes come from that carry them out.
    """

    surroundings: Surroundings
    stage: Stage
    nursery: Nursery
    identity: Identity
    admission: Admission

    async def work(
        self,
        handle: Handle,
        at_a_time: int,
        *,
        doing: Callable[[], str],
        facts: Mapping[str, str | int | float | bool],
    ) -> Service:
        """Begin to take orders.

        Args:
            handle: what is done with each.
            at_a_time: how many are claimed.
            doing: the running work in a few words, for the heartbeat; empty when there is none.
            facts: what else the heartbeat says.

        Raises:
            BrokerUnavailableError: the queue or the connection is missing.
        """
        identity, admission = self.identity, self.admission

        async def handled(delivery: Delivery) -> Outcome:
            with admission.at_work(delivery):
                outcome = await handle(delivery, identity.egress)
                # Before the next order comes, and not only at the next look.
                admission.why_unfit = identity.why_changing or admission.why_unfit
                return admission.note(outcome)

        consumption = await self.surroundings.bus.consume_commands(
            self.surroundings.topology,
            self.stage,
            handled,
            prefetch=at_a_time,
            admit=admission.admit,
            egress=lambda: identity.egress,
        )
        return Service(
            consumptions=(consumption,),
            loops=(partial(admission.keep, (consumption,)),),
            activity=lambda: Activity(
                identity.with_alarm(doing() or admission.words), admission.why_unfit, {**facts, **identity.facts}
            ),
            news=admission.looked,
        )


@asynccontextmanager
async def open_workplace(
    surroundings: Surroundings, stage: Stage, unfit: Unfit, shift: Shift | None = None
) -> AsyncIterator[Workplace]:
    """Become somebody, who takes orders only while that is possible and allowed.

    Args:
        surroundings: what the service works with.
        stage: whose orders.
        unfit: why this machine cannot do them now; empty when it can.
        shift: when to rest; never by default.

    Raises:
        PresetRefusedError: what a person set for yt-dlp cannot be used.
        YoutubeFailedError: `UNFIT`, when yt-dlp could not be loaded.
    """
    settings, youtube = surroundings.settings, surroundings.settings.youtube
    async with (
        open_nursery(youtube.options, youtube.presets, youtube.allowed_hosts) as nursery,
        open_identity(settings.identity, surroundings.bus.egress, stage, nursery) as identity,
    ):

        async def why_unfit() -> str:
            # It may have another cookie jar now, which is another egress.
            reason = await identity.why_unfit()
            admission.egress = identity.egress
            return reason or await unfit()

        admission = Admission(
            worker=surroundings.worker.name,
            egress=identity.egress,
            stage=stage,
            ask=partial(ask_for_permit, surroundings.bus),
            unfit=why_unfit,
            clock=lambda: datetime.now(UTC),
            shift=shift or Shift(),
            look_up=partial(ask_what_is_known, surroundings.bus),
        )
        admission.why_unfit = await why_unfit()
        yield Workplace(surroundings, stage, nursery, identity, admission)
