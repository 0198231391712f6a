"""The portal: pages in which operators find persons and devices, and write audiences."""

from .app import create_portal, mount_portal
from .settings import Maintenance, PortalSettings

__all__ = ["Maintenance", "PortalSettings", "create_portal", "mount_portal"]
