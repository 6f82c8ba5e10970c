"""The broker: is it there, is it set up rightly, and do the workers keep up? One function a check."""

from collections import Counter
from collections.abc import Iterator

from resonanz_streams.doctor.findings import Finding, told
from resonanz_streams.doctor.patient import Patient
from resonanz_streams.engine import META_KEY
from resonanz_streams.errors import StopError
from resonanz_streams.redrive_notes import waiting
from resonanz_streams.settings import Settings
from resonanz_streams.state_fit import check_head
from resonanz_streams.state_head import read_head
from resonanz_streams.topics import DAY_MS, DEAD_LETTERS, RETENTION_MS
from resonanz_streams.transports.brokers import scheme_of
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Recovered
from resonanz_streams.transports.seal import opened

LONG_LAG = 100_000
_LETTERS = 20_000
_HOUR_MS = 3_600_000
_SHORT = "keeps records for"


def broker(patient: Patient) -> Iterator[Finding]:
    """Every broker that the configuration names answers."""
    missing = patient.exam.reach()
    for sentence in missing:
        yield told("warn", "broker", sentence)
    if not missing:
        yield Finding("ok", "broker", "answers and lets us in")


def topics(patient: Patient) -> Iterator[Finding]:
    """They exist, with as many partitions and such settings as they need."""
    problems = patient.exam.topics(patient.settings.partitions)
    if patient.settings.horizon_ms > RETENTION_MS:
        # That check then asks for more than these do.
        problems = [sentence for sentence in problems if _SHORT not in sentence]
    for sentence in problems:
        # Kept too short for a rebuild is no danger yet; the horizon has a check of its own.
        yield told("warn" if _SHORT in sentence else "fail", "topics", sentence)
    if not problems:
        yield Finding("ok", "topics", "all exist and are set up rightly")


def horizon(patient: Patient) -> Iterator[Finding]:
    """Records outlive the time in which they may still be taken back."""
    needed = patient.settings.horizon_ms
    if scheme_of(patient.settings.broker) == "sqlite":
        yield _embedded(patient.settings)
        return
    short = {name: kept for name, kept in patient.exam.retention_ms().items() if kept < needed}
    for name, kept in short.items():
        topic = patient.settings.topic_prefix + name
        yield Finding(
            "fail",
            "retention",
            f"topic {topic} keeps records for {kept // _HOUR_MS} h, less than the horizon of "
            f"{patient.settings.horizon}",
            f"{parse(patient.settings.broker).altering(topic)} retention.ms={max(needed, RETENTION_MS)}",
        )
    if not short:
        yield Finding("ok", "retention", "records are kept for the whole horizon")


def _embedded(settings: Settings) -> Finding:
    """It keeps what is not counted, however old; the rest for a time that nobody can set."""
    days = RETENTION_MS // DAY_MS
    if settings.horizon_ms <= RETENTION_MS:
        return Finding("ok", "retention", f"records are kept for {days} days, and until they are counted")
    return Finding(
        "warn",
        "retention",
        f"records are kept for {days} days, less than the horizon of {settings.horizon}: a lost state "
        "cannot be counted anew as far back",
        f"write horizon: {days}d or shorter in resonanz.yaml, or use Apache Kafka",
    )


def workers(patient: Patient) -> Iterator[Finding]:
    """Somebody counts, and nobody is idle."""
    members = patient.exam.members()
    if not members:
        yield Finding("fail", "workers", "no worker runs: nothing is counted", "resonanz worker")
    for member in members:
        if member.partitions == 0:
            yield Finding(
                "warn",
                "workers",
                f"{member.name} owns no partition: there are more workers than partitions",
                "end it, or begin anew with more partitions: in resonanz.yaml, and another topic_prefix",
            )
    if members:
        yield Finding("ok", "workers", f"run: {', '.join(member.name for member in members)}")


def lag(patient: Patient) -> Iterator[Finding]:
    """What is published is counted soon."""
    waiting = {
        (place.topic, place.partition): place.end - max(place.first, place.committed or 0)
        for place in patient.exam.places()
    }
    for (topic, partition), count in waiting.items():
        if count > LONG_LAG:
            yield Finding(
                "warn",
                "lag",
                f"{count:,} records of {topic}, partition {partition}, are not counted yet",
                "resonanz worker (one more, up to the number of partitions)",
            )
    yield Finding("ok", "lag", f"{sum(waiting.values()):,} records wait to be counted")


def lost(patient: Patient) -> Iterator[Finding]:
    """Retention has not overtaken the workers."""
    gone = [
        (place, place.first - place.committed)
        for place in patient.exam.places()
        if place.committed is not None and place.first > place.committed
    ]
    for place, count in gone:
        yield Finding(
            "fail",
            "lost records",
            f"{count:,} records of {place.topic}, partition {place.partition}, were removed before they were "
            "counted",
            "give the topic a longer retention.ms, start: resonanz worker, and publish them again from their "
            "source (resonanz replay)",
        )
    if not gone:
        yield Finding("ok", "lost records", "nothing was removed unread")


def state(patient: Patient) -> Iterator[Finding]:
    """The state can be read by this version, and fits the configuration and the log."""
    heads = patient.exam.heads()
    # Afterwards: what is counted meanwhile makes the log no shorter.
    places = patient.exam.places() if heads else ()
    broken = 0
    for partition, stored in sorted(heads.items()):
        try:
            head = read_head(opened(META_KEY, stored, partition), partition, {})
            if head is not None:
                mine = [place for place in places if place.partition == partition]
                known = {place.topic: place.committed for place in mine if place.committed is not None}
                recovered = Recovered({}, known, {place.topic: place.end for place in mine})
                check_head(head, partition, patient.settings.partitions, recovered)
        except StopError as error:
            broken += 1
            yield told("fail", f"state of partition {partition}", error)
    if not broken:
        yield Finding("ok", "state", f"{len(heads)} partitions can be read")


def dead_letters(patient: Patient) -> Iterator[Finding]:
    """Nothing waits to be repaired."""
    reasons = Counter(
        dict(record.headers).get("reason", b"unknown").decode(errors="replace")
        for record in waiting(patient.exam.newest(DEAD_LETTERS, _LETTERS))
    )
    if not reasons:
        yield Finding("ok", "dead letters", "none waits")
        return
    yield Finding(
        "warn",
        "dead letters",
        ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common()),
        "mend the cause, then: resonanz redrive",
    )
