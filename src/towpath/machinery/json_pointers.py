"""JSON pointers (RFC 6901), as JSON patches use them."""


def parse_pointer(pointer: str) -> list[str]:
    """The steps of a pointer. Raises ValueError."""
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise ValueError(f'the path "{pointer}" does not start with "/"')
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def escape(step: str) -> str:
    """A name as one step of a pointer."""
    return step.replace("~", "~0").replace("/", "~1")
