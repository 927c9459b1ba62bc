"""What tests of the API have in common."""

from ringback.ids import CAMPAIGN, TRUNK, show


def path(service, rest=""):
    """The path of the world's campaign."""
    return f"/v1/campaigns/{show(CAMPAIGN, service.world.campaign.campaign_id)}{rest}"


def trunk_id(service):
    """The id of the world's trunk."""
    return show(TRUNK, service.world.campaign.trunk_id)


def leads(count, first=0):
    """So many good leads."""
    return [{"phone_number": f"+1415555{n:04}", "name": f"n{n}"} for n in range(first, first + count)]
