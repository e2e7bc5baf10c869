"""What a run did not measure or try, by what its record does not hold."""

from collections.abc import Iterator

from validate.evidence import EvidenceRecord


def untested(record: EvidenceRecord) -> Iterator[str]:
    """A sentence for each condition that this run says nothing about, with the reason."""
    if not record.comparisons:
        yield "Any slice: the run ended before answers were compared."
    if not record.contract:
        yield "The form of the data: no data contract was declared or evaluated."
    if record.edge_cases is None:
        yield "Inputs that are damaged, unusual or shifted: no edge-case set was declared or reached."
    if record.run.cost is None or not record.run.cost.measured:
        yield "Time and memory of an answer: not measured in this run."
    if record.profile is None:
        yield "What is stored in the two models, tensor by tensor: no model was opened."
    if record.noise_floor is None:
        yield "How much the dense model’s answers differ between two runs of itself: not measured in this run."
    if record.discovery is None:
        yield "Slices that nobody declared: not searched for in this run."
    if not record.populations:
        yield "Other trainings of the same models: each side is one set of weights."
    if record.data is not None and record.data.clusters is None:
        yield "Dependence between examples: no clusters were declared."
    yield "The machine and the software of the place of use: not declared."
