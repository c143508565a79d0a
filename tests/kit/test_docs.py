"""What is written about the code is what the code says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from golden_facts import FACTS

from leadway.hosting import services
from leadway.reference import differing, is_repository, pages, variations, write

ROOT = Path(__file__).parents[2]
MARK = "<!-- Below: written by `leadway docs`"


@pytest.fixture(scope="module")
def generated() -> Mapping[str, str]:
    return pages(ROOT)


def test_the_generated_files_are_as_the_code_says(generated: Mapping[str, str]) -> None:
    assert differing(ROOT, generated) == [], "run `uv run --no-sync leadway docs` and commit what it writes"


def test_they_are_the_same_each_time(generated: Mapping[str, str]) -> None:
    assert pages(ROOT) == generated


def test_every_service_has_them(generated: Mapping[str, str]) -> None:
    for service in services():
        assert f"services/{service.name}/README.md" in generated
        assert f"docs/openapi/{service.name}.json" in generated


def test_what_people_wrote_above_the_mark_stays(tmp_path: Path) -> None:
    assert not is_repository(tmp_path)
    path = "services/scoring/README.md"
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(f"# Scoring\n\nWritten by hand.\n\n{MARK} … -->\n\nOld.\n", "utf-8")
    wanted = {path: pages(tmp_path)[path]}
    assert differing(tmp_path, wanted) == [path]
    assert write(tmp_path, wanted) == [path]
    text = (tmp_path / path).read_text("utf-8")
    assert text.startswith("# Scoring\n\nWritten by hand.\n\n<!-- ")
    assert "Old." not in text
    assert "lead.scored.v1" in text
    assert write(tmp_path, {path: pages(tmp_path)[path]}) == []


def test_the_facts_are_described_once_each(generated: Mapping[str, str]) -> None:
    document = json.loads(generated["docs/asyncapi.json"])
    assert document["asyncapi"] == "3.0.0"
    assert set(document["components"]["messages"]) == {cls.wire for cls in FACTS}
    for topic, channel in document["channels"].items():
        assert set(channel["messages"]) == {cls.wire for cls in FACTS if cls.topic == topic}
    for message in document["components"]["messages"].values():
        assert message["summary"].rstrip().endswith((".", ")", "…", "`")), message["name"]


@pytest.mark.parametrize("name", ["docs/asyncapi.json", *(f"docs/openapi/{each.name}.json" for each in services())])
def test_every_reference_within_a_document_leads_somewhere(generated: Mapping[str, str], name: str) -> None:
    document = json.loads(generated[name])
    for reference in references(document):
        assert reference.startswith("#/"), reference
        found: Any = document
        for step in reference[2:].split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        assert found


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in cast("dict[str, object]", value).items():
            if key == "$ref":
                yield cast("str", each)
            else:
                yield from references(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from references(each)


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: cls.wire)
def test_every_fact_says_in_a_sentence_what_it_means(cls: type[Any]) -> None:
    assert cls.__doc__
    assert cls.__doc__ != cls.__mro__[1].__doc__, "it has only the sentence of the class that it is derived from"
    assert list(variations(cls))


def test_links_in_the_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("services/*/README.md")]
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []
