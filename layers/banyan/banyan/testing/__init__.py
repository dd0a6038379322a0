"""A test kit for domains, for any test framework: given these events, when this command, then that."""

from banyan.testing.deciders import DeciderSpec
from banyan.testing.determinism import check_determinism
from banyan.testing.domains import DomainSpec
from banyan.testing.policies import PolicySpec
from banyan.testing.projections import ProjectionSpec
from banyan.testing.purity import check_purity

__all__ = ["DeciderSpec", "DomainSpec", "PolicySpec", "ProjectionSpec", "check_determinism", "check_purity"]
