"""The replay itself: step by step, each with the clock at the moment at which it happened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from casework.bootstrap import with_keys
from casework.breakers import close_breaker
from casework.pipeline import Desk
from casework.processing import Worker, process_batch
from casework.replaying.comparing import Difference, compare
from casework.replaying.copying import OWNER, copy_fate, copy_keys, copy_ledger, copy_letter
from casework.replaying.picture import picture_of
from casework.replaying.plan import Fate, Lifted, Plan, Work, Written, plan_of
from config.database import Sessions, readers
from config.errors import KithError
from intake.inbox import RECEIVED, ClaimedMail
from replies.suspension import lift_suspension

LEASE = timedelta(days=1)


class StoppedError(KithError):
    """Somebody ended the replay."""

    def __init__(self) -> None:
        super().__init__(
            "The replay was stopped before its end, so nothing can be said. The database that Kith "
            "works with was only read."
        )


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What was replayed, and every difference to what is there."""

    mails: int
    cases: int
    waiting: int
    without_bytes: int
    letters: int
    letters_without_case: int
    differences: tuple[Difference, ...]

    @property
    def is_identical(self) -> bool:
        """Return whether the same came out."""
        return not self.differences


def replay(
    source: Sessions,
    target: Sessions,
    desk: Desk,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda _: None,
    judge_seconds: float = 20.0,
) -> ReplayReport:
    """Fill the empty target out of the source, and compare the two.

    The source is only read. `tell` is given a line now and then. Raises `StoppedError`.
    """
    with readers(source)() as session:
        _look_at_one_moment(session)
        plan, before = plan_of(session), picture_of(session)
        copy_keys(session, target)
        for lines in copy_ledger(session, target, plan):
            tell(f"{lines} lines of the ledger copied")
            if should_stop():
                raise StoppedError
        work = _Work(session, target, _replaying_desk(target, desk, plan), should_stop, tell)
        work.judge_seconds = judge_seconds
        work.run(plan)
    with readers(target)() as session:
        after = picture_of(session)
    return ReplayReport(
        mails=work.mails,
        cases=len(before.cases),
        waiting=plan.waiting,
        without_bytes=len(plan.without_bytes),
        letters=work.letters,
        letters_without_case=work.without_case,
        differences=compare(before, after, without_bytes=plan.without_bytes),
    )


def _look_at_one_moment(session: Session) -> None:
    """Let all that is read in this session be of one moment, whatever others write meanwhile.

    On SQLite a transaction that reads is so anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        session.connection(execution_options=options)


def _replaying_desk(target: Sessions, desk: Desk, plan: Plan) -> Desk:
    # Not live, whatever the settings say: what is queued here must never leave.
    if not plan.steps:
        return desk
    with target.begin() as session:
        signing = with_keys(desk, session, plan.steps[0].at)
    return replace(signing, is_live=False, recorded=plan.recorded)


@dataclass
class _Work:
    """The steps taken so far."""

    source: Session
    target: Sessions
    desk: Desk
    should_stop: Callable[[], bool]
    tell: Callable[[str], None]
    judge_seconds: float = 20.0
    mails: int = 0
    letters: int = 0
    without_case: int = 0

    def run(self, plan: Plan) -> None:
        """Take every step of the plan; raises `StoppedError`."""
        for step in plan.steps:
            if self.should_stop():
                raise StoppedError
            match step:
                case Work():
                    self._work(step)
                case Written():
                    self._write(step)
                case Fate():
                    self._meet(step)
                case Lifted():
                    self._lift(step)

    def _work(self, step: Work) -> None:
        worker = Worker(
            owner=OWNER,
            lease=LEASE,
            attempts=1,
            is_gone=lambda _: False,
            should_stop=self.should_stop,
            now=lambda: step.at,
            judge_seconds=self.judge_seconds,
        )
        mails = self._in_hand(step.received_ids)
        done = list(process_batch(self.target, mails, self.desk, worker))
        if len(done) < len(mails):
            raise StoppedError
        before, self.mails = self.mails, self.mails + len(done)
        if before // 500 != self.mails // 500:
            self.tell(f"{self.mails} mails replayed")

    def _in_hand(self, received_ids: Sequence[int]) -> list[ClaimedMail]:
        with readers(self.target)() as session:
            rows = session.execute(_LINES, {"wanted": list(received_ids)}).all()
        return [ClaimedMail(*row[:-1], failures=0, is_silent=row.is_silent) for row in rows]

    def _write(self, step: Written) -> None:
        with self.target.begin() as session:
            has_place = copy_letter(self.source, session, step)
        self.letters += 1
        self.without_case += not has_place

    def _meet(self, step: Fate) -> None:
        with self.target.begin() as session:
            soft = self.desk.soft_failures_per_week
            copy_fate(self.source, session, step, soft_failures=soft)

    def _lift(self, step: Lifted) -> None:
        with self.target.begin() as session:
            if step.key is not None:
                lift_suspension(session, step.key, by=step.by, now=step.at)
            if step.breaker is not None:
                close_breaker(session, step.breaker, by=step.by, now=step.at)


_R = RECEIVED.c
_LINES = (
    select(_R.id, _R.sha256, _R.size, _R.is_whole, _R.internal_date, _R.is_silent)
    .where(_R.id.in_(bindparam("wanted", expanding=True)))
    .order_by(_R.id)
)
