from __future__ import annotations

import json

import pytest

from scones_local.chaos.faultplan import CONTROL, EVERYTHING, LEAST_UPLOADS, PHASES, divide
from scones_local.chaos.nightmares import NIGHTMARES
from scones_local.chaos.uploading import forms_of
from scones_local.faults import ENDPOINT_FAULTS, ENGINE_FAULTS, read_plan


@pytest.mark.parametrize("uploads", [LEAST_UPLOADS, 1_000, 10_001])
def test_every_phase_gets_uploads_and_together_they_are_all(uploads: int) -> None:
    counts = divide(uploads, PHASES)
    assert sum(counts) == uploads
    assert min(counts) > 0
    assert all(count <= phase.at_most for count, phase in zip(counts, PHASES, strict=True))


def test_the_stack_knows_every_fault_that_is_planned() -> None:
    for phase in PHASES:
        assert read_plan(json.dumps(phase.shares).encode()) == phase.shares
        assert set(phase.nightmares) <= NIGHTMARES.keys()
        assert set(phase.hopeless) <= set(phase.errors)


def test_every_fault_that_the_stack_knows_is_planned_alone_and_with_all_others() -> None:
    *singles, everything = PHASES
    assert (singles[0].name, singles[0].shares, everything.name) == (CONTROL, {}, EVERYTHING)
    planned = [{name.partition(":")[0] for name in phase.shares} for phase in singles]
    for fault in (*ENGINE_FAULTS, *ENDPOINT_FAULTS):
        assert any(fault in names for names in planned)
        assert any(name.startswith(fault) for name in everything.shares)


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_the_forms_of_a_phase_come_to_as_many_uploads_as_it_has(count: int) -> None:
    for phase in PHASES:
        forms = list(forms_of(phase, count))
        assert len(forms) + forms.count("overwritten") == count
        assert set(forms) <= {*phase.forms, "plain"}
