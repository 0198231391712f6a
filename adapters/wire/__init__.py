"""The words that mobile SDKs speak, and ours for the same things."""

from .words import Body, facts_of, identity_of, object_of, person_changes_of

__all__ = ["Body", "facts_of", "identity_of", "object_of", "person_changes_of"]
