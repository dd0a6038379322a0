"""Settings of the example: a parameter of the template and a variable of every function, with the same default."""

from __future__ import annotations

from banyan.adapters.settings import PREFIX, read_settings
from banyan_tools.local.template import read
from banyan_tools.project import ROOT
from banyan_tools.runtime.sandbox import load_template
from orders.settings import OrderSettings


def test_the_template_hands_every_setting_to_every_function_with_its_default() -> None:
    for function in load_template().resources("AWS::Lambda::Function"):
        variables = {name: str(value) for name, value in function.properties["Environment"]["Variables"].items()}
        assert {PREFIX + name.upper() for name in OrderSettings.model_fields} <= variables.keys()
        assert read_settings(OrderSettings, variables) == OrderSettings()


def test_a_setting_is_bounded_alike() -> None:
    parameter = read(ROOT / "template.yaml")["Parameters"]["PaymentDeadlineMinutes"]
    (rule,) = OrderSettings.model_fields["payment_deadline_minutes"].metadata
    assert parameter["MinValue"] == rule.ge
