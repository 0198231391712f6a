"""What devices ask, as the vendor's SDKs do."""
