"""Everything that touches the world, one folder a technology."""

__all__: list[str] = []
