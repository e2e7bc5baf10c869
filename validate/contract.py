"""The data contract: Great Expectations' expectations, run before any model."""

from dataclasses import dataclass

from validate.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class ContractResult:
    """One expectation of the data contract."""

    expectation: str  # "expect_column_values_to_not_be_null"
    subject: str  # the column, or "" for the table
    outcome: Outcome  # PASS | FAIL (does not hold) | ERROR (could not be evaluated)
    reason: str
