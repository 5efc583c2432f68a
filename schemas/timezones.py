"""Whether a time zone exists, asked of `zoneinfo`: the system's zones, and those of the package `tzdata`.

A system may have none, or only those that are not called former names (`US/Eastern`, which Odoo has all the same).

One zone is looked up by itself; the whole list costs a tenth of a second to gather, so it is gathered for a hint only.
"""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from schemas.texts import problem

# These are directories and links of the zone files, not zones that Odoo knows.
_NOT_ZONES = ("posix/", "right/", "posixrules", "localtime", "Factory")


@lru_cache(maxsize=1024)
def _exists(name: str) -> bool:
    if name.startswith(_NOT_ZONES):
        return False
    if not _all_zones.cache_info().currsize and _is_readable(name):
        return True
    # A machine without any zones can judge none.
    return name in _all_zones() or not _all_zones()


def _is_readable(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


@lru_cache(maxsize=1)
def _all_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_timezone(name: str) -> str:
    """Refuse a name that is not a zone; those that may be meant go along, for whoever words the problem."""
    if not _exists(name):
        raise problem("unknown-timezone", f"no time zone {name!r}", "for example Europe/Brussels", among=_alike(name))
    return name


def _alike(name: str) -> tuple[str, ...]:
    """The zones that begin alike, and those of the same city."""
    lowered = name.lower()
    return _zones().get(lowered[:2], ()) + _zones().get(lowered.rpartition("/")[2], ())


@lru_cache(maxsize=1)
def _zones() -> dict[str, tuple[str, ...]]:
    """All zones by their first two letters, and by their city."""
    zones: dict[str, tuple[str, ...]] = {}
    for zone in sorted(_all_zones()):
        for key in (zone.lower()[:2], zone.lower().rpartition("/")[2]):
            zones[key] = (*zones.get(key, ()), zone)
    return zones
