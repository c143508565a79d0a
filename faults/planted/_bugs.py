"""The planted bugs: each the mistake that one rule of the runtime or of a service prevents."""

from __future__ import annotations

from typing import Final

from faults.planted._shape import Bug, Edit, Hunt

_STAGE: Final = "shared/leadway/stage"
_KIT: Final = "tests/kit"
_LOST_COMMIT: Final = (
    f"{_KIT}/test_stage_lost_commit.py::"
    "test_each_caller_of_the_batch_gets_the_answer_and_each_request_is_done_once[Loss.ANSWER]"
)
_FENCED: Final = f"{_KIT}/test_stage_fence.py::test_what_another_instance_took_is_not_taken_again"
_ONE_LEAD: Final = (
    f"{_KIT}/test_stage_races.py::test_what_two_instances_decide_of_one_lead_at_once_is_decided_one_after_the_other"
)
_LAST_ONE: Final = f"{_KIT}/test_stage_races.py::test_of_two_instances_asked_for_the_last_one_at_once_one_gives_it"
_IN_ORDER: Final = (
    "tests/delivery/test_delivery_sending.py::test_messages_of_a_lead_come_in_log_order_and_keep_their_id_over_retries"
)
_KILLED: Final = f"{_KIT}/test_stage_crashes.py::test_services_killed_at_a_named_point_lose_and_double_nothing"

