"""What a mutant is: a breakage with a name, and who is expected to notice it."""

from __future__ import annotations

import msgspec

from sim.simulation.knobs import Profile
from sim.simulation.mutants.switches import Switch


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which Parlo might be wrong.

    Attributes:
        name: By what it breaks, then how.
        breaks: The same in a sentence.
        noticed_by: Invariants of which one must be breached; another one's breach does not count as a catch.
        switches: What turns it on, all of them together.
        within: How many seeds may be played, from `first_seed` on, until it is caught.
        profile: Which faults there are meanwhile.
    """

    name: str
    breaks: str
    noticed_by: tuple[str, ...]
    switches: tuple[Switch, ...]
    within: int
    first_seed: int = 1
    profile: Profile = Profile.ALL
