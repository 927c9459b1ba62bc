"""/v1/rule-packs: the packs that this server has, with each clause and where it is written."""

from ringback.api import examples_why
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.rules.show import show_pack
from ringback.store.keys import Scope


async def get_rule_packs(api: Api, ask: Ask) -> Answer:  # noqa: ARG001 # operations are called alike
    """All packs, each in all its versions, and the files that are none."""
    library = api.settings.shelf.library()
    faulty = [{"name": file.name or None, "version": file.version, "faults": file.lines} for file in library.faulty]
    packs = [show_pack(pack) for versions in library.packs.values() for pack in versions]
    return Answer({"data": packs, "faulty": faulty})


OPERATIONS = (
    Operation(
        "GET",
        "/v1/rule-packs",
        Scope.CALLS_READ,
        "The rule packs, each in all its versions, with their clauses and where those are written.",
        get_rule_packs,
        example=examples_why.RULE_PACKS,
    ),
)
