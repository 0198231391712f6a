"""The policies that commands obey: those of the store's mobile apps, or the host's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Self, cast

from addressee.domain import (
    DeviceCap,
    Installation,
    InvalidValue,
    Limits,
    MobileApp,
    Person,
    PersonProtected,
    Retention,
    SessionPolicy,
    UnknownApplication,
    UserData,
    strictest,
    values,
)
from addressee.domain.limits import DEFAULT

from ..ports.applications import Applications
from ..ports.transaction_views import Reader
from .cached_applications import FRESH


@dataclass(slots=True)
class Policies:
    """Finds the policies of mobile apps, read at most once a second.

    A command reads them by the connection that its transaction has: commands that each hold one
    and wait for another would wait for each other.

    Args:
        applications: the mobile apps, where they are not those of the store itself.
        sessions: application code → policy, in place of the mobile apps' own.
        device_caps: application code → cap, in place of the mobile apps' own.
        limits: application code → limits, in place of the mobile apps' own.
        strict: whether commands may name applications that are not configured.
        timer: returns seconds that only grow.
    """

    applications: Applications | None = None
    sessions: Mapping[str, SessionPolicy] | None = None
    device_caps: Mapping[str, DeviceCap] | None = None
    limits: Mapping[str, Limits] | None = None
    strict: bool = False
    timer: Callable[[], float] = time.monotonic
    _known: Mapping[str, MobileApp] = field(default_factory=dict[str, MobileApp])
    _until: float = float("-inf")

    def __post_init__(self) -> None:
        """Raise InvalidValue for a policy of the wrong type."""
        check_policies("sessions", self.sessions, SessionPolicy)
        check_policies("device_caps", self.device_caps, DeviceCap)
        check_policies("limits", self.limits, Limits)

    def for_transaction_of_host(self) -> Self:
        """Return policies that cache nothing here: the host's view of the store may be old."""
        return copy(self)

    def apps(self, reader: Reader) -> Mapping[str, MobileApp]:
        """Return application code → mobile app, of the last second."""
        now = self.timer()
        if now >= self._until:
            found = self.applications.all() if self.applications else reader.mobile_apps()
            self._known, self._until = {app.code: app for app in found}, now + FRESH
        return self._known

    def check(self, application: str, reader: Reader) -> None:
        """Raise UnknownApplication for one that is not configured, where that is not allowed."""
        if self.strict and application not in self.apps(reader):
            raise UnknownApplication(application)

    def cap(self, application: str, reader: Reader) -> DeviceCap | None:
        """Return the most installations of a person in an application, if it has a limit."""
        if self.device_caps is not None:
            return self.device_caps.get(application)
        app = self.apps(reader).get(application)
        return None if app is None else app.cap

    def limits_of(self, application: str, reader: Reader) -> Limits:
        """Return the limits of an application (R44, R57)."""
        if self.limits is not None:
            return self.limits.get(application, DEFAULT)
        app = self.apps(reader).get(application)
        return DEFAULT if app is None else app.limits

    def session_policies(self, reader: Reader) -> Mapping[str, SessionPolicy]:
        """Return application code → session policy (R26)."""
        if self.sessions is not None:
            return self.sessions
        return {code: app.sessions for code, app in self.apps(reader).items()}

    def retentions(self, reader: Reader) -> Mapping[str, Retention]:
        """Return application code → policy for installations that nobody uses (R54)."""
        return {code: app.retention for code, app in self.apps(reader).items()}

    def check_protection(
        self,
        user_data: UserData | None,
        installation: Installation,
        person: Person,
        reader: Reader,
    ) -> None:
        """Refuse a device whose application is less strict than one that met the person (R56).

        Args:
            user_data: the mode of the device's application; None for callers that are no devices.
            installation: the device.
            person: the one it wants to use.
            reader: reads the mobile apps.

        Raises:
            PersonProtected: it is less strict.
        """
        if user_data is None or not person.met:
            return
        apps = self.apps(reader)
        needed = strictest(apps[code].user_data for code in person.met if code in apps)
        if strictest((needed, user_data)) != user_data:
            raise PersonProtected(installation.name)


def check_policies(field: str, given: object, kind: type[object]) -> None:
    """Raise InvalidValue for what is no mapping of application codes to policies of a kind."""
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise InvalidValue(field, "should be a mapping")
    for code, policy in cast("Mapping[object, object]", given).items():
        values.instance(f"{field}.{code}", policy, kind)
