"""Slack: messages, by the Web API or from an export; who is in a channel may see its messages."""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from lamplighter import clock
from lamplighter.access import Access
from lamplighter.errors import SignInFailed, Unreadable
from lamplighter.source_config import SlackSource
from lamplighter.sources.connector import Document, Finding, Gone, Item, Kept, Members, State, Visit
from lamplighter.sources.extract.extracted import moment
from lamplighter.store.people import NewPerson

if TYPE_CHECKING:
    from slack_sdk import WebClient

BEFORE, AFTER = 3, 2
"""Messages around one that it is understood by."""

WATCHED = timedelta(days=7)
"""So far back edits, deletions and new answers are seen at each sync; all others once a week."""

PAGE = 200
REFUSALS = ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired")
SILENT = ("channel_join", "channel_leave", "group_join", "group_leave", "bot_add", "bot_remove")
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, or a conversation of a few.

    Attributes:
        id: Slack's.
        title: Its name as people know it.
        members: The ids of those in it.
    """

    id: str
    title: str
    members: Sequence[str]


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is who in a workspace, by their ids."""

    users: Mapping[str, Record] = field(default_factory=dict)

    def name(self, user_id: str) -> str:
        """What people call them."""
        user = self.users.get(user_id, {})
        profile = user.get("profile") or {}
        named = (profile.get("real_name"), user.get("real_name"), profile.get("display_name"))
        return str(next(filter(None, (*named, user.get("name"))), user_id))

    def address(self, user_id: str) -> str:
        """Their e-mail address; empty if Slack does not tell it to us."""
        return str((self.users.get(user_id, {}).get("profile") or {}).get("email") or "")

    def people(self, access: Access) -> Iterator[NewPerson]:
        """Everybody who is no bot and still there."""
        for user_id, user in self.users.items():
            address, profile = self.address(user_id), user.get("profile") or {}
            if user.get("is_bot") or user.get("deleted") or not address:
                continue
            title, phone = (str(profile.get(name) or "") for name in ("title", "phone"))
            yield NewPerson(
                key=user_id,
                name=self.name(user_id),
                addresses=(address,),
                access=access,
                title=title,
                phone=phone,
            )

    def spelt_out(self, text: str) -> str:
        """A text with names for ids, and links as they read."""
        text = re.sub(r"<@(\w+)(?:\|[^>]*)?>", lambda found: f"@{self.name(found[1])}", text)
        text = re.sub(r"<#\w+\|([^>]*)>", r"#\1", text)
        text = re.sub(r"<!(\w+)[^>]*>", r"@\1", text)
        text = re.sub(r"<([^|>]+)\|([^>]+)>", r"\2 (\1)", text)
        text = re.sub(r"<([^>]+)>", r"\1", text)
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def survey(visit: Visit[SlackSource]) -> Iterator[Finding]:
    """Every message of the channels that count."""
    if visit.config.path:
        from lamplighter.sources.slack_export import survey_export

        return survey_export(visit)
    return _survey_api(visit)


def _survey_api(visit: Visit[SlackSource]) -> Iterator[Finding]:
    from slack_sdk.errors import SlackApiError

    client = _client(visit)
    try:
        client.auth_test()
        directory = Directory({user["id"]: user for user in _all(client.users_list, "members")})
        channels = list(_channels(client, visit.config, directory))
        yield from describe(visit.name, channels, directory)
        state: dict[str, Any] = {}
        for channel in channels:
            about = visit.state.get(channel.id) or {}
            state[channel.id] = yield from _survey_channel(client, visit, channel, directory, about)
            yield State({**visit.state, **state})
    except SlackApiError as error:
        code = str(error.response.get("error"))
        if code in REFUSALS:
            raise SignInFailed(
                f"source {visit.name}: Slack does not take the token ({code}); use: lamplighter "
                f"source login {visit.name}"
            ) from error
        raise Unreadable(f"source {visit.name}: Slack said {code}") from error


def _client(visit: Visit[SlackSource]) -> "WebClient":
    from slack_sdk import WebClient
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

    client = WebClient(token=visit.secret("token"), base_url=visit.config.api_url)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=5))
    return client


def _all(ask: Any, key: str, **arguments: Any) -> Iterator[Any]:
    """What all pages of an answer hold (Slack's cursors)."""
    cursor = ""
    while True:
        answer = ask(limit=PAGE, cursor=cursor, **arguments)
        yield from answer.get(key) or []
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


def _channels(client: "WebClient", config: SlackSource, directory: Directory) -> Iterator[Channel]:
    kinds = "public_channel,private_channel,mpim,im"
    for about in _all(client.conversations_list, "channels", types=kinds):
        title = channel_title(about, directory)
        chosen = title.lstrip("#") in {name.lstrip("#") for name in config.channels}
        if chosen or (not config.channels and (about.get("is_member") or about.get("is_im"))):
            members = list(_all(client.conversations_members, "members", channel=about["id"]))
            yield Channel(str(about["id"]), title, members)


