"""Who may do what with playbooks."""

from __future__ import annotations

import pytest

from huntlake.identity.rights import Action, Role

PLAYBOOKS = {Action.WATCH, Action.RUN, Action.SWITCH, Action.AUTOMATE}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.LOGIC_APP_CONTRIBUTOR, PLAYBOOKS),
        (Role.LOGIC_APP_OPERATOR, {Action.WATCH, Action.SWITCH}),
        (Role.PLAYBOOK_OPERATOR, {Action.WATCH, Action.RUN}),
        (Role.AUTOMATION_CONTRIBUTOR, {Action.WATCH, Action.RUN}),
    ],
)
def test_a_role_of_logic_apps_reaches_playbooks_alone(role: Role, allowed: set[Action]) -> None:
    assert role.allows == allowed


def test_who_responds_runs_playbooks_and_does_not_write_them() -> None:
    assert Role.SENTINEL_RESPONDER.allows & PLAYBOOKS == {Action.WATCH, Action.RUN}
    assert Role.SENTINEL_CONTRIBUTOR.allows & PLAYBOOKS == {Action.WATCH, Action.RUN, Action.SWITCH}


def test_who_reads_starts_nothing() -> None:
    assert Role.READER.allows & PLAYBOOKS == Role.SENTINEL_READER.allows & PLAYBOOKS == {Action.WATCH}


def test_who_sends_records_sees_no_playbooks() -> None:
    assert not Role.PUBLISHER.allows & PLAYBOOKS
