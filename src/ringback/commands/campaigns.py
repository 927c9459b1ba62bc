"""What runs and shows campaigns and calls: on a server, over its API, or in the demo."""

from pathlib import Path
from typing import Annotated

import typer

from ringback import config
from ringback.commands.options import AsJson

app = typer.Typer()
campaign_app = typer.Typer(help="Run campaigns on a server.", no_args_is_help=True, rich_markup_mode=None)

DEFAULT_URL = f"http://{config.DEFAULT_HOST}:{config.DEFAULT_PORT}"

Url = Annotated[str, typer.Option(envvar=config.URL, help="The server.", metavar="URL")]
Key = Annotated[str, typer.Option(envvar=config.KEY, help="The API key, as `ringback init` printed it.", metavar="KEY")]
CallId = Annotated[
    str, typer.Argument(help="The call's id, such as call_01h455vb4pex5vsknk084sn02q.", metavar="CALL_ID")
]
CampaignId = Annotated[
    str, typer.Argument(help="The campaign's id, such as cmp_01h455vb4pex5vsknk084sn02q.", metavar="CAMPAIGN_ID")
]
HangUp = Annotated[bool, typer.Option("--hang-up", help="Hang up the calls that ring; those that talk go on.")]

# of `campaign run`
Leads = Annotated[
    Path, typer.Argument(help="CSV, XLSX or XLS with a column phone_number.", exists=True, metavar="LEADS")
]
Trunks = Annotated[
    list[str],
    typer.Option(
        "--trunk",
        help="A trunk's id or name; `simulator` is made where there is none. Several are preferred in this order.",
        metavar="NAME",
    ),
]
Name = Annotated[str | None, typer.Option(help="The campaign's name; the file's when left out.", metavar="NAME")]
Retry = Annotated[str | None, typer.Option(help="The retry policy as JSON; the default when left out.", metavar="JSON")]
Window = Annotated[str, typer.Option(help="Calling hours of the lead's own day.", metavar="HH:MM-HH:MM")]
Region = Annotated[str | None, typer.Option(help="Country of national numbers, such as US.", metavar="CC")]
MostCalls = Annotated[int | None, typer.Option(help="The campaign's cap; none when left out.", min=1, metavar="N")]
Budget = Annotated[
    str | None, typer.Option(help="What it may spend, such as 250.00; no bound when left out.", metavar="AMOUNT")
]
SimulatorSeed = Annotated[int, typer.Option(help="The seed of a simulator that is made.", metavar="N")]
Speed = Annotated[
    float, typer.Option(help="Its speed: 1 is life, 60 is a minute a second, 0 no delay.", min=0, metavar="X")
]
Check = Annotated[bool, typer.Option("--check", help="Say what the import would do, and dial nobody.")]
Watch = Annotated[bool, typer.Option("--watch", help="Show the campaign until it is complete.")]

# of `calls`
OfCampaign = Annotated[str | None, typer.Option(help="Of this campaign.", metavar="CAMPAIGN_ID")]
Status = Annotated[str | None, typer.Option(help="In this state, such as scheduled.", metavar="STATUS")]
FinalReason = Annotated[str | None, typer.Option(help="Over, such as reached.", metavar="REASON")]
ToNumber = Annotated[str | None, typer.Option(help="To this number.", metavar="NUMBER")]
Limit = Annotated[int, typer.Option(help="At most so many.", min=1, max=100, metavar="N")]

# of `campaign plan`
PlanDays = Annotated[int, typer.Option(help="For so many days.", min=1, max=30, metavar="N")]
PlanSeed = Annotated[int, typer.Option(help="Of all chance: the same seed gives the same plan.", min=0, metavar="N")]
AnswerRate = Annotated[
    str | None,
    typer.Option(
        help="The share of dials that a person answers: 0.12, or by local hour 9=0.2,10=0.25.", metavar="RATE"
    ),
]
TalkSec = Annotated[float | None, typer.Option(help="Mean seconds of a conversation.", min=3, max=600, metavar="SEC")]
History = Annotated[bool, typer.Option("--history", help="Learn who answers from the workspace's own dials.")]
HistoryDays = Annotated[
    int, typer.Option(help="From those of so many days, with --history.", min=1, max=366, metavar="N")
]
PlayedLeads = Annotated[
    int, typer.Option("--leads", help="Play so many; they stand for the others.", min=100, max=100_000, metavar="N")
]

# of `demo`
SomeLeads = Annotated[int, typer.Option(help="Leads from the top of the file.", min=1, metavar="N")]
Days = Annotated[int, typer.Option(help="Virtual days.", min=1, max=60, metavar="N")]
Seed = Annotated[int, typer.Option(help="Of all chance: the same seed gives the same report.", metavar="N")]
LeadsFile = Annotated[Path | None, typer.Option(help="Leads of your own.", exists=True, metavar="FILE")]
KeptData = Annotated[Path | None, typer.Option(help="Keep the database in this new directory.", metavar="DIR")]