def channel_title(about: Record, directory: Directory) -> str:
    """``#general``, or with whom a conversation is."""
    if about.get("is_im") or (about.get("user") and not about.get("name")):
        return f"with {directory.name(str(about.get('user')))}"
    return f"#{about.get('name') or about['id']}"


def describe(source: str, channels: Iterable[Channel], directory: Directory) -> Iterator[Finding]:
    """Who is in which channel, and who there is: all who are in any may look each other up."""
    for channel in channels:
        addresses = {directory.address(member) for member in channel.members} - {""}
        yield Members(f"{source}/{channel.id}", sorted(addresses))
    everybody = {directory.address(user_id) for user_id in directory.users} - {""}
    yield Members(f"{source}/everybody", sorted(everybody))
    yield from directory.people(Access(groups=(f"{source}/everybody",)))


def _survey_channel(
    client: "WebClient",
    visit: Visit[SlackSource],
    channel: Channel,
    directory: Directory,
    earlier: Record,
) -> Generator[Finding, None, dict[str, Any]]:
    now = clock.now()
    first = now - timedelta(days=visit.config.history_days)
    whole_at = moment(earlier.get("whole_at"))
    whole = whole_at is None or now - whole_at >= WATCHED
    oldest = first if whole else max(first, now - WATCHED)
    asked = {"channel": channel.id, "oldest": f"{oldest.timestamp():.6f}"}
    messages = list(_all(client.conversations_history, "messages", **asked))
    for parent in [each for each in messages if each.get("reply_count")]:
        thread = {"channel": channel.id, "ts": parent["ts"]}
        messages += _all(client.conversations_replies, "messages", **thread)
    items = list(message_items(visit.name, channel, messages, directory))
    yield from items
    seen = {item.path for item in items}
    yield Kept(channel.id)
    for path in visit.known:
        top, _, stamp = path.partition("/")
        if top == channel.id and path not in seen and _sent_at(stamp) >= oldest:
            yield Gone(path)
    return {"whole_at": (now if whole else whole_at or now).isoformat()}


def message_items(
    source: str, channel: Channel, messages: Iterable[Record], directory: Directory
) -> Iterator[Item]:
    """The messages as items, in their order."""
    unique = {str(each["ts"]): each for each in messages if _counts(each)}
    ordered = [unique[ts] for ts in sorted(unique, key=float)]
    access = Access(groups=(f"{source}/{channel.id}",))
    for place, message in enumerate(ordered):
        around = [*ordered[max(0, place - BEFORE) : place], *ordered[place + 1 : place + 1 + AFTER]]
        path = f"{channel.id}/{message['ts']}"
        stamp = str((message.get("edited") or {}).get("ts") or message["ts"])
        yield Item(path, stamp, partial(_read, message, around, path, channel, directory), access)


def _counts(message: Record) -> bool:
    if not message.get("ts") or message.get("subtype") in SILENT:
        return False
    return bool(_text(message, Directory()).strip())


def _text(message: Record, directory: Directory) -> str:
    parts = [str(message.get("text") or "")]
    for attached in message.get("attachments") or []:
        parts += [str(attached.get(name) or "") for name in ("title", "text")]
        if not attached.get("text"):
            parts.append(str(attached.get("fallback") or ""))
    parts += [
        f"File: {each.get('title') or each.get('name')}" for each in message.get("files") or []
    ]
    return directory.spelt_out("\n".join(part for part in parts if part))


def _said(message: Record, directory: Directory) -> str:
    return f"{_author(message, directory)}: {_text(message, directory)}"


def _author(message: Record, directory: Directory) -> str:
    user = str(message.get("user") or "")
    bot = message.get("username") or (message.get("bot_profile") or {}).get("name")
    return directory.name(user) if user else str(bot or "somebody")


def _read(
    message: Record, around: Sequence[Record], path: str, channel: Channel, directory: Directory
) -> list[Document]:
    text = _text(message, directory)
    answers = message.get("thread_ts") and message["thread_ts"] != message["ts"]
    where = f"{channel.title}, in a thread" if answers else channel.title
    return [
        Document(
            path=path,
            title=f"{channel.title}: {' '.join(text.split())[:80]}",
            text=f"{where}\n{_said(message, directory)}",
            dated_at=_sent_at(str(message["ts"])),
            kind="message",
            author=_author(message, directory),
            author_address=directory.address(str(message.get("user") or "")),
            context="\n".join(_said(each, directory) for each in around),
        )
    ]


def _sent_at(stamp: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(stamp), UTC)
    except (ValueError, OverflowError):
        return datetime(1970, 1, 1, tzinfo=UTC)
