"""Who is calling: application codes, API keys and tokens of persons."""
