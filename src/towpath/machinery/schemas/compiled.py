"""One schema, compiled: closures for pruning and defaults, jsonschema-rs and CEL for the checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from towpath.machinery.causes import invalid_value
from towpath.machinery.errors import Cause
from towpath.machinery.formats import FORMATS
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.defaulting import Fill, compile_defaults
from towpath.machinery.schemas.embedded import compile_embedded, decoding_causes, resource_causes
from towpath.machinery.schemas.pruning import Visit, compile_pruning
from towpath.machinery.schemas.ratcheting import is_unchanged, schema_at
from towpath.machinery.schemas.structural import has_rules
from towpath.machinery.schemas.translation import translate
from towpath.machinery.schemas.uniqueness import Check, compile_uniqueness
from towpath.machinery.schemas.wording import first_of_each_text, to_causes

if TYPE_CHECKING:
    import jsonschema_rs

    from towpath.machinery.schemas.rules import Verdict

BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
UNCHECKED = invalid_value(
    "<nil>",
    None,
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
"""What a kube-apiserver adds when rules could not run."""


@dataclass(eq=False)
class StructuralSchema:
    """A schema in use. Parts are compiled when first needed and kept."""

    openapi: RawObject

    @property
    def empty(self) -> RawObject:
        """What an object of ours has that says nothing: nothing."""
        return {}

    def wrap(self, obj: RawObject) -> None:
        """Nothing: a custom kind has no fields that are narrower than what they are given."""

    @cached_property
    def _prune(self) -> Visit | None:
        return compile_pruning(self.openapi, is_resource=True)

    @cached_property
    def _fill(self) -> Fill | None:
        return compile_defaults(self.openapi)

    @cached_property
    def _validator(self) -> "jsonschema_rs.Draft202012Validator":
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(
            translate(self.openapi),
            formats=dict(FORMATS),
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
        )

    @cached_property
    def _unique(self) -> Check | None:
        return compile_uniqueness(self.openapi)

    @cached_property
    def _embedded(self) -> Check | None:
        return compile_embedded(self.openapi, resource_causes)

    @cached_property
    def _decoding(self) -> Check | None:
        return compile_embedded(self.openapi, decoding_causes)

    @cached_property
    def _rules(self) -> "Callable[[Any, Any], Verdict] | None":
        if not has_rules(self.openapi):
            return None
        # With the first rule: it brings the compiler of CEL.
        from towpath.machinery.schemas.rules import compile_rules

        return compile_rules(self.openapi, is_resource=True)

    def prune(self, obj: RawObject) -> list[str]:
        """Remove what the schema does not name, in place; the removed paths, sorted."""
        return sorted(self.prune_in_order(obj))

    def prune_in_order(self, obj: RawObject) -> list[str]:
        """The same; the paths as they come in the document."""
        return self._visit(obj, remove=True)

    def unknown(self, obj: RawObject) -> list[str]:
        """The paths that prune() would remove."""
        return sorted(self._visit(obj, remove=False))

    def _visit(self, obj: RawObject, *, remove: bool) -> list[str]:
        found: list[str] = []
        if self._prune is not None:
            self._prune(obj, "", found, remove)
        return found

    def misread(self, obj: RawObject) -> list[Cause]:
        """Embedded resources that cannot be read as such."""
        found: list[Cause] = []
        if self._decoding is not None:
            self._decoding(obj, "", found)
        return found

    def default(self, obj: RawObject) -> None:
        """Fill in declared defaults, in place."""
        if self._fill is not None:
            self._fill(obj)

    def validate(
        self,
        obj: RawObject,
        old: RawObject | None = None,
        *,
        warnings: list[str] | None = None,
        known: Sequence[Cause] = (),
    ) -> list[Cause]:
        """All that is wrong with a pruned and defaulted object; `old` is what it replaces.

        Rules that what has not changed breaks are told in `warnings`. What is `known` to be wrong
        already is not told again, but it may keep rules from being asked.
        """
        causes: list[Cause] = []
        if self._embedded is not None:
            self._embedded(obj, "", causes)
        if not self._validator.is_valid(obj):
            errors = [
                error
                for error in self._validator.iter_errors(obj)
                if old is None or not is_unchanged(self.openapi, error.instance_path, obj, old)
            ]
            for error in first_of_each_text(errors):
                causes.extend(to_causes(error, wanted=schema_at(self.openapi, error.instance_path)))
        if self._unique is not None:
            repeated: list[Cause] = []
            self._unique(obj, "", repeated)
            if repeated and not self._repeats(old):
                causes.extend(repeated)
        if self._rules is not None:
            # CEL trusts the schema's types, and a bounded size is what its cost was reckoned with.
            if any(cause.reason in BLOCKING for cause in (*known, *causes)):
                causes.append(UNCHECKED)
            else:
                verdict = self._rules(obj, old)
                causes.extend(verdict.causes)
                if warnings is not None:
                    warnings.extend(f"{one.field}: {one.message}" for one in verdict.warnings)
        return causes

    def _repeats(self, old: RawObject | None) -> bool:
        """Lists that already broke their promise may go on doing so."""
        found: list[Cause] = []
        if old is not None and self._unique is not None:
            self._unique(old, "", found)
        return bool(found)


def compile_schema(openapi: RawObject) -> StructuralSchema:
    """Ready to use; an invalid regular expression or CEL rule shows in validate() as a cause."""
    return StructuralSchema(openapi)
