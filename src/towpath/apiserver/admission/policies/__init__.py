"""Admission policies and their bindings, evaluated in this process.

matching.py     which writes a policy or binding is about
bound.py        policies with their bindings and parameters
evaluation.py   what expressions see: objects, variables, the authoriser
admission.py    validating policies: every binding of every policy, then one answer
mutation.py     mutating policies: objects are changed before they are validated
"""

from towpath.apiserver.admission.policies.admission import PolicyAdmission
from towpath.apiserver.admission.policies.mutation import MutatingPolicies

__all__ = ["MutatingPolicies", "PolicyAdmission"]
