"""Files of each system, of any length: some rows are dead, repeat a token, or name nobody."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

Cells = Callable[[int], Mapping[str, object]]
DAYS = 28


def person(number: int) -> str:
    """Return the user of a row: two rows have the same one, and some have none."""
    return "" if number % 7 == 0 else f"user-{number // 2}"


def token(number: int) -> str:
    """Return the push token of a row: each third is that of the row before."""
    return f"token-{number - (number % 3 == 0)}"


def dead(number: int) -> bool:
    return number % 5 == 0


def day(number: int) -> str:
    return f"2026-10-{number % DAYS + 1:02}T08:00:00Z"


def onesignal(n: int) -> Mapping[str, object]:
    return {
        "id": f"sub-{n}",
        "identifier": token(n),
        "external_user_id": person(n),
        "device_type": 1,
        "tags": json.dumps({"plan": f"p{n % 3}"}),
        "last_active": day(n),
        "invalid_identifier": "t" if dead(n) else "f",
        "notification_types": -2 if n % 11 == 0 else 1,
    }


def pinpoint(n: int) -> Mapping[str, object]:
    return {
        "Id": f"endpoint-{n}",
        "ChannelType": "GCM",
        "Address": token(n),
        "EndpointStatus": "INACTIVE" if dead(n) else "ACTIVE",
        "OptOut": "ALL" if n % 11 == 0 else "NONE",
        "EffectiveDate": day(n),
        "Attributes": {"colour": ["red", "blue"]},
        "User": {"UserId": person(n), "UserAttributes": {"plan": ["gold"]}},
    }


def airship(n: int) -> Mapping[str, object]:
    return {
        "channel_id": f"channel-{n}",
        "device_type": "android",
        "push_address": token(n),
        "opt_in": "false" if n % 11 == 0 else "true",
        "installed": not dead(n),
        "named_user_id": person(n),
        "last_registration": day(n),
        "tags": ["beta"],
    }


def braze(n: int) -> Mapping[str, object]:
    return {
        "external_id": person(n) and f"user-{n}",
        "braze_id": f"braze-{n}",
        "push_tokens": [{"app": "Shop", "platform": "Android", "token": token(n)}],
        "apps": [{"name": "Shop", "platform": "Android", "last_used": day(n)}],
        "email": f"user-{n}@shop.test",
    }


def parse(n: int) -> Mapping[str, object]:
    user = {"__type": "Pointer", "className": "_User", "objectId": person(n)}
    return {
        "objectId": f"object-{n}",
        "deviceType": "android",
        "deviceToken": token(n),
        "channels": ["news"],
        "updatedAt": day(n),
    } | ({"user": user} if person(n) else {})


def django(n: int) -> Mapping[str, object]:
    return {
        "id": n,
        "active": "f" if dead(n) else "t",
        "user_id": person(n),
        "registration_id": token(n),
        "cloud_message_type": "FCM",
    }


def fcm_django(n: int) -> Mapping[str, object]:
    return {
        "id": n,
        "name": "",
        "active": "f" if dead(n) else "t",
        "user_id": person(n),
        "device_id": f"device-{n}",
        "registration_id": token(n),
        "type": "android",
    }


def infobip(n: int) -> Mapping[str, object]:
    push = {"push": [{"registrationId": f"registration-{n}", "systemData": {"os": "ANDROID"}}]}
    if not person(n):
        return {"contactInformation": push}
    contacts = {"email": [{"address": f"user-{n}@shop.test"}], **push}
    return {"externalId": f"user-{n}", "contactInformation": contacts}


def table(cells: Cells, numbers: Iterable[int]) -> Iterator[bytes]:
    """Yield a CSV file line by line."""
    for row in chain([tuple(cells(1))], (tuple(map(str, cells(n).values())) for n in numbers)):
        yield csv_line(row)


def csv_line(row: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue().encode()


def json_lines(cells: Cells, numbers: Iterable[int]) -> Iterator[bytes]:
    """Yield JSON lines."""
    for n in numbers:
        yield json.dumps(cells(n)).encode() + b"\n"


SAMPLES: dict[str, Callable[[Iterable[int]], Iterator[bytes]]] = {
    "onesignal": lambda numbers: table(onesignal, numbers),
    "pinpoint": lambda numbers: json_lines(pinpoint, numbers),
    "airship": lambda numbers: json_lines(airship, numbers),
    "braze": lambda numbers: json_lines(braze, numbers),
    "parse": lambda numbers: json_lines(parse, numbers),
    "django-push-notifications": lambda numbers: table(django, numbers),
    "fcm-django": lambda numbers: table(fcm_django, numbers),
    "infobip": lambda numbers: json_lines(infobip, numbers),
}
"""System → the lines of its file, with a row for each number."""


def sample(system: str, rows: int) -> bytes:
    """Return a file of a system."""
    return b"".join(SAMPLES[system](range(1, rows + 1)))
