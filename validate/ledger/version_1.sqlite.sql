CREATE TABLE paritygate_version (version INTEGER NOT NULL)
;;
CREATE TABLE paritygate_entries (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    slices TEXT,
    record BLOB,
    prev_sha256 TEXT NOT NULL,
    sha256 TEXT NOT NULL
)
;;
CREATE INDEX paritygate_entries_subject ON paritygate_entries (subject)
;;
CREATE TRIGGER paritygate_no_update BEFORE UPDATE ON paritygate_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: entries are never changed');
END
;;
CREATE TRIGGER paritygate_no_delete BEFORE DELETE ON paritygate_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: entries are never deleted');
END
;;
CREATE TRIGGER paritygate_in_order BEFORE INSERT ON paritygate_entries
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM paritygate_entries)
    OR NEW.prev_sha256 <> coalesce(
        (SELECT sha256 FROM paritygate_entries ORDER BY seq DESC LIMIT 1),
        '0000000000000000000000000000000000000000000000000000000000000000'
    )
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: an entry follows the last one');
END
