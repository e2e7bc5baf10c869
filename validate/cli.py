"""The `paritygate` command: its arguments, and the one place where errors become messages and exit codes.

Whatever is slow to import is imported inside the commands, so that `--help` answers at once.
"""

import io
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from validate.errors import ParitygateError, SuiteError

UNEXPECTED = 4
INTERRUPTED = 130
MODEL_THREAD = "paritygate-model"  # in which `answers` lets a model compute

app = typer.Typer(
    help="The release gate for compressed models: does it still work, for everyone it worked for before?\n\n"
    "Exit codes: 0 passed, 1 failed, 2 wrong usage, suite or policy, 3 inconclusive, 4 could not be evaluated.",
    add_completion=False,
    rich_markup_mode=None,  # importing rich takes half of the time that --help may take
    pretty_exceptions_enable=False,
)

SuiteName = Annotated[str, typer.Argument(metavar="SUITE", help="A suite file, its folder, or a shipped suite.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the evidence [default: paritygate-out/<suite>].")]
Ledger = Annotated[
    str | None, typer.Option(metavar="URL", envvar="PARITYGATE_LEDGER", help="The ledger: a file or a database URL.")
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; an error is a message on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a pipe that cannot write "≥" is no reason to lose a verdict
    try:
        return app(args=arguments, prog_name="paritygate", standalone_mode=False) or 0
    except typer.TyperException as error:
        print(f"paritygate: {error.format_message()}\nTry 'paritygate --help'.", file=sys.stderr)
        return SuiteError.exit_code
    except ParitygateError as error:
        print(f"paritygate: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except (
        Exception,
        SystemExit,
    ) as error:  # a crash, or code that exits by itself, must not look like a pass
        return _unexpected(error)


@app.callback(invoke_without_command=True)
def face(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Answer `--version`, and a bare `paritygate` with the help."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"paritygate {installed('paritygate')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(SuiteError.exit_code)


@app.command()
def run(
    suite: SuiteName,
    *,
    compressed: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Judge only this; repeatable.")] = None,
    out: Out = None,
    report_only: Annotated[bool, typer.Option("--report-only", help="Write the evidence, but exit 0 anyway.")] = False,
    allow_pickle: Annotated[bool, typer.Option("--allow-pickle", help="Open pickled models: they run code.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask every model again.")] = False,
    ledger: Ledger = None,
    cost: Annotated[bool, typer.Option("--cost", help="Also time both models on this machine.")] = False,
    as_json: AsJson = False,
) -> int:
    """Judge a suite's compressed models; exit with the verdict."""
    from validate import commands

    asked = commands.Run(
        suite=suite,
        compressed=tuple(compressed or ()),
        out=out,
        report_only=report_only,
        use_cache=not no_cache,
        allow_pickle=allow_pickle,
        ledger=ledger,
        cost=cost,
    )
    return commands.run(asked, as_json=as_json)


@app.command()
def plan(
    suite: SuiteName,
    churn: Annotated[
        float | None, typer.Option(help="Share of examples that flip, as you expect it [default: 0.02].")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Or as an earlier run's evidence saw it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the slices, and which are large enough to pass."""
    from validate import commands

    commands.plan(suite, churn=churn, earlier=earlier, as_json=as_json)


@app.command()
def discover(
    suite: SuiteName,
    *,
    compressed: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Search only this; repeatable.")] = None,
    aim: Annotated[
        str | None, typer.Option(help="excess, net, losses, brier, log_loss, mae or mse [default: the suite's].")
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Combine up to so many values, 1 to 3.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the slices found, as TOML.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find damaged slices that nobody declared."""
    from validate import commands

    asked = commands.Search(suite=suite, compressed=tuple(compressed or ()), aim=aim, depth=depth, out=out)
    commands.discover(asked, as_json=as_json)


@app.command()
def sweep(
    suite: SuiteName,
    *,
    compressed: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Judge only this; repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder [default: paritygate-out/<suite>-sweep].")] = None,
    method: Annotated[
        str | None, typer.Option(help="Compress now: magnitude, layer, random, heads or neurons.")
    ] = None,
    levels: Annotated[str | None, typer.Option(metavar="PERCENT,…", help="Take away so much, as 30,50,70.")] = None,
    rounds: Annotated[int | None, typer.Option(help="Steps on the way to each level.")] = None,
    scheme: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Also int8-dynamic, int8-weights, int4-weights.")
    ] = None,
    group: Annotated[int | None, typer.Option(help="Inputs that share a scale in int4-weights.")] = None,
    no_forecast: Annotated[bool, typer.Option("--no-forecast", help="Leave out what was foretold.")] = False,
    allow_pickle: Annotated[bool, typer.Option("--allow-pickle", help="Open pickled models: they run code.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask every model again.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show how far compression can go before someone is hurt."""
    from validate import making, sweeping

    asked = sweeping.Asked(
        suite=suite,
        compressed=tuple(compressed or ()),
        out=out,
        use_cache=not no_cache,
        allow_pickle=allow_pickle,
        forecast=not no_forecast,
        wanted=making.Wanted(method=method, levels=levels, rounds=rounds, schemes=scheme, group=group),
    )
    return sweeping.run(asked, as_json=as_json)


@app.command()
def forecast(
    suite: SuiteName,
    *,
    no_gradients: Annotated[bool, typer.Option("--no-gradients", help="Only what scores tell: quicker.")] = False,
    allow_pickle: Annotated[bool, typer.Option("--allow-pickle", help="Open pickled models: they run code.")] = False,
    as_json: AsJson = False,
) -> None:
    """Order slices by risk, from the dense model alone."""
    from validate import forecasting

    forecasting.run(suite, gradients=not no_gradients, allow_pickle=allow_pickle, as_json=as_json)


@app.command("edge-cases")
def edge_cases(
    suite: SuiteName, out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("edge-cases.html")
) -> None:
    """Write a sheet that shows what each edge-case set looks like."""
    from validate import commands

    commands.edge_cases(suite, out)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an earlier run.")],
    *,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also as a tagged PDF; needs Chromium or Chrome.")] = False,
) -> None:
    """Write the report again from an earlier run's evidence."""
    from validate import commands

    commands.report(folder, pdf=pdf)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an earlier run.")],
    key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Public key of a signature; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Check a run's evidence; exit 1 if anything was changed."""
    from validate import commands

    return commands.verify(folder, key or (), as_json=as_json)


@app.command()
def sign(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")],
    *,
    key: Annotated[Path, typer.Option(metavar="FILE", help="Ed25519 private key, PEM.")],
    ledger: Ledger = None,
) -> None:
    """Sign a run's evidence, after the decision."""
    from validate import signing

    signing.sign(folder, key, ledger=ledger)


@app.command()
def decide(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")],
    *,
    decision: Annotated[str, typer.Option(metavar="WORD", help="go, conditional or no-go.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides.")],
    role: Annotated[str, typer.Option(metavar="ROLE", help="In which role.")],
    compressed: Annotated[str | None, typer.Option(metavar="NAME", help="On which model, of several.")] = None,
    condition: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="Repeatable.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="DATE", help="Its last day, as in 2027-03-31.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Needed against the verdict.")] = "",
    ledger: Ledger = None,
) -> None:
    """Record a person's decision beside the evidence."""
    from validate import history as book
    from validate.decisions import Decision

    made = Decision(
        decision=book.answer(decision),
        by=book.stated("--by", by),
        role=book.stated("--role", role),
        date=book.today(),
        conditions=tuple(book.stated("--condition", one) for one in condition or ()),
        expires=book.day(expires),
        reason=reason,
    )
    book.record_decision(folder, made, compressed=compressed, ledger=ledger)


@app.command()
def history(
    *,
    ledger: Ledger = None,
    suite: Annotated[str | None, typer.Option(metavar="NAME", help="Only this suite's runs.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it, as one HTML file.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Whether anything was changed; exit 1 if so.")] = False,
    head: Annotated[str | None, typer.Option(metavar="HASH", help="Check that this entry is there.")] = None,
    append: Annotated[Path | None, typer.Option(metavar="DIR", help="Enter a run it does not hold yet.")] = None,
    as_json: AsJson = False,
) -> int:
    """Show a ledger: runs, verdicts, trends, attempts."""
    from validate import history as book

    asked = book.Asked(ledger=ledger, suite=suite, html=html, append=append, head=head)
    return book.history(asked, check=check, as_json=as_json)


@app.command()
def verdict(folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an earlier run.")]) -> None:
    """Print an earlier run's verdict, of its worst model."""
    from validate import commands

    commands.verdict(folder)


@app.command()
def check(
    suites: Annotated[list[str], typer.Argument(metavar="SUITE", help="Suite files, their folders or shipped suites.")],
) -> int:
    """Read suite files and list every mistake; runs no model."""
    from validate import commands

    return commands.check(suites)


@app.command()
def suites() -> None:
    """List the suites that came with this installation."""
    import tomllib

    from validate.places import shipped_suites, suites_dir

    for name in shipped_suites():
        file = suites_dir() / name / "suite.toml"
        system = tomllib.loads(file.read_text(encoding="utf-8")).get("release", {}).get("system", "")
        typer.echo(f"{name:<16}{system:<28}{file.parent}")


@app.command()
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")]) -> None:
    """Write a small suite that runs as it is, to be made your own."""
    from validate.starter import create

    create(folder)
    typer.echo(f"Ready to judge:      paritygate run {folder}")
    typer.echo(f"Then make it yours:  {folder / 'README.md'}")


@app.command()
def schema(
    results: Annotated[bool, typer.Option("--results", help="Of results.json instead of the suite file.")] = False,
) -> None:
    """Print the JSON Schema of the suite file, for editors."""
    import json

    if results:
        from validate.evidence import json_schema as described
    else:
        from validate.suite_file import schema as described
    typer.echo(json.dumps(described(), indent=2, ensure_ascii=False))


@app.command()
def demo(out: Out = None) -> int:
    """Judge the shipped census models; exit 0 when that worked."""
    from validate import commands

    return commands.demo(out)


def command() -> None:
    """Run the command line and end the process with its exit code, also while a model that was given up still computes.

    Such a model's thread may be deep in compiled code, where an ordinary end of the process would abort it.
    """
    code = main()
    if any(thread.name == MODEL_THREAD for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def _unexpected(error: BaseException) -> int:
    """Say in one line what happened, and keep the traceback in a file."""
    if any(isinstance(cause, KeyboardInterrupt) for cause in _causes(error)):
        return INTERRUPTED  # the interrupted import of a compiled package surfaces as another error
    if isinstance(error.__context__, BrokenPipeError):
        return 0  # typer's own way out when the reader of a help page went away
    text = "".join(traceback.format_exception(error))
    if os.environ.get("PARITYGATE_DEBUG"):
        print(text, file=sys.stderr)
    with tempfile.NamedTemporaryFile("w", prefix="paritygate-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(text)
    print(f"paritygate: unexpected: {type(error).__name__}: {error} (traceback: {file.name})", file=sys.stderr)
    return UNEXPECTED


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    command()
