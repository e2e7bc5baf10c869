"""What the command `sign` does: sign evidence that holds, beside those who signed it before, and tell the ledger."""

from datetime import UTC, datetime
from pathlib import Path

from validate import bookkeeping, envelopes
from validate.commands import print_text
from validate.errors import OutputError
from validate.exports.checksums import NAME, SIGNATURE
from validate.exports.files import changing, read_records, write_text
from validate.ledger import database
from validate.verification import verify
from validate.wording import plural


def sign(folder: Path, key: Path, *, ledger: str | None) -> None:
    """Sign the list of sums of each folder of a run, once the evidence was verified."""
    signer = envelopes.private_key(key)
    found = verify(folder, None)
    if found.exit_code:
        raise OutputError(
            str(folder), "the evidence does not hold, nobody can sign it", (*found.wrong, *found.unreadable)[0]
        )
    records = read_records(folder)
    places = [*(folder / record.compressed_name for record in records), folder]
    told: list[str] = []
    earlier = {place: _earlier(place) for place in places}
    if ledger is not None:
        database.open_ledger(ledger)  # before anything is written
    with changing(records, folder) as stage:
        for place in places:
            content = envelopes.signed((place / NAME).read_bytes(), signer, earlier[place])
            write_text(stage / place.relative_to(folder) / SIGNATURE, content.decode())
            told.append(f"{place / SIGNATURE}: {plural(len(envelopes.keyids(content)), 'signature')}")
    print_text("\n".join(told))
    if ledger is not None:
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        for entry in bookkeeping.enter_signature(ledger, records, signer.public_key.keyid, day):
            print_text(f"ledger entry {entry.seq}, {entry.kind}, {entry.sha256}")


def _earlier(place: Path) -> bytes | None:
    """The envelope that others have signed; OutputError for a file that is none, lest it be lost."""
    path = place / SIGNATURE
    content = path.read_bytes() if path.is_file() else None
    if content is not None and (fault := envelopes.fault(content, (place / NAME).read_bytes())) not in {
        "",
        envelopes.LAPSED,
    }:
        raise OutputError(str(path), f"{fault}; remove it, then sign")
    return content
