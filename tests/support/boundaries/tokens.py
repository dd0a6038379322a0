"""A token is worth something once, whoever brings it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from banyan import CamelModel, Conflict, Decider, DomainEvent, EventRegistry
from banyan.decision import Decided, Decision, Participant, Participants, States


class TokenUsed(DomainEvent):
    user: str


class Credited(DomainEvent):
    token: str


class Redeem(CamelModel):
    token: str
    user: str


class Token(CamelModel):
    user: str = ""


class Wallet(CamelModel):
    credits: int = 0


def alone(_: Any, __: Any) -> Sequence[DomainEvent]:
    return []


def token_after(token: Token, event: DomainEvent) -> Token:
    return Token(user=event.user) if isinstance(event, TokenUsed) else token


def wallet_after(wallet: Wallet, event: DomainEvent) -> Wallet:
    return Wallet(credits=wallet.credits + isinstance(event, Credited))


TOKEN = Decider("token", Token, alone, token_after, Token)
WALLET = Decider("wallet", Wallet, alone, wallet_after, Wallet)


def parties(command: Redeem, _: States) -> Participants:
    return {"token": Participant(TOKEN, command.token), "wallet": Participant(WALLET, command.user)}


def redeem(command: Redeem, states: States) -> Decided:
    if states["token"].user:
        raise Conflict("token_used", "this token was redeemed before")
    return {"token": [TokenUsed(user=command.user)], "wallet": [Credited(token=command.token)]}


REDEEM = Decision(Redeem, parties, redeem)
REGISTRY = EventRegistry([TokenUsed, Credited])
