"""The portal: pages in which operators find persons and devices, and write audiences."""

from .app import create_portal, mount_portal
from .oidc.settings import Endpoints, OidcSettings
from .oidc.settings_file import read_oidc
from .settings import Maintenance, PortalSettings

__all__ = [
    "Endpoints",
    "Maintenance",
    "OidcSettings",
    "PortalSettings",
    "create_portal",
    "mount_portal",
    "read_oidc",
]
