"""A test kit for domains, for any test framework: given these events, when this command, then that."""

from banyan.testing.domains import DomainSpec
from banyan.testing.projections import ProjectionSpec
from banyan.testing.purity import check_determinism, check_purity
from banyan.testing.specs import DeciderSpec, DecisionSpec, PolicySpec

__all__ = [
    "DeciderSpec",
    "DecisionSpec",
    "DomainSpec",
    "PolicySpec",
    "ProjectionSpec",
    "check_determinism",
    "check_purity",
]
