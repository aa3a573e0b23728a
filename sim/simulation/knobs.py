"""The faults a simulation knows: each has a name, a rate, and a count of how often it really struck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from random import Random


class Knob(StrEnum):
    """What may go wrong, by what it goes wrong with."""

    INBOUND_DUPLICATED = "inbound.duplicated"
    INBOUND_DROPPED = "inbound.dropped"
    INBOUND_LATE = "inbound.late"
    INBOUND_REORDERED = "inbound.reordered"
    INBOUND_ACK_LOST = "inbound.ack_lost"
    INBOUND_UNDELIVERED = "inbound.undelivered"
    INBOUND_FORGED = "inbound.forged"
    INBOUND_UNKNOWN_NUMBER = "inbound.unknown_number"
    PROCESS_KILLED = "process.killed"
    PROCESS_STOPPED = "process.stopped"
    PROCESS_DEPLOYED = "process.deployed"
    PROCESS_TWO_SWEEPERS = "process.two_sweepers"
    BROKER_FLUSHED = "broker.flushed"
    BROKER_DUPLICATED = "broker.duplicated"
    BROKER_REORDERED = "broker.reordered"
    BROKER_REFUSED = "broker.refused"
    DATABASE_CUT = "database.cut"
    DATABASE_ANSWER_LOST = "database.answer_lost"
    DATABASE_COMMIT_UNKNOWN = "database.commit_unknown"
    DATABASE_RESTARTED = "database.restarted"
    DATABASE_CONFLICT = "database.conflict"
    MODEL_429 = "model.429"
    MODEL_500 = "model.500"
    MODEL_TIMEOUT = "model.timeout"
    MODEL_GARBAGE = "model.garbage"
    MODEL_EMPTY = "model.empty"
    MODEL_LOOP = "model.loop"
    MODEL_BAD_ARGUMENTS = "model.bad_arguments"
    MODEL_UNKNOWN_TOOL = "model.unknown_tool"
    MODEL_OBEYS_INJECTION = "model.obeys_injection"
    TWILIO_429 = "twilio.429"
    TWILIO_500 = "twilio.500"
    TWILIO_TIMEOUT = "twilio.timeout"
    TWILIO_ACCEPTED_THEN_TIMEOUT = "twilio.timeout_after_accept"
    TWILIO_ACCEPTED_THEN_500 = "twilio.500_after_accept"
    TWILIO_63016 = "twilio.63016"
    TWILIO_63018 = "twilio.63018"
    TWILIO_63024 = "twilio.63024"
    TWILIO_CALLBACK_LATE = "twilio.callback_late"
    TWILIO_CALLBACK_MISSING = "twilio.callback_missing"
    TWILIO_CALLBACK_DUPLICATED = "twilio.callback_duplicated"
    TWILIO_CALLBACK_OUT_OF_ORDER = "twilio.callback_out_of_order"
    CLOCK_MIDNIGHT = "clock.midnight"
    CLOCK_MONTH_END = "clock.month_end"
    CLOCK_YEAR_END = "clock.year_end"
    CLOCK_LEAP_DAY = "clock.leap_day"
    CLOCK_SPRINGS_FORWARD = "clock.springs_forward"
    CLOCK_FALLS_BACK = "clock.falls_back"
    CLOCK_SKEWED = "clock.skewed"
    HUMAN_ANSWERS_AFTER_END = "human.answers_after_end"
    HUMAN_TWO_AT_ONCE = "human.two_at_once"
    HUMAN_REMOVED = "human.removed"
    HUMAN_IS_CUSTOMER = "human.is_customer"
    HUMAN_NEVER_ANSWERS = "human.never_answers"


RATES: Mapping[Knob, float] = {
    Knob.INBOUND_DUPLICATED: 0.15,
    Knob.INBOUND_DROPPED: 0.1,
    Knob.INBOUND_LATE: 0.03,
    Knob.INBOUND_REORDERED: 0.1,
    Knob.INBOUND_ACK_LOST: 0.05,
    Knob.INBOUND_UNDELIVERED: 0.02,
    Knob.INBOUND_FORGED: 0.05,
    Knob.INBOUND_UNKNOWN_NUMBER: 0.02,
    Knob.PROCESS_KILLED: 0.004,
    Knob.PROCESS_STOPPED: 0.001,
    Knob.PROCESS_DEPLOYED: 0.02,
    Knob.PROCESS_TWO_SWEEPERS: 0.3,
    Knob.BROKER_FLUSHED: 0.03,
    Knob.BROKER_DUPLICATED: 0.1,
    Knob.BROKER_REORDERED: 0.1,
    Knob.BROKER_REFUSED: 0.05,
    Knob.DATABASE_CUT: 0.003,
    Knob.DATABASE_ANSWER_LOST: 0.002,
    Knob.DATABASE_COMMIT_UNKNOWN: 0.008,
    Knob.DATABASE_RESTARTED: 0.01,
    Knob.DATABASE_CONFLICT: 0.002,
    Knob.MODEL_429: 0.04,
    Knob.MODEL_500: 0.03,
    Knob.MODEL_TIMEOUT: 0.01,
    Knob.MODEL_GARBAGE: 0.02,
    Knob.MODEL_EMPTY: 0.01,
    Knob.MODEL_LOOP: 0.01,
    Knob.MODEL_BAD_ARGUMENTS: 0.01,
    Knob.MODEL_UNKNOWN_TOOL: 0.01,
    Knob.MODEL_OBEYS_INJECTION: 0.02,
    Knob.TWILIO_429: 0.03,
    Knob.TWILIO_500: 0.03,
    Knob.TWILIO_TIMEOUT: 0.01,
    Knob.TWILIO_ACCEPTED_THEN_TIMEOUT: 0.03,
    Knob.TWILIO_ACCEPTED_THEN_500: 0.02,
    Knob.TWILIO_63016: 0.06,
    Knob.TWILIO_63018: 0.01,
    Knob.TWILIO_63024: 0.005,
    Knob.TWILIO_CALLBACK_LATE: 0.05,
    Knob.TWILIO_CALLBACK_MISSING: 0.05,
    Knob.TWILIO_CALLBACK_DUPLICATED: 0.1,
    Knob.TWILIO_CALLBACK_OUT_OF_ORDER: 0.05,
    Knob.CLOCK_MIDNIGHT: 0.07,
    Knob.CLOCK_MONTH_END: 0.07,
    Knob.CLOCK_YEAR_END: 0.07,
    Knob.CLOCK_LEAP_DAY: 0.07,
    Knob.CLOCK_SPRINGS_FORWARD: 0.07,
    Knob.CLOCK_FALLS_BACK: 0.07,
    Knob.CLOCK_SKEWED: 0.2,
    Knob.HUMAN_ANSWERS_AFTER_END: 0.2,
    Knob.HUMAN_TWO_AT_ONCE: 0.2,
    Knob.HUMAN_REMOVED: 0.1,
    Knob.HUMAN_IS_CUSTOMER: 0.1,
    Knob.HUMAN_NEVER_ANSWERS: 0.05,
}
"""How likely each strikes at each of its chances, where a seed turns everything up to one."""


class Profile(StrEnum):
    """Which faults a run has."""

    NONE = "none"
    INBOUND = "inbound"
    PROCESS = "process"
    BROKER = "broker"
    DATABASE = "database"
    MODEL = "model"
    TWILIO = "twilio"
    CLOCK = "clock"
    HUMAN = "human"
    ALL = "all"


class Dice:
    """Decides which faults strike, and counts them. One for each seed.

    Args:
        random: Drawn from the seed.
        scale: How much of each rate holds, 0 to 3; the seed draws it.
        profile: Which of them hold at all.

    Attributes:
        struck: How often each has struck.
        on: False in the second phase, when nothing goes wrong any more.
    """

    def __init__(self, random: Random, scale: float, profile: Profile) -> None:
        self.random = random
        self.struck: Counter[Knob] = Counter()
        self.on = True
        families = {Profile.ALL: None, Profile.NONE: ()}.get(profile, (profile.value,))
        self._rates = {
            knob: min(0.9, rate * scale)
            for knob, rate in RATES.items()
            if families is None or knob.partition(".")[0] in families
        }

    def strikes(self, knob: Knob) -> bool:
        """Whether this fault happens now; it is counted as having happened."""
        # drawn whether the fault holds or not: what else happens must not hang on the profile
        drawn = self.random.random()
        if not self.on or drawn >= self._rates.get(knob, 0.0):
            return False
        self.struck[knob] += 1
        return True

    def pick(self, *knobs: Knob) -> Knob | None:
        """The first of these that happens now."""
        return next((knob for knob in knobs if self.strikes(knob)), None)
