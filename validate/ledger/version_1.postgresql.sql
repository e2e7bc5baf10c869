CREATE TABLE paritygate_version (version INTEGER NOT NULL)
;;
CREATE TABLE paritygate_entries (
    seq BIGINT PRIMARY KEY,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    slices TEXT,
    record BYTEA,
    prev_sha256 TEXT NOT NULL,
    sha256 TEXT NOT NULL
)
;;
CREATE INDEX paritygate_entries_subject ON paritygate_entries (subject)
;;
CREATE FUNCTION paritygate_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: entries are never changed or deleted';
END
$$
;;
CREATE FUNCTION paritygate_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_seq BIGINT;
    last_sha256 TEXT;
BEGIN
    SELECT seq, sha256 INTO last_seq, last_sha256 FROM paritygate_entries ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(last_seq, 0) + 1 OR NEW.prev_sha256 <> coalesce(last_sha256, repeat('0', 64)) THEN
        RAISE EXCEPTION 'the ledger is append-only: an entry follows the last one';
    END IF;
    RETURN NEW;
END
$$
;;
CREATE TRIGGER paritygate_no_update BEFORE UPDATE ON paritygate_entries
    FOR EACH STATEMENT EXECUTE FUNCTION paritygate_refuse()
;;
CREATE TRIGGER paritygate_no_delete BEFORE DELETE OR TRUNCATE ON paritygate_entries
    FOR EACH STATEMENT EXECUTE FUNCTION paritygate_refuse()
;;
CREATE TRIGGER paritygate_in_order BEFORE INSERT ON paritygate_entries
    FOR EACH ROW EXECUTE FUNCTION paritygate_follow()
