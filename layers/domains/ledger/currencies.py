"""Currencies: a code, and to how many decimals its amounts go, the same for all accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from banyan import CamelModel, Decider, DomainEvent
from banyan.errors import ConfigurationError
from ledger.amounts import DECIMALS

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{2,12}$")]
Scale = Annotated[int, Field(strict=True, ge=0, le=DECIMALS)]

_WITHOUT_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_WITH_FOUR: Final = "CLF UYW"
_WITH_TWO: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK "
    "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER ZAR "
    "ZMW ZWL"
)
_SCALES: Final = {
    code: scale
    for scale, codes in ((0, _WITHOUT_DECIMALS), (2, _WITH_TWO), (3, _WITH_THREE), (4, _WITH_FOUR))
    for code in codes.split()
}


def usual_scale(code: str) -> int:
    """Decimals of a currency by ISO 4217; 12 for a code that it does not know."""
    return _SCALES.get(code, DECIMALS)


class CurrencyDefined(DomainEvent):
    """The first account in a currency was opened, which settles its scale."""

    code: Currency
    scale: Scale


class KnownCurrency(CamelModel):
    """A currency of a tenant; ``scale`` is ``None`` until it has an account."""

    scale: Scale | None = None


def _evolve(currency: KnownCurrency, event: DomainEvent) -> KnownCurrency:
    return KnownCurrency(scale=event.scale) if isinstance(event, CurrencyDefined) else currency


def _alone(_: Any, __: KnownCurrency) -> Sequence[DomainEvent]:
    raise ConfigurationError("a currency takes no commands of its own: it is defined when its first account is opened")


CURRENCY: Final[Decider[KnownCurrency, Any]] = Decider("currency", KnownCurrency, _alone, _evolve, KnownCurrency)
