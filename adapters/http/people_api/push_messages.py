"""The vendor's backend API for sending pushes, as its API description 3.210.0 has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from addressee.adapters.mobile_sdk.request_fields import ABSENT
from addressee.application import Message, Targeting
from addressee.application.default_clock_and_ids import random_id
from addressee.application.sending.dispatch_commands import start_of
from addressee.domain import Expression, InvalidValue, LimitExceeded, Or
from addressee.domain.audiences.expression import primary, term

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PUSH_RESPONSE, VENDOR, model_body, response_body
from ..security.authentication import Backend
from ..service_context import BackendCaller, ServiceContext
from .push_registrations import check_application

DESTINATIONS = 1_000
"""Most destinations of one request."""
SECONDS = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600}
PENDING = {
    "groupId": 1,
    "groupName": "PENDING",
    "id": 7,
    "name": "PENDING_ENROUTE",
    "description": "Message sent to next instance",
}
NOBODY = {
    "groupId": 5,
    "groupName": "REJECTED",
    "id": 18,
    "name": "REJECTED_DESTINATION_NOT_REGISTERED",
    "description": "No installation of the application is reached at the destination",
}
FIELDS = {
    "EXTERNAL_USER_ID": ("external_id", "external_user_id"),
    "EMAIL": ("email", "email"),
    "PHONE_NUMBER": ("msisdn", "phone_number"),
    "REGISTRATION": ("installation", "push_registration_id"),
}
"""Type of a destination → the field of the audience, and the one that has the value."""


class VendorModel(BaseModel):
    """An object of the vendor's API; fields that are not known are ignored, as the vendor does."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)


class Destination(VendorModel):
    """Somebody's devices, or one; the type says which of the fields counts."""

    type: Literal["EXTERNAL_USER_ID", "EMAIL", "PHONE_NUMBER", "REGISTRATION"]
    external_user_id: str | None = None
    email: str | None = None
    phone_number: str | None = None
    push_registration_id: str | None = None
    message_id: str | None = None
    target_only_primary_devices: bool = False

    @property
    def value(self) -> str:
        """The value that counts; empty if it is missing."""
        value: str | None = getattr(self, FIELDS[self.type][1])
        return "" if value is None or value in ABSENT else value

    @property
    def audience(self) -> Expression:
        """The installations; raises InvalidValue."""
        field, name = FIELDS[self.type]
        try:
            found = term(field, self.value)
        except InvalidValue as error:
            raise InvalidValue(to_camel(name), error.problem) from None
        return found & primary if self.target_only_primary_devices else found


class Content(VendorModel):
    """What is shown; images are not supported."""

    type: Literal["TEXT"]
    text: str
    title: str | None = None


class Validity(VendorModel):
    """How long the message is kept for a device that can't be reached."""

    amount: Annotated[int, Field(ge=0)]
    time_unit: Literal["SECONDS", "MINUTES", "HOURS"] = "HOURS"


class Options(VendorModel):
    """Of these options the others, on sounds and looks, are ignored."""

    is_silent: bool = False
    custom_payload: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    validity_period: Validity | None = None
    send_at: str | None = None
    delivery_time_window: dict[str, JsonValue] | None = None


class PushMessage(VendorModel):
    """A message to one or several destinations."""

    sender: str = ""
    destinations: Annotated[list[Destination], Field(min_length=1)]
    content: Content
    options: Options = Options()

    def starts_at(self, now: datetime) -> datetime | None:
        """Return when it is to leave, if that is later; raises InvalidValue."""
        if self.options.send_at is None:
            return None
        at = start_of(self.options.send_at, now, "options.sendAt")
        return at if at > now else None

    @property
    def message(self) -> Message:
        """The message as it is sent; raises InvalidValue."""
        options = self.options
        if options.delivery_time_window is not None:
            raise InvalidValue("options.deliveryTimeWindow", "is not supported")
        title, text = self.content.title, self.content.text
        data = {
            name: each if isinstance(each, str) else json.dumps(each)
            for name, each in options.custom_payload.items()
        }
        validity = options.validity_period
        ttl = None if validity is None else validity.amount * SECONDS[validity.time_unit]
        if options.is_silent:
            # The app gets it, and nothing is shown.
            return Message(data={"title": title or "", "text": text, **data}, ttl=ttl)
        return Message(title, text, data, ttl)


class PushRequest(VendorModel):
    """Messages that are sent together."""

    messages: Annotated[list[PushMessage], Field(min_length=1)]


class Order(NamedTuple):
    """A message, when it is to leave if later, and the audience of each destination."""

    message: Message
    starts_at: datetime | None
    destinations: Sequence[Destination]
    audiences: Sequence[Expression]


def push_message_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/push/3", tags=["push messages"], responses=VENDOR)

    @routes.post(
        "/messages",
        openapi_extra=model_body(PushRequest),
        responses=response_body(PUSH_RESPONSE),
    )
    @service.writes
    def send_push_messages(caller: BackendCaller, body: JsonBody) -> Response:
        """Make a dispatch of each message; a destination that reaches nobody is rejected."""
        request = body.model(PushRequest)
        count = sum(len(each.destinations) for each in request.messages)
        if count > DESTINATIONS:
            raise LimitExceeded("messages", DESTINATIONS, count, unit="destinations")
        for each in request.messages:
            check_application(service, caller, each.sender)
        now = service.clock()
        orders = [order_of(n, each, now) for n, each in enumerate(request.messages)]
        answers = [answer for order in sent(service, caller, orders) for answer in order]
        return JSONResponse({"bulkId": random_id(), "messages": answers})

    return routes


def order_of(number: int, message: PushMessage, now: datetime) -> Order:
    """Return a message as it is sent; raises InvalidValue, which names the place."""
    place = f"messages.{number}"
    try:
        whole, starts_at = message.message, message.starts_at(now)
        audiences: list[Expression] = []
        for n, each in enumerate(message.destinations):
            place = f"messages.{number}.destinations.{n}"
            audiences.append(each.audience)
    except InvalidValue as error:
        raise InvalidValue(f"{place}.{error.field}", error.problem) from None
    return Order(whole, starts_at, message.destinations, audiences)


def sent(
    service: ServiceContext, caller: Backend, orders: Sequence[Order]
) -> Iterator[list[dict[str, Any]]]:
    """Make the dispatches of all messages, or of none, and yield each message's answers.

    Of a message that leaves later no destination is rejected: whom it reaches is found then.
    """
    code = caller.application.code
    reach = Targeting(service.store, applications=service.configured.applications)
    reached = [
        [order.starts_at is not None or reach.count(code, each) > 0 for each in order.audiences]
        for order in orders
    ]
    parts = [
        [each for each, found in zip(order.audiences, founds, strict=True) if found]
        for order, founds in zip(orders, reached, strict=True)
    ]
    made = iter(
        service.notifier.dispatch_all(
            code,
            [
                (part[0] if len(part) == 1 else Or(tuple(part)), order.message, order.starts_at)
                for order, part in zip(orders, parts, strict=True)
                if part
            ],
            actor=caller.actor,
        )
    )
    for order, founds in zip(orders, reached, strict=True):
        name = next(made).id if any(founds) else random_id()
        yield [
            {
                "messageId": each.message_id or f"{name}-{n}",
                "status": PENDING if found else NOBODY,
                "destination": each.value,
            }
            for n, (each, found) in enumerate(zip(order.destinations, founds, strict=True), 1)
        ]
