"""Merges over `/v1`: preview, merge, and back."""

from __future__ import annotations

from addressee.adapters.http import Client
from tests.acceptance.transport.backend.asking import problem, v1
from tests.acceptance.transport.conftest import World


def person_on(world: World, device: str, identity: dict[str, object], app: str = "shop") -> str:
    body = {"installation": device, "identity": identity}
    answer = v1(world, "commands/personalize", body, (app, "backend"))
    name: str = answer.json()["person"]
    return name


def test_R52_preview_merge_and_back(world: World) -> None:
    ali = person_on(world, world.register(), {"external_id": "merge-ali"})
    lead = person_on(world, tablet := world.register(), {"emails": ["merge@x.com"]})
    preview = v1(world, "merges/preview", {"survivor": ali, "merged": lead}).json()
    assert [each["person"] for each in preview["before"]] == [ali, lead]
    order = {"survivor": ali, "merged": lead, "digest": preview["digest"]}
    assert problem(v1(world, "commands/merge", {**order, "digest": "old"})) == (
        409,
        "MERGE_OUTDATED",
    )
    done = v1(world, "commands/merge", order).json()
    seen = v1(world, f"persons/{lead}").json()
    assert [seen] == preview["after"]
    assert (seen["person"], seen["merged"]) == (ali, [lead])
    assert v1(world, f"installations/{tablet}/who").json()["person"] == ali
    undone = v1(world, "merges/preview-unmerge", {"merge": done["merge"]}).json()
    assert undone["after"] == preview["before"]
    assert v1(world, "commands/unmerge", {"merge": done["merge"]}).json()["outcome"] == "unmerged"
    assert v1(world, f"persons/{lead}").json() == preview["before"][1]
    assert problem(v1(world, "commands/unmerge", {"merge": done["merge"]})) == (
        404,
        "UNKNOWN_MERGE",
    )


def test_R52_the_client_previews_and_merges(world: World) -> None:
    one = person_on(world, world.register(), {"emails": ["client-one@x.com"]})
    two = person_on(world, world.register(), {"emails": ["client-two@x.com"]})
    with Client(world.served.url, world.keys["shop", "backend"]) as client:
        preview = client.preview_merge(one, two)
        order = {"survivor": one, "merged": two, "digest": preview["digest"]}
        merge = client.command("merge", **order)["merge"]
        assert client.person(two) == preview["after"][0]
        back = client.preview_unmerge(merge)
        assert back["after"] == preview["before"]
        client.command("unmerge", merge=merge, digest=back["digest"])
        assert client.person(two) == preview["before"][1]


def test_R52_a_key_merges_only_whom_no_other_application_has_met(world: World) -> None:
    ours = person_on(world, world.register(), {"emails": ["ours@x.com"]})
    both = person_on(world, world.register(), {"emails": ["both@x.com"]})
    person_on(world, world.register("bank"), {"emails": ["both@x.com"]}, "bank")
    theirs = person_on(world, world.register("bank"), {"emails": ["theirs@x.com"]}, "bank")
    order = {"survivor": ours, "merged": both}
    assert problem(v1(world, "merges/preview", order)) == (409, "MERGE_REFUSED")
    answer = v1(world, "commands/merge", {**order, "merged": theirs, "digest": ""})
    assert problem(answer) == (404, "UNKNOWN_PERSON")


def test_foreign_persons_and_merges_are_answered_as_absent_ones(world: World) -> None:
    own = person_on(world, world.register(), {"emails": ["own@x.com"]})
    theirs = [
        person_on(world, world.register("bank"), {"emails": [f"{name}@bank.com"]}, "bank")
        for name in ("one", "two")
    ]
    pair = {"survivor": theirs[0], "merged": theirs[1]}
    digest = v1(world, "merges/preview", pair, ("bank", "backend")).json()["digest"]
    order = {**pair, "digest": digest}
    merge = v1(world, "commands/merge", order, ("bank", "backend")).json()["merge"]
    answers: list[list[tuple[int, str]]] = []
    for person, link in ((theirs[1], merge), ("absent", "absent.1")):
        told = [
            v1(world, path, body)
            for path, body in (
                ("merges/preview", {"survivor": own, "merged": person}),
                ("merges/preview", {"survivor": person, "merged": own}),
                ("commands/merge", {"survivor": own, "merged": person, "digest": digest}),
                ("merges/preview-unmerge", {"merge": link}),
                ("commands/unmerge", {"merge": link}),
            )
        ]
        answers.append(
            [
                (each.status_code, each.text.replace(link, "<merge>").replace(person, "<person>"))
                for each in told
            ]
        )
    assert answers[0] == answers[1]
    assert {status for status, _ in answers[0]} == {404}
