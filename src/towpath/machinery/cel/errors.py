"""What can go wrong with an expression: it does not compile, it fails, it costs too much."""


class CelError(Exception):
    """An expression that could not be evaluated: a missing key, a wrong type, a bad argument."""

    def __init__(self, message: str, expression: str = "") -> None:
        super().__init__(message)
        self.expression = expression
        self.message = message

    def __str__(self) -> str:
        return (
            f"{self.message} (in expression {self.expression!r})"
            if self.expression
            else self.message
        )


class CelSyntaxError(CelError):
    """An expression that does not compile: syntax, unknown names, wrong types."""


class CelCostExceeded(CelError):
    """An evaluation that was stopped because it had cost as much as it may."""


def no_such_overload() -> CelError:
    return CelError("no such overload")
