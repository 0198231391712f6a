"""Commands within transactions of a host's."""
