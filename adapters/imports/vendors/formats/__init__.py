"""The formats, one file each: what their columns and values mean."""

from .airship import AIRSHIP
from .braze import BRAZE
from .django_push_notifications import DJANGO_PUSH_NOTIFICATIONS
from .fcm_django import FCM_DJANGO
from .infobip import INFOBIP
from .onesignal import ONESIGNAL
from .parse_server import PARSE
from .pinpoint import PINPOINT

FORMATS = {
    form.name: form
    for form in (
        ONESIGNAL,
        PINPOINT,
        AIRSHIP,
        BRAZE,
        PARSE,
        DJANGO_PUSH_NOTIFICATIONS,
        FCM_DJANGO,
        INFOBIP,
    )
}
"""Every format by the name of its system."""

__all__ = ["FORMATS"]
