"""ValidatingAdmissionPolicies and their bindings, evaluated in this process.

matching.py     which writes a policy or binding is about
evaluation.py   its variables, conditions and validations, in CEL
admission.py    the admission function: every binding of every policy, then one answer
"""

from towpath.apiserver.admission.policies.admission import PolicyAdmission

__all__ = ["PolicyAdmission"]
