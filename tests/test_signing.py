"""What was signed is verified with its key, and with nothing else."""

import subprocess

import pytest

from tests.small_runs import small_run
from validate import cli
from validate.exports.checksums import SIGNATURE
from validate.verification import verify


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    small_run(folder / "suite", folder / "out", n=600)
    for name in ("a", "b"):
        openssl("genpkey", "-algorithm", "ed25519", "-out", folder / f"{name}.pem")
        openssl("pkey", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.pub")
    openssl("pkey", "-in", folder / "a.pem", "-aes256", "-passout", "pass:secret", "-out", folder / "locked.pem")
    openssl("genpkey", "-algorithm", "x25519", "-out", folder / "other.pem")
    return folder


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def test_signed_evidence_is_verified_and_any_flipped_byte_found(made, monkeypatch, capsys):
    out, key, ledger = made / "out", made / "a.pub", str(made / "ledger.db")
    assert any("SHA256SUMS: not signed" in text for text in verify(out).not_shown)
    assert verify(out, [key]).exit_code == 1
    monkeypatch.setenv("PARITYGATE_PASSPHRASE", "secret")
    assert cli.main(["sign", str(out), "--key", str(made / "locked.pem"), "--ledger", ledger]) == 0
    assert capsys.readouterr().out.count(", signature, ") == 2
    assert (verify(out, [key]).exit_code, verify(out).exit_code) == (0, 0)
    assert any("signed, not checked" in text for text in verify(out).not_shown)
    wrong = verify(out, [made / "b.pub"]).wrong
    assert [text.split(":")[0] for text in wrong] == [SIGNATURE, f"bad/{SIGNATURE}", f"good/{SIGNATURE}"]
    path = out / "good" / SIGNATURE
    whole = path.read_bytes()
    for place in range(0, len(whole), 23):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert verify_signature(out, key), place
    path.unlink()
    assert verify(out, [key]).wrong == (f"good/{SIGNATURE}: is missing: not signed",)


def verify_signature(out, key):
    from validate.envelopes import fault, public_key

    return fault((out / "good" / SIGNATURE).read_bytes(), (out / "good" / "SHA256SUMS").read_bytes(), [public_key(key)])


@pytest.mark.parametrize(
    ("key", "told"),
    [("locked.pem", "is encrypted"), ("other.pem", "Ed25519"), ("a.pub", "PEM"), ("none", "cannot be read")],
)
def test_what_cannot_sign_is_refused(made, key, told, capsys, monkeypatch):
    monkeypatch.delenv("PARITYGATE_PASSPHRASE", raising=False)
    assert cli.main(["sign", str(made / "out"), "--key", str(made / key)]) == 2
    assert told in capsys.readouterr().err
