"""What is wrong with a form, so that its page shows it again with what was typed."""

from __future__ import annotations

from dataclasses import dataclass

from addressee.adapters.http.messages.error_responses import SERVER_ERRORS, refusal_of
from addressee.domain import AddresseeError, ExpressionInvalid, InvalidValue, NoRegistration


@dataclass(frozen=True, slots=True)
class FormProblem:
    """What is wrong with a form.

    Attributes:
        status: the HTTP status of its page.
        field: the form's field that it is about.
        text: what it is.
        column: where an expression can't be read, from 1.
    """

    status: int
    field: str
    text: str
    column: int | None = None


def form_problem(error: AddresseeError, field: str = "expression") -> FormProblem:
    """Return what an error says of a form; raises the error again if the form is not to blame.

    Args:
        error: of the command or query that the form has asked for.
        field: the one that the form is about, which counts where the error names no other.
    """
    refused = refusal_of(error)
    if refused.status >= SERVER_ERRORS:
        raise error
    match error:
        case ExpressionInvalid():
            told = error.problem.split(": ", 1)[-1]
            return FormProblem(refused.status, "expression", told, error.column)
        case NoRegistration():
            field = "installation"
        case InvalidValue(field="at" | "installation"):
            field = error.field
        case _:
            pass
    return FormProblem(refused.status, field, refused.text)