BUGS: Final[tuple[Bug, ...]] = (
    Bug(
        "position-not-fenced",
        "an instance that was frozen takes the facts that its successor took",
        (
            Edit(f"{_STAGE}/_sql.py", " AND p.position = u.old", ""),
            Edit(f"{_STAGE}/_functions.py", " AND p.position = u.old", ""),
        ),
        (_FENCED,),
    ),
    Bug(
        "position-saved-first",
        "facts are lost where an instance dies or freezes between saving its position and what follows from the facts",
        (
            Edit(
                f"{_STAGE}/_transaction.py",
                "            transaction = await begin(connection)\n",
                "            if keep and batch.advances:\n"
                "                first = await begin(connection)\n"
                "                await advance(first, batch.advances)\n"
                "                await first.commit()\n"
                "                batch.advances = ()\n"
                "            transaction = await begin(connection)\n",
            ),
        ),
        (f"{_KIT}/test_stage_zombies.py::test_a_consumer_frozen_in_its_transaction_is_fenced_and_works_again",),
        Hunt("I5", seed=1, faults=8, only=("crash at transaction.before_commit",)),
    ),
    Bug(
        "outbox-outside-the-transaction",
        "what was decided and acknowledged never gets onto the log where the process dies before it was sent",
        (
            Edit(
                f"{_STAGE}/_sql.py",
                "JOIN {counted} AS m USING (topic, partition)\n",
                "JOIN {counted} AS m USING (topic, partition) WHERE false\n",
            ),
            Edit(
                f"{_STAGE}/_transaction.py",
                '        _crash.point("transaction.after_commit")\n',
                '        _crash.point("transaction.after_commit")\n'
                "        if outcome.facts:\n"
                "            from leadway.facts.codec import pack_headers\n"
                "            async with self._engine.begin() as later:\n"
                "                await later.execute(\n"
                "                    text('INSERT INTO outbox (topic, partition, sequence, key, headers, value)'\n"
                "                         ' VALUES (:topic, :partition, :sequence, :key, :headers, :value)'),\n"
                "                    [{'topic': f.partition.topic, 'partition': f.partition.number,\n"
                "                      'sequence': f.sequence, 'key': f.record.key.decode(), 'value': f.record.value,\n"
                "                      'headers': pack_headers(f.record.headers)}\n"
                "                     for f in outcome.facts],\n"
                "                )\n",
            ),
        ),
        (f"{_KILLED}[transaction.after_commit:6]",),
    ),
    Bug(
        "mark-passes-a-gap",
        "a forged or lost sequence lets everything between be taken for a resend, and dropped",
        (Edit(f"{_STAGE}/_reading.py", "if sequence > mark + 1:", "if sequence > mark + 1_000_000_000:"),),
        (f"{_KIT}/test_stage_runtime.py::test_a_forged_sequence_stops_the_consumer_and_passes_no_mark",),
        Hunt("I9", seed=1, faults=1, only=("forged fact with a huge sequence",)),
    ),
    Bug(
        "duplicate-filter-off",
        "what a relay sends again after a crash takes effect twice",
        (
            Edit(f"{_STAGE}/_reading.py", "if sequence <= mark:", "if sequence < 0:"),
            Edit(f"{_STAGE}/_reading.py", "marks[source] = sequence\n", "marks[source] = max(mark, sequence)\n"),
        ),
        (f"{_KILLED}[relay.between_sending_and_marking:4]",),
        Hunt("I5", seed=1, faults=8, only=("record sent once more",)),
    ),
    Bug(
        "two-batches-in-flight",
        "the second of two batches is on the log, and the first is not: its sequences are dropped for ever",
        (
            Edit(
                f"{_STAGE}/_relay.py",
                "offsets = await producer.append_many({p: [each.record for each in b] for p, b in batches.items()})",
                "offsets, *_ = await asyncio.gather(*(producer.append_many(half) for half in (\n"
                "                {p: [e.record for e in b[: (len(b) + 1) // 2]] for p, b in batches.items()},\n"
                "                {p: [e.record for e in b[(len(b) + 1) // 2 :]] for p, b in batches.items() if b[1:]}\n"
                "            ) if half))",
            ),
        ),
        (f"{_KIT}/test_stage_races.py::test_after_an_append_that_failed_the_log_goes_on_without_a_gap",),
    ),
    Bug(
        "claim-without-lock",
        "of two partners that claim a lead at two instances at once, both are told that it is theirs",
        (Edit(f"{_STAGE}/_functions.py", "ORDER BY s.topic, s.subject FOR UPDATE", "ORDER BY s.topic, s.subject"),),
        (_ONE_LEAD,),
        Hunt("I2", seed=1, faults=12, only=("record of an unknown source", "slow way to the database")),
    ),
    Bug(
        "no-stub-before-the-lock",
        "the first two commands on a lead that nobody knew are decided beside each other, and one is lost from state",
        (
            Edit(
                f"{_STAGE}/_functions.py",
                "SELECT u.topic, u.subject FROM unnest(_lead_topics, _leads) AS u(topic, subject)\n",
                "SELECT u.topic, u.subject FROM unnest(_lead_topics, _leads) AS u(topic, subject) WHERE false\n",
            ),
            Edit(
                f"{_STAGE}/_loading.py",
                "        for subject, topic in fresh.items():\n",
                "        for subject, topic in {**wanted, **fresh}.items():\n",
            ),
        ),
        (_LAST_ONE,),
    ),
    Bug(
        "timer-by-the-process-clock",
        "deadlines fall due by the clock of a machine that is an hour fast",
        (
            Edit(
                f"{_STAGE}/_sql.py",
                "WHERE t.due_at <= statement_timestamp()\n",
                "WHERE t.due_at <= statement_timestamp() + interval '1 hour'\n",
            ),
            Edit(f"{_STAGE}/_sql.py", "due_at - clock_timestamp())", "due_at - clock_timestamp() - interval '1 hour')"),
            Edit(
                "services/sla-timer/leadway/sla_timer/store/_gather.py",
                "command.runs_for, around.now)",
                "command.runs_for, around.now + timedelta(hours=1))",
            ),
        ),
        (f"{_KIT}/test_stage_stress.py::test_whatever_comes_and_goes_nothing_is_lost_or_doubled",),
        Hunt("I4", seed=1, faults=6, only=("record of an unknown source",)),
    ),
    Bug(
        "rotation-gathered-once-a-batch",
        "all leads of a batch get the same turn, and so the same partner",
        (
            Edit(f"{_STAGE}/_around.py", "return self._shared.get(key)", "return self._shared.gathered[key]"),
            Edit(
                f"{_STAGE}/_rows.py",
                "        self.values = values\n",
                "        self.values = values\n        self.gathered = dict(values)\n",
            ),
        ),
        (f"{_KIT}/test_stage_runtime.py::test_concurrent_requests_and_their_facts_each_take_effect_once",),
    ),
    Bug(
        "lost-commit-redone-blindly",
        "a request whose COMMIT went through is decided again: refused as done already, or done twice",
        (
            Edit(
                f"{_STAGE}/_transaction.py",
                "await _trouble.resolve_commit(self._engine, xid)",
                "raise _trouble.surroundings(error) from error",
            ),
        ),
        (_LOST_COMMIT,),
    ),
    Bug(
        "lost-commit-not-asked-for",
        "the database's answer to what became of a COMMIT is never understood: each lost one ends as unknown",
        (Edit(f"{_STAGE}/_trouble.py", " = left(pg_walfile_name(pg_current_wal_lsn()), 8)", " = ''"),),
        (_LOST_COMMIT,),
    ),
    Bug(
        "answer-not-kept",
        "a client that asks again under its Idempotency-Key has it decided again",
        (Edit(f"{_STAGE}/_transaction.py", "        if kept:\n", "        if not kept:\n"),),
        (f"{_KIT}/test_stage_runtime.py::test_the_same_key_gives_the_same_answer_and_another_body_is_refused",),
        Hunt("I1", seed=1, faults=16, only=("record of an unknown source",)),
    ),
    Bug(
        "breach-without-asking-the-owner",
        "a partner that made contact in time loses the lead, because the fact of it was still on its way",
        (
            Edit(
                "services/sla-timer/leadway/sla_timer/decider/_decide.py",
                "return (SlaDue(**_of(command.lead_id, deadline)),)",
                "return (SlaBreached(**_of(command.lead_id, deadline), on_breach=deadline.on_breach, missed_fact=''),)",
            ),
        ),
        ("tests/sla_timer/test_sla_service.py::test_contact_in_time_that_is_heard_of_late_is_no_breach",),
        Hunt("I4", seed=1, faults=10, only=("record of an unknown source",)),
    ),
    Bug(
        "delivery-marked-before-the-answer",
        "a webhook that its receiver never took counts as delivered",
        (
            Edit(
                "services/delivery/leadway/delivery/worker/_worker.py",
                "        outcome = await sender.send(endpoint.url, headers, body)\n",
                "        await self._settle(turn, message, endpoint, Answered(204, None))\n"
                "        outcome = await sender.send(endpoint.url, headers, body)\n",
            ),
        ),
        (_IN_ORDER,),
        Hunt("I7", seed=1, faults=6, only=("receiver answers 500", "receiver dies")),
    ),
)