@campaign_app.command("run", epilog="Example: ringback campaign run leads.csv --trunk simulator --watch")
def campaign_run(
    leads: Leads,
    trunks: Trunks,
    key: Key,
    url: Url = DEFAULT_URL,
    name: Name = None,
    retry: Retry = None,
    window: Window = "09:00-20:00",
    default_region: Region = None,
    max_concurrent_calls: MostCalls = None,
    budget: Budget = None,
    seed: SimulatorSeed = 1,
    speed: Speed = 1.0,
    check: Check = False,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Make a campaign of a file of leads and start it."""
    from ringback.remote.run import Order, run_campaign

    order = Order(
        leads,
        tuple(trunks),
        name or leads.stem,
        retry,
        window,
        default_region,
        max_concurrent_calls,
        budget,
        seed,
        speed,
        check,
        watch,
    )
    run_campaign(url, key, order, as_json=as_json)


@campaign_app.command("pause", epilog="Example: ringback campaign pause cmp_01h455vb4pex5vsknk084sn02q")
def campaign_pause(campaign_id: CampaignId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Begin no new dial; calls that are up end by themselves."""
    from ringback.remote.act import act_on_campaign

    act_on_campaign(url, key, campaign_id, "pause", as_json=as_json)


@campaign_app.command("resume", epilog="Example: ringback campaign resume cmp_01h455vb4pex5vsknk084sn02q")
def campaign_resume(campaign_id: CampaignId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Go on with a campaign that was paused."""
    from ringback.remote.act import act_on_campaign

    act_on_campaign(url, key, campaign_id, "resume", as_json=as_json)


@campaign_app.command("cancel", epilog="Example: ringback campaign cancel --hang-up cmp_01h455vb4pex5vsknk084sn02q")
def campaign_cancel(
    campaign_id: CampaignId,
    key: Key,
    url: Url = DEFAULT_URL,
    hang_up: HangUp = False,
    as_json: AsJson = False,
) -> None:
    """End a campaign for good: nothing that waits is dialled any more."""
    from ringback.remote.act import act_on_campaign

    act_on_campaign(url, key, campaign_id, "cancel", hang_up=hang_up, as_json=as_json)


@campaign_app.command("blockers", epilog="Example: ringback campaign blockers cmp_01h455vb4pex5vsknk084sn02q")
def campaign_blockers(campaign_id: CampaignId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Say how many leads of a campaign wait for what, and until when."""
    from ringback.remote.explain import show_blockers

    show_blockers(url, key, campaign_id, as_json=as_json)


@campaign_app.command("plan", epilog="Example: ringback campaign plan cmp_01h455vb4pex5vsknk084sn02q --days 7")
def campaign_plan(
    campaign_id: CampaignId,
    key: Key,
    url: Url = DEFAULT_URL,
    days: PlanDays = 7,
    seed: PlanSeed = 1,
    answer_rate: AnswerRate = None,
    talk_sec: TalkSec = None,
    history: History = False,
    history_days: HistoryDays = 30,
    leads: PlayedLeads = 100_000,
    as_json: AsJson = False,
) -> None:
    """Play a campaign ahead of time: dials by hour, its end, reach, minutes, cost and slots. Nobody is called."""
    from ringback.remote.plan import answers_of, show_plan

    answers = answers_of(answer_rate, talk_sec, history=history)
    asked = {"days": days, "seed": seed, "leads": leads, "answers": answers, "history_days": history_days}
    show_plan(url, key, campaign_id, asked, as_json=as_json)


@app.command(epilog="Example: ringback calls --final-reason reached --limit 5")
def calls(
    key: Key,
    url: Url = DEFAULT_URL,
    campaign: OfCampaign = None,
    status: Status = None,
    final_reason: FinalReason = None,
    to_number: ToNumber = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List calls with how they stand, newest first."""
    from ringback.remote.calls import show_calls

    wanted = {"campaign_id": campaign, "status": status, "final_reason": final_reason, "to_number": to_number}
    show_calls(url, key, limit, wanted, as_json=as_json)


@app.command(epilog="Example: ringback retries call_01h455vb4pex5vsknk084sn02q")
def retries(call_id: CallId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show every attempt of a call."""
    from ringback.remote.retries import show_retries

    show_retries(url, key, call_id, as_json=as_json)


@app.command(epilog="Example: ringback explain call_01h455vb4pex5vsknk084sn02q")
def explain(call_id: CallId, key: Key, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Say what happens next with a call, when, and why."""
    from ringback.remote.explain import show_explanation

    show_explanation(url, key, call_id, as_json=as_json)


@app.command(epilog="Example: ringback demo --leads 2000 --days 5 --seed 7")
def demo(
    leads: SomeLeads = 5_000,
    days: Days = 5,
    seed: Seed = 7,
    file: LeadsFile = None,
    data: KeptData = None,
    as_json: AsJson = False,
) -> None:
    """Run days of a campaign in seconds, and report them.

    Simulated people on a virtual clock, through the real engine and a real database.
    """
    from ringback.demo.command import run

    run(leads, days, seed, file, data, as_json=as_json)
