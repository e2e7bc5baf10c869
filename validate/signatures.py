"""Who signed a run's lists of sums: what shows without a key, and what each key that is given says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from validate import envelopes
from validate.exports.checksums import NAME, SIGNATURE
from validate.wording import plural


@dataclass(frozen=True, kw_only=True)
class Signatures:
    """What was found about the signatures of a run."""

    wrong: tuple[str, ...]  # by file: what is not as it should be
    held: tuple[str, ...]
    not_shown: tuple[str, ...]


def check_signatures(folder: Path, models: Sequence[str], keys: Sequence[Path]) -> Signatures:
    """Whether each list of sums is signed with every key; an envelope of other sums, or none at all, shows without one.

    Raises:
        SuiteError: a key that cannot be used, or is given twice: that would be one signer, not two.
    """
    known = envelopes.public_keys(keys)
    places = [prefix for prefix in ("", *(f"{name}/" for name in models)) if (folder / prefix / NAME).is_file()]
    found = {prefix: (folder / prefix / SIGNATURE) for prefix in places}
    there = {prefix: path.read_bytes() for prefix, path in found.items() if path.is_file()}
    faults = {
        prefix: fault
        for prefix, content in there.items()
        if (fault := envelopes.fault(content, (folder / prefix / NAME).read_bytes()))
    }
    wrong = [f"{prefix}{SIGNATURE}: {fault}" for prefix, fault in faults.items()]
    whole = {prefix: content for prefix, content in there.items() if prefix not in faults}
    absent = [prefix for prefix in places if prefix not in there]
    if known:
        wrong += [f"{prefix}{SIGNATURE}: is missing: not signed" for prefix in absent]
        absent = []
    held = []
    for keyid, (path, key) in known.items():
        without = [prefix for prefix, content in whole.items() if not envelopes.signed_with(content, key)]
        wrong += [f"{prefix}{SIGNATURE}: is not signed with {path.name}, or was changed" for prefix in without]
        if not without and len(whole) == len(places):
            held.append(f"signed with {path.name}, key {keyid}")
    return Signatures(
        wrong=tuple(wrong), held=tuple(held), not_shown=(*_unsigned(absent, places), *_others(whole, known))
    )


def _unsigned(absent: Sequence[str], places: Sequence[str]) -> list[str]:
    if not absent:
        return []
    return [f"not signed: {'none of the folders' if len(absent) == len(places) else _lists(absent)}"]


def _others(whole: Mapping[str, bytes], known: Mapping[str, object]) -> list[str]:
    """Signatures of keys that nobody gave."""
    named: dict[str, list[str]] = {}
    for prefix, content in whole.items():
        for keyid in envelopes.keyids(content):
            if keyid not in known:
                named.setdefault(keyid, []).append(prefix)
    return [
        f"{plural(len(prefixes), 'signature')} said to be of key {keyid}: not checked; name the public key with --key"
        for keyid, prefixes in named.items()
    ]


def _lists(prefixes: Sequence[str]) -> str:
    return ", ".join(f"{prefix}{NAME}" for prefix in prefixes)
