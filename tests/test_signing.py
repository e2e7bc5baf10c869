"""What was signed is verified with the keys of those who signed it, and with nothing else."""

import base64
import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from tests.small_runs import small_run
from validate import cli
from validate.envelopes import fault, private_key, public_key, signed_with
from validate.errors import SuiteError
from validate.exports.checksums import NAME, SIGNATURE, checksums, read_checksums
from validate.verification import verify

DECIDE = ["--compressed", "good", "--by", "A. Lind", "--role", "owner", "--decision", "go"]
ALL = [SIGNATURE, f"bad/{SIGNATURE}", f"good/{SIGNATURE}"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed")
    small_run(folder / "suite", folder / "out", n=600)
    for name in ("author", "approver"):
        openssl("genpkey", "-algorithm", "ed25519", "-out", folder / f"{name}.pem")
        openssl("pkey", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.pub")
    openssl("pkey", "-in", folder / "author.pem", "-aes256", "-passout", "pass:secret", "-out", folder / "locked.pem")
    openssl("genpkey", "-algorithm", "x25519", "-out", folder / "x25519.pem")
    openssl("genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out", folder / "rsa.pem")
    openssl("pkey", "-in", folder / "rsa.pem", "-pubout", "-out", folder / "rsa.pub")
    for name in ("author.pem", "locked.pem", "author.pub"):
        content = (folder / name).read_bytes()
        (folder / f"short-{name}").write_bytes(content[: len(content) * 2 // 3])
    return folder


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def out(made, tmp_path):
    return shutil.copytree(made / "out", tmp_path / "out")


def sign(out, key):
    assert cli.main(["sign", str(out), "--key", str(key)]) == 0


def test_signed_evidence_is_verified_and_any_flipped_byte_found(made, out, monkeypatch, capsys):
    key, ledger = made / "author.pub", str(out.parent / "ledger.db")
    assert "not signed: none of the folders" in verify(out).not_shown
    assert verify(out, [key]).wrong == tuple(f"{name}: is missing: not signed" for name in ALL)
    monkeypatch.setenv("PARITYGATE_PASSPHRASE", "secret")
    assert cli.main(["sign", str(out), "--key", str(made / "locked.pem"), "--ledger", ledger]) == 0
    told = capsys.readouterr().out
    assert told.count(", signature, ") == 2
    assert told.count("SHA256SUMS.dsse.json: 1 signature\n") == 3
    found = verify(out, [key])
    assert (found.wrong, found.exit_code) == ((), 0)
    assert any(text.startswith("signed with author.pub, key ") for text in found.held)
    wrong = verify(out, [made / "approver.pub"]).wrong
    assert wrong == tuple(f"{name}: is not signed with approver.pub, or was changed" for name in ALL)
    path = out / "good" / SIGNATURE
    whole, sums, public = path.read_bytes(), (out / "good" / NAME).read_bytes(), public_key(key)
    for place in range(0, len(whole), 23):
        flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        assert fault(flipped, sums) or not signed_with(flipped, public), place
    path.unlink()
    assert verify(out, [key]).wrong == (f"good/{SIGNATURE}: is missing: not signed",)
    assert f"not signed: good/{NAME}" in verify(out).not_shown


def test_without_a_key_an_envelope_is_told_to_be_unverified_and_by_whose_key(made, out):
    sign(out, made / "author.pem")
    found = verify(out)
    assert (found.wrong, found.exit_code) == ((), 0)
    (told,) = (text for text in found.not_shown if "signature" in text)
    assert told.startswith("3 signatures said to be of key ")
    assert public_key(made / "author.pub").keyid in told
    assert "not checked; name the public key with --key" in told


def test_several_signers_sign_the_same_sums_and_each_key_is_demanded(made, out):
    author, approver = made / "author.pub", made / "approver.pub"
    sign(out, made / "author.pem")
    assert verify(out, [author, approver]).exit_code == 1
    sign(out, made / "approver.pem")
    sign(out, made / "author.pem")  # a second time: no third signature
    assert len(json.loads((out / SIGNATURE).read_bytes())["signatures"]) == 2
    found = verify(out, [author, approver])
    assert (found.wrong, len([text for text in found.held if text.startswith("signed with")])) == ((), 2)
    (told,) = (text for text in verify(out, [author]).not_shown if "signature" in text)
    assert public_key(approver).keyid in told


def test_one_key_in_two_files_is_one_signer(made, out, tmp_path, capsys):
    shutil.copy(made / "author.pub", tmp_path / "approver.pub")
    sign(out, made / "author.pem")
    keys = ["--key", str(made / "author.pub"), "--key", str(tmp_path / "approver.pub")]
    assert cli.main(["verify", str(out), *keys]) == 2
    assert "must be the key of another signer (found 'that of " in capsys.readouterr().err


def test_a_signature_on_other_sums_has_lapsed(made, out):
    sign(out, made / "author.pem")
    (out / "notes.txt").write_text("mine")
    (out / NAME).write_bytes(checksums(out, [*read_checksums(out), "notes.txt"]))
    lapsed = f"{SIGNATURE}: has lapsed: the sums changed since it was signed; sign again"
    for keys in ([], [made / "author.pub"]):
        found = verify(out, keys)
        assert (found.wrong, found.exit_code) == ((lapsed,), 1)
    sign(out, made / "approver.pem")
    assert verify(out, [made / "approver.pub"]).exit_code == 0
    assert len(json.loads((out / SIGNATURE).read_bytes())["signatures"]) == 1  # the author signed something else


@pytest.fixture(scope="module")
def signed(made, tmp_path_factory):
    folder = shutil.copytree(made / "out", tmp_path_factory.mktemp("once") / "out")
    sign(folder, made / "author.pem")
    return folder


def envelope(out, **changed):
    return json.dumps(json.loads((out / SIGNATURE).read_bytes()) | changed, indent=1).encode() + b"\n"


@pytest.mark.parametrize(
    "garbage",
    [
        lambda _: b"",
        lambda _: b"{}",
        lambda _: b"[" * 100_000,
        lambda _: b"\xff\xfe",
        lambda out: (out / SIGNATURE).read_bytes()[:-20],
        lambda out: (out / SIGNATURE).read_bytes() + b"\n",
        lambda out: envelope(out, signatures=[]),
        lambda out: envelope(out, signatures=None),
        lambda out: envelope(out, signatures=2 * json.loads((out / SIGNATURE).read_bytes())["signatures"]),
        lambda out: envelope(out, signatures=[{"keyid": 3, "sig": "AAAA"}]),
        lambda out: envelope(out, more="and more"),
        lambda out: envelope(out, payloadType="application/vnd.in-toto+json"),
        lambda out: envelope(out, payload=base64.b64encode((out / NAME).read_bytes()).decode() + "\n"),
    ],
)
def test_what_is_no_envelope_is_told(made, signed, garbage):
    assert fault(garbage(signed), (signed / NAME).read_bytes()).startswith("is no signed envelope: ")


def test_what_is_no_envelope_is_found_with_and_without_a_key_and_never_signed_over(made, out, capsys):
    (out / SIGNATURE).write_bytes(b"{}")
    for keys in ([], [made / "author.pub"]):
        assert verify(out, keys).wrong[0].startswith(f"{SIGNATURE}: is no signed envelope: ")
    assert cli.main(["sign", str(out), "--key", str(made / "approver.pem")]) == 4
    assert "remove it, then sign" in capsys.readouterr().err
    assert (out / SIGNATURE).read_bytes() == b"{}"


def test_a_decision_after_the_signature_removes_it_and_says_so(made, out, capsys):
    sign(out, made / "author.pem")
    assert cli.main(["decide", str(out), *DECIDE]) == 0
    told = capsys.readouterr().err
    assert f"removed {out / SIGNATURE}, {out / 'good' / SIGNATURE}: what was signed has been replaced" in told
    assert not (out / SIGNATURE).exists()
    assert (out / "bad" / SIGNATURE).exists()  # nothing about it changed
    found = verify(out)
    assert f"not signed: {NAME}, good/{NAME}" in found.not_shown
    assert found.wrong == ()
    assert verify(out, [made / "author.pub"]).exit_code == 1
    sign(out, made / "author.pem")
    assert verify(out, [made / "author.pub"]).wrong == ()


def test_a_new_run_removes_the_signatures_of_the_old_one_and_says_so(made, tmp_path, capsys):
    run = ["run", str(made / "suite"), "--out", str(tmp_path / "out")]
    assert cli.main(run) == 1
    sign(tmp_path / "out", made / "author.pem")
    capsys.readouterr()
    assert cli.main([*run, "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["exit_code"] == 1
    assert told.err.count(SIGNATURE) == 3
    assert not list((tmp_path / "out").rglob(SIGNATURE))
    assert verify(tmp_path / "out").exit_code == 0


def test_a_report_that_comes_out_the_same_leaves_signatures_alone(made, out, capsys):
    sign(out, made / "author.pem")
    assert cli.main(["report", str(out)]) == 0
    assert "removed" not in capsys.readouterr().err
    assert verify(out, [made / "author.pub"]).exit_code == 0


def test_evidence_that_does_not_hold_is_not_signed(made, out, capsys):
    (out / "summary.md").write_text("kinder")
    assert cli.main(["sign", str(out), "--key", str(made / "author.pem")]) == 4
    assert "the evidence does not hold, nobody can sign it" in capsys.readouterr().err
    assert not list(out.rglob(SIGNATURE))


@pytest.mark.parametrize(
    ("key", "passphrase", "told"),
    [
        ("locked.pem", None, "is encrypted: set the variable PARITYGATE_PASSPHRASE"),
        ("locked.pem", "wrong", "cannot be opened with this passphrase"),
        ("locked.pem", "", "cannot be opened with this passphrase"),
        ("short-locked.pem", "secret", "must be an Ed25519 private key in PEM form"),
        ("short-author.pem", None, "must be an Ed25519 private key in PEM form"),
        ("x25519.pem", None, "must be an Ed25519 private key (found 'X25519PrivateKey')"),
        ("rsa.pem", None, "must be an Ed25519 private key (found 'RSAPrivateKey')"),
        ("author.pub", None, "must be an Ed25519 private key in PEM form (found 'a public key')"),
        ("nowhere.pem", None, "cannot be read: No such file or directory"),
        (".", None, "cannot be read: Is a directory"),
    ],
)
def test_what_cannot_sign_is_refused(made, key, passphrase, told, monkeypatch):
    monkeypatch.delenv("PARITYGATE_PASSPHRASE", raising=False)
    if passphrase is not None:
        monkeypatch.setenv("PARITYGATE_PASSPHRASE", passphrase)
    with pytest.raises(SuiteError) as caught:
        private_key(made / key)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_key_that_cannot_sign_leaves_nothing_behind(made, out, capsys):
    assert cli.main(["sign", str(out), "--key", str(made / "rsa.pem")]) == 2
    assert "rsa.pem: must be an Ed25519 private key" in capsys.readouterr().err
    assert not list(out.rglob(SIGNATURE))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (
            "author.pem",
            "must be an Ed25519 public key in PEM form: openssl pkey -in PRIVATE.pem -pubout (found 'a private",
        ),
        ("short-author.pub", "must be an Ed25519 public key in PEM form"),
        ("rsa.pub", "must be an Ed25519 public key (found 'RSAPublicKey')"),
        ("nowhere.pub", "cannot be read"),
    ],
)
def test_what_cannot_verify_is_refused(made, key, told):
    with pytest.raises(SuiteError) as caught:
        public_key(made / key)
    assert told in str(caught.value)


def test_a_wrong_kind_of_key_is_wrong_usage(made, out, capsys):
    assert cli.main(["verify", str(out), "--key", str(made / "author.pem")]) == 2
    assert "author.pem: must be an Ed25519 public key" in capsys.readouterr().err


# opening the terminal by its name makes it the one that passphrases are asked on
_ON_TERMINAL = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, sys.argv[1:])"


@pytest.mark.parametrize(("typed", "code"), [("secret", 0), ("wrong", 2)])
def test_the_passphrase_is_asked_on_the_terminal_and_not_shown(made, out, typed, code):
    primary, terminal = pty.openpty()
    command = [sys.executable, "-m", "validate.cli", "sign", str(out), "--key", str(made / "locked.pem")]
    environment = {name: value for name, value in os.environ.items() if name != "PARITYGATE_PASSPHRASE"}
    with subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *command],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env=environment,
    ) as process:
        os.close(terminal)
        shown = b""
        while b"Passphrase of " not in shown:
            shown += os.read(primary, 1024)
        os.write(primary, f"{typed}\n".encode())
        try:
            while more := os.read(primary, 1024):
                shown += more
        except OSError:  # how Linux tells that the other end was closed
            pass
        assert process.wait(120) == code
    os.close(primary)
    assert typed.encode() not in shown.replace(b"locked.pem", b"")
    assert verify(out).not_shown[-1].startswith("3 signatures" if code == 0 else "not signed")


def test_what_a_signature_is_shows_without_the_packages_that_sign(made, out):
    sign(out, made / "author.pem")
    code = (
        "import sys; sys.modules.update(cryptography=None, securesystemslib=None)\n"
        "from validate.cli import main\n"
        f"assert main(['verify', {str(out)!r}]) == 0\n"
        f"assert main(['verify', {str(out)!r}, '--key', {str(made / 'author.pub')!r}]) == 2"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "not checked; name the public key" in " ".join(done.stdout.split())
    assert "pip install 'paritygate[sign]'" in done.stderr
