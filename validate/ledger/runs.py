"""The runs that a ledger holds, each with what was later said about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from validate.attempts import Attempt
from validate.decisions import Decision
from validate.ledger.entries import AttemptBody, Body, DecisionBody, Entry, RunBody, SignatureBody, body_of


@dataclass(frozen=True, kw_only=True)
class Run:
    """One compressed model's run."""

    entry: Entry
    body: RunBody
    signed: bool  # its evidence was signed later
    decisions: tuple[Decision, ...]  # of people, oldest first


def runs(entries: Sequence[Entry]) -> tuple[Run, ...]:
    """The runs, oldest first; OutputError where an entry cannot be read."""
    bodies = [(entry, body_of(entry)) for entry in entries]
    signed = {entry.subject for entry, body in bodies if isinstance(body, SignatureBody)}
    decided: dict[str, list[Decision]] = {}
    for entry, body in bodies:
        if isinstance(body, DecisionBody):
            decided.setdefault(entry.subject, []).append(body.decision)
    return tuple(
        Run(
            entry=entry,
            body=body,
            signed=entry.subject in signed,
            decisions=tuple(decided.get(entry.subject, ())),
        )
        for entry, body in bodies
        if isinstance(body, RunBody)
    )


def attempts(entries: Sequence[Entry]) -> tuple[Attempt, ...]:
    """What counts as gate attempts on a test set, oldest first: those that were announced, and runs that gated."""
    return tuple(found for entry in entries if (found := _attempt(body_of(entry))) is not None)


def _attempt(body: Body) -> Attempt | None:
    if isinstance(body, AttemptBody):
        return body.attempt
    if not isinstance(body, RunBody) or body.attempt is None or not body.data_sha256 or not body.artifact_sha256:
        return None
    return Attempt(
        data_sha256=body.data_sha256,
        artifact_sha256=body.artifact_sha256,
        compressed=body.compressed,
        date=body.finished,
    )
