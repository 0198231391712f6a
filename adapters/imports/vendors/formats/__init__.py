"""The formats, one file each: what their columns and values mean."""

from .django_push_notifications import DJANGO_PUSH_NOTIFICATIONS
from .onesignal import ONESIGNAL

FORMATS = {form.name: form for form in (ONESIGNAL, DJANGO_PUSH_NOTIFICATIONS)}
"""Every format by the name of its system."""

__all__ = ["FORMATS"]
