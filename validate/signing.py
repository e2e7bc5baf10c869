"""What the command `sign` does: sign evidence that holds, and tell the ledger."""

from datetime import UTC, datetime
from pathlib import Path

from validate import bookkeeping, envelopes
from validate.commands import print_text
from validate.errors import OutputError
from validate.exports.checksums import NAME, SIGNATURE
from validate.exports.files import read_records, write_text
from validate.ledger import database
from validate.verification import verify


def sign(folder: Path, key: Path, *, ledger: str | None) -> None:
    """Sign the list of sums of each folder of a run, once the evidence was verified."""
    signer = envelopes.private_key(key)
    found = verify(folder, None)
    if found.exit_code:
        raise OutputError(
            str(folder), "the evidence does not hold, nobody can sign it", (*found.wrong, *found.unreadable)[0]
        )
    records = read_records(folder)
    if ledger is not None:
        database.open_ledger(ledger)  # before anything is written
    for place in (*(folder / record.compressed_name for record in records), folder):
        content = envelopes.signed((place / NAME).read_bytes(), signer)
        print_text(str(write_text(place / SIGNATURE, content.decode())))
    if ledger is not None:
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        for entry in bookkeeping.enter_signature(ledger, records, signer.public_key.keyid, day):
            print_text(f"ledger entry {entry.seq}, {entry.kind}, {entry.sha256}")
