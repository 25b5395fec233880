"""What an action raises for people: one sentence each, for the log and the run's status."""


class ActionFailed(Exception):
    """The action cannot do what it was asked; `str()` is one sentence for the author."""


class InputRefused(ActionFailed):
    """Each input is of its type, and all together they are nothing that can be done."""


class AddressRefused(ActionFailed):
    """An address that nothing here may ask."""


class NameTaken(ActionFailed):
    """What the action would make is there already, and somebody else's."""
