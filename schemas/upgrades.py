"""When databases follow newer code of their host's modules: `upgrade` says whether, `rollout` in which order."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.document import Part, type_of_sequence
from schemas.windows import Selector

Upgrade = Literal["follow", "hold"]
"""Whether a database's modules follow the code of its host."""


class Wave(Part):
    """A part of a fleet that is upgraded together: what the labels say, filled up to a share of all."""

    selector: Selector = Field(
        default={},
        description="Labels of its instances: their own, and their server's where they have none of that name.",
        examples=[{"ring": "canary"}],
    )
    percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=100,
        description="How large a share of all that follow is upgraded once this wave is; with a `selector`, of those that it "
        "names.",
        examples=[10],
    )


class Rollout(Part):
    """How newer code of modules comes to the databases that follow it: wave by wave, templates first."""

    waves: Annotated[tuple[Wave, ...], type_of_sequence, Field(min_length=1)] = Field(
        default=(Wave(),),
        description="The waves in their order. What is in none of them is upgraded by hand only (`apply --target`).",
        examples=[[{"selector": {"ring": "canary"}}, {"percent": 10}, {"percent": 100}]],
    )
    soak_minutes: int = Field(
        default=60,
        ge=0,
        le=43_200,
        description="Minutes that pass between the last upgrade of a wave and the first of the next.",
        examples=[60],
    )
    max_failures: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Upgrades that may fail before no further one is begun.",
        examples=[1],
    )
