"""The page of limits says what the code does (R57)."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from addressee.domain import FACTS, Limits, limits, values

PAGE = Path(__file__).parents[3] / "docs" / "limits.md"


def test_R57_every_limit_is_in_the_table_and_no_other() -> None:
    told = {
        name: int(limit.replace(",", ""))
        for names, limit in re.findall(
            r"^\| (`.*?`) \| ([\d,]+) \|", PAGE.read_text(), re.MULTILINE
        )
        for name in re.findall(r"`(\w+)`", names)
    }
    fixed = {name: limit for name, limit in vars(limits).items() if type(limit) is int}
    raised = {each.name: each.default for each in fields(Limits) if isinstance(each.default, int)}
    assert told == {**fixed, **raised, **FACTS, **values.PERSON_ATTRIBUTE_LIMITS}
