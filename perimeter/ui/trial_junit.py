"""How tests ended, in the XML that build servers read: JUnit's, as Terraform writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from perimeter.diagnostics import Diagnostic, Severity
from perimeter.hcl.source import SourceFile
from perimeter.trial.results import FileResult, RunResult, Status, SuiteResult
from perimeter.ui.diagnostics_text import diagnostics_text

Sources = Mapping[str, SourceFile]


def junit_xml(result: SuiteResult) -> str:
    """The whole document."""
    suites = "".join(_suite(item, result.sources) for item in result.files)
    return f'<?xml version="1.0" encoding="UTF-8"?><testsuites>\n{suites}</testsuites>\n'


def _suite(file: FileResult, sources: Sources) -> str:
    def count(status: Status) -> int:
        return sum(run.status is status for run in file.runs)

    head = (
        f"  <testsuite name={quoteattr(_allowed(file.name))} tests={_number(len(file.runs))}"
        f" skipped={_number(count(Status.SKIP))} failures={_number(count(Status.FAIL))}"
        f" errors={_number(count(Status.ERROR))}>\n"
    )
    cases = "".join(_case(file.name, run, sources) for run in file.runs)
    errors = [item for left in file.left for item in left.diagnostics]
    ending = f"    <system-err>{_text(errors, sources)}</system-err>\n" if errors else ""
    return f"{head}{cases}{ending}  </testsuite>\n"


def _case(file: str, run: RunResult, sources: Sources) -> str:
    timing = ""
    if run.started is not None:
        stamp = run.started.strftime("%Y-%m-%dT%H:%M:%SZ")
        timing = f' time="{run.seconds:.9f}" timestamp="{stamp}"'
    head = (
        f"    <testcase name={quoteattr(_allowed(run.name))} classname={quoteattr(_allowed(file))}"
        f"{timing}>"
    )
    inner = _outcome(run, sources)
    return f"{head}\n{inner}    </testcase>\n" if inner else f"{head}</testcase>\n"


def _outcome(run: RunResult, sources: Sources) -> str:
    errors = [item for item in run.diagnostics if item.severity is Severity.ERROR]
    warnings = [item for item in run.diagnostics if item.severity is Severity.WARNING]
    inner = ""
    match run.status:
        case Status.SKIP:
            message = "Testcase skipped due to a previous testcase error"
            text = (
                f'Previous testcase "{run.skipped_by}" ended in error, which caused the remaining '
                "tests in the file to be skipped"
                if run.skipped_by
                else "Testing was interrupted"
            )
            inner = f"      <skipped message={quoteattr(message)}>{_cdata(text)}</skipped>\n"
        case Status.FAIL:
            what = "; ".join(run.failed)
            message = f"{len(run.failed)} of {run.assertions} assertions failed: {what}"
            inner = (
                f"      <failure message={quoteattr(_allowed(_redacted(message)))}>"
                f"{_text(errors, sources)}</failure>\n"
            )
        case Status.ERROR:
            inner = (
                f'      <error message="Encountered an error">{_text(errors, sources)}</error>\n'
            )
        case _:
            pass
    if warnings:
        inner += f"      <system-err>{_text(warnings, sources)}</system-err>\n"
    return inner


def _redacted(text: str) -> str:
    from perimeter.sdk.redact import SECRETS

    return SECRETS.redact(text)


def _text(found: Iterable[Diagnostic], sources: Sources) -> str:
    return _cdata(diagnostics_text(found, sources))


def _cdata(text: str) -> str:
    return f"<![CDATA[{_allowed(text).replace(']]>', ']]]]><![CDATA[>')}]]>"


def _allowed(text: str) -> str:
    """The text without what XML 1.0 cannot hold."""
    return "".join(
        letter
        if letter in "\t\n\r"
        or " " <= letter <= "\ud7ff"
        or "\ue000" <= letter <= "\ufffd"
        or letter > "\uffff"
        else "\ufffd"
        for letter in text
    )


def _number(count: int) -> str:
    return f'"{escape(str(count))}"'
