import dataclasses

from ringback.api.app import create_app
from ringback.rules.shelf import Shelf


async def test_packs_are_listed_with_their_citations(client):
    """Each clause with its text, its citation and what it asks for."""
    answer = (await client.get("/v1/rule-packs")).json()
    packs = {pack["name"]: pack for pack in answer["data"]}
    assert answer["faulty"] == []
    hours, calls = packs["us-fl"]["clauses"]
    assert hours["citation"] == "Fla. Stat. 501.616(6)(a)"
    assert hours["hours"]["sun"] == ["08:00-20:00"]
    assert hours["applies_to"] == {"countries": ["US"], "regions": ["US-FL"], "purposes": ["marketing"]}
    assert calls["frequency"] == {"most": 3, "within_sec": 86_400, "per": "number"}
    assert packs["us-federal"]["clauses"][3]["quiet"] == {"for_sec": 604_800, "per": "debt"}
    assert packs["au"]["clauses"][0]["hours"]["holidays"] == "shut"


async def test_a_broken_file_is_listed_apart(service, tmp_path):
    """With what is wrong; the packs of this release are there."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "house@2026.1.toml").write_text("title = 7")
    (folder / "notes.toml").write_text("")
    settings = dataclasses.replace(service.settings, shelf=Shelf(folder))
    service.app = create_app(service.world.database, service.world.clock, service.world.ids, settings)
    async with service.client(await service.key()) as client:
        answer = (await client.get("/v1/rule-packs")).json()
    house, notes = answer["faulty"]
    assert (house["name"], house["version"]) == ("house", "2026.1")
    assert "house@2026.1.toml: title must be a text" in house["faults"]
    assert (notes["name"], notes["version"]) == ("notes", None)
    assert "us-fl" in {pack["name"] for pack in answer["data"]}
