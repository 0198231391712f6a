"""Push services, one file each, and a transport that records instead of sending."""

from .recording import RecordingPush

__all__ = ["RecordingPush"]
