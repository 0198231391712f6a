"""Translates the mobile SDK's wire format to commands, and results to the wire format."""

from .json_object import json_object
from .request_fields import Body, facts_of, identity_of, object_of, person_changes_of
from .requests import person_update_of, sign_in_of, update_of
from .responses import attributes_of, instance_of, user_of

__all__ = [
    "Body",
    "attributes_of",
    "facts_of",
    "identity_of",
    "instance_of",
    "json_object",
    "object_of",
    "person_changes_of",
    "person_update_of",
    "sign_in_of",
    "update_of",
    "user_of",
]
