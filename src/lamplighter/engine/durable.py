"""DBOS: launched on our database, fed in our transactions, and told at once when there is work."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, Queue
from dbos._core import execute_dequeued_workflow
from dbos._serialization import Serializer
from dbos._utils import GlobalParams

from lamplighter.store.database import is_shared, open_journal
from lamplighter.store.runs import Run

APPLICATION = "lamplighter"
QUEUE = "runs"
WORKFLOW = "run"
VERSION = "runs-1"
"""A constant: a new release goes on with the runs of the one before it."""

POLL_SECONDS = 5.0
"""How often DBOS looks into its queue by itself; we tell it, so this is only a safety net."""


class RecordedError(Exception):
    """An error of an earlier attempt, as far as JSON could keep it."""


class JsonSerializer(Serializer):
    """JSON, never pickle: what the database holds cannot run code."""

    def name(self) -> str:
        """As stored beside each value."""
        return "lamplighter_json"

    def serialize(self, data: Any) -> str:
        """To JSON text; an exception keeps its kind and message."""
        return json.dumps(data, default=_encode, ensure_ascii=False, separators=(",", ":"))

    def deserialize(self, serialized_data: str) -> Any:
        """From JSON text."""
        return json.loads(serialized_data, object_hook=_decode)


class Durable:
    """DBOS in this process, running one workflow: ``carry_out(run_id)``."""

    def __init__(
        self, place: Path | str, executor: str, carry_out: Callable[[str], Awaitable[str]]
    ) -> None:
        engine = open_journal(place)
        url = engine.url.render_as_string(hide_password=False)
        serializer = JsonSerializer()
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": url,
            "system_database_engine": engine,
            "serializer": serializer,
            "application_version": VERSION,
            "executor_id": executor,
            "log_level": "ERROR",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": 0.25,  # how long stopping takes
        }
        self.engine = engine
        self.executor = executor
        self.is_open = False
        self.queue: Queue | None = None
        self.dbos = DBOS(config=config)

        # A run has a time limit of its own; DBOS would leave one that was interrupted too often
        # without an end.
        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
        async def run(run_id: str) -> str:
            return await carry_out(run_id)

        self.client = DBOSClient(
            system_database_url=url,
            system_database_engine=engine,
            serializer=serializer,
            application_name=APPLICATION,
            lazy=True,
        )

    async def launch(self) -> None:
        """Start DBOS on this event loop; a sole holder goes on with what those before it left."""
        DBOS.launch()
        await DBOS.register_queue_async(
            QUEUE, polling_interval_sec=POLL_SECONDS, on_conflict="always_update"
        )
        self.is_open = True
        if not is_shared(self.engine):
            # Whoever holds the workspace is its only executor, so all the others are gone.
            await asyncio.to_thread(self.take_over, await self._executors())
        await asyncio.to_thread(self.start_queued)

    def take_over(self, gone: list[str]) -> None:
        """Queue the unfinished runs of executors that are gone, and start what is queued."""
        if gone and self.is_open and DBOS._recover_pending_workflows(gone):
            self.start_queued()

    async def _executors(self) -> list[str]:
        """Everybody else who has unfinished runs."""
        begun = await DBOS.list_workflows_async(
            status="PENDING", load_input=False, load_output=False
        )
        executors = {status.executor_id for status in begun if status.executor_id}
        return list(executors - {self.executor})

    def enqueue(self, connection: sa.Connection, run: Run) -> None:
        """Queue a run within the caller's transaction: both are there after it, or neither."""
        self.client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUE,
                "workflow_id": run.id,
                "app_version": VERSION,
            },
            run.id,
        )

    def forget(self, run_ids: list[str]) -> None:
        """Delete runs that have ended, with all their steps."""
        self.client.delete_workflows(run_ids)

    def start_queued(self) -> None:
        """Start what is in the queue now.

        DBOS has no public way to wake its queue's poller, and polling it every few milliseconds
        costs 5 to 8 % of a core. So we do what the poller does, when we know that there is work.
        """
        system = self.dbos._sys_db
        self.queue = self.queue or system.get_queue(QUEUE)
        if self.queue is None:
            return
        owner = str(uuid.uuid4())
        claimed, _reason = system.start_queued_workflows(
            self.queue,
            GlobalParams.executor_id,
            GlobalParams.app_version,
            None,
            owner_xid=owner,
            is_latest_version=True,  # there is only one
        )
        for status in system.get_workflow_statuses(claimed):
            execute_dequeued_workflow(self.dbos, status, owner)

    def close(self) -> None:
        """Stop DBOS; what is still under way goes on after the next launch."""
        self.is_open = False  # the heartbeat goes on a little longer, and may find others gone
        self.client.destroy()
        DBOS.destroy(destroy_registry=True)
        self.engine.dispose()


def _encode(value: object) -> object:
    if isinstance(value, BaseException):
        return {"$error": f"{value}" or type(value).__name__}
    raise TypeError(f"{type(value).__name__} is not JSON")


def _decode(value: dict[str, Any]) -> object:
    return RecordedError(value["$error"]) if value.keys() == {"$error"} else value
