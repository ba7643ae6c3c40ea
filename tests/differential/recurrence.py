#!/usr/bin/env python3
"""Compares our recurrence machine with python-dateutil over random rules.

    pip install -r tests/differential/requirements.txt
    tests/differential/recurrence.py [--rules 5000] [--seed 1] [--debug]

dateutil runs on the naive wall clock; its dates are then moved to instants the way RFC 5545
section 3.3.5 says (the first of two, the offset before a gap). What is known to differ is put
right on dateutil's side, each with its reason:

* DTSTART is always an instance (RFC 5545 3.8.5.3); dateutil gives it only if the rule does.
* What a rule leaves open comes from DTSTART (3.3.10): BYWEEKNO alone means the weekday of DTSTART;
  dateutil takes the whole week.
* BYSETPOS counts in the whole week; dateutil's first week begins with DTSTART, so it is started
  at the beginning of that week and counted here.
* Two wall-clock times that a gap makes the same instant are one instance.
* BYWEEKNO follows ISO 8601 (3.3.10), where up to three days at either end of a year lie in a week
  of the year beside it. Of those, dateutil does not look for the first week of the next year by its
  number from the end (-53 or -52, a TODO in its source), and takes the length of the last year for
  that of this one when it asks how many weeks that had. Only these days are put right.

Rules that dateutil cannot finish in time are left out and counted; so are sub-daily rules that we
refuse for their cost. Anything else is a finding: exit status 1.
"""
import argparse
import datetime as dt
import random
import signal
import subprocess
import sys
import zoneinfo

from dateutil import rrule

ROOT = __file__.rsplit("/tests/", 1)[0] if "/tests/" in __file__ else "."
FREQUENCIES = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]
INSTANCES = 40


def some(rng, values, most):
    return ",".join(str(v) for v in sorted(rng.sample(values, rng.randint(1, most))))


def signed(limit):
    return [n for n in range(-limit, limit + 1) if n]


def random_rule(rng):
    frequency = rng.choice(FREQUENCIES)
    coarse = FREQUENCIES.index(frequency)
    parts = [f"FREQ={frequency}"]
    maybe = lambda chance, part: parts.append(part()) if rng.random() < chance else None
    maybe(0.4, lambda: f"INTERVAL={rng.randint(2, 20)}")
    maybe(0.2, lambda: f"COUNT={rng.randint(1, 30)}")
    maybe(0.25, lambda: "BYMONTH=" + some(rng, range(1, 13), 4))
    if coarse == 0:
        maybe(0.15, lambda: "BYWEEKNO=" + some(rng, signed(53), 3))
    if coarse != 1 and coarse != 2 and coarse != 3:
        maybe(0.1, lambda: "BYYEARDAY=" + some(rng, signed(366), 4))
    if coarse != 2:
        maybe(0.25, lambda: "BYMONTHDAY=" + some(rng, signed(31), 4))
    def by_day():
        days = rng.sample(DAYS, rng.randint(1, 3))
        week = any(part.startswith("BYWEEKNO") for part in parts)
        if coarse <= 1 and not week and rng.random() < 0.5:
            most = 5 if coarse == 1 or any(p.startswith("BYMONTH=") for p in parts) else 53
            days = [f"{rng.choice(signed(most))}{day}" for day in days]
        return "BYDAY=" + ",".join(days)
    maybe(0.35, by_day)
    maybe(0.15, lambda: "BYHOUR=" + some(rng, range(24), 3))
    maybe(0.15, lambda: "BYMINUTE=" + some(rng, range(60), 3))
    maybe(0.1, lambda: "BYSECOND=" + some(rng, range(60), 3))
    if len(parts) > 2:
        maybe(0.2, lambda: "BYSETPOS=" + some(rng, signed(4), 2))
    maybe(0.2, lambda: f"WKST={rng.choice(DAYS)}")
    return ";".join(parts)


def week(day, first_weekday):
    """The number of the week of a day from the start and from the end of its year, and that year:
    the one in which the fourth day of the week lies."""
    def fourth(day):
        return day + dt.timedelta(days=3 - (day.weekday() - first_weekday) % 7)
    def number(day):
        return (fourth(day).timetuple().tm_yday - 1) // 7 + 1
    year = fourth(day).year
    # Four days of the week of 28 December always lie in December.
    return number(day), number(day) - number(dt.date(year, 12, 28)) - 1, year


class Weeks(rrule._iterinfo):
    """What dateutil knows of a year, with the days that lie in a week of the year beside it."""

    def rebuild(self, year, month):
        new = year != self.lastyear
        super().rebuild(year, month)
        if not (new and self.rrule._byweekno):
            return
        first = dt.date(year, 1, 1)
        for index in [*range(3), *range(self.yearlen - 3, self.yearlen)]:
            numbers = week(first + dt.timedelta(days=index), self.rrule._wkst)
            if numbers[2] != year:
                self.wnomask[index] = not set(numbers[:2]).isdisjoint(self.rrule._byweekno)


rrule._iterinfo = Weeks


def oracle(rule, start, zone, end):
    text = rule
    days = ("BYDAY=", "BYMONTHDAY=", "BYYEARDAY=")
    if "BYWEEKNO=" in rule and not any(part in rule for part in days):
        text += ";BYDAY=" + DAYS[start.weekday()]
    count = None
    begin = start
    if "FREQ=WEEKLY" in rule and "BYSETPOS=" in rule:
        fields = dict(part.split("=") for part in text.split(";"))
        count = int(fields.pop("COUNT", 0)) or None
        fields.setdefault("BYDAY", DAYS[start.weekday()])
        first_day = DAYS.index(fields.get("WKST", "MO"))
        begin = start - dt.timedelta(days=(start.weekday() - first_day) % 7)
        text = ";".join(f"{name}={value}" for name, value in fields.items())
    instant = lambda local: int(local.replace(tzinfo=zone, fold=0).timestamp())
    found = {instant(start)}
    last = int(end.replace(tzinfo=dt.timezone.utc).timestamp())
    try:
        dates = rrule.rrulestr(text, dtstart=begin)
    except ValueError as error:
        # dateutil notices here that interval and time parts never meet.
        if "empty set" not in str(error):
            raise
        return sorted(found), last
    try:
        for local in dates:
            # One more than wanted, as the start may not be among the dates; a day beyond the end, as
            # wall clocks and instants may differ by that.
            if len(found) > INSTANCES + 5 or local > end + dt.timedelta(days=1):
                break
            if local < start:
                continue
            if count is not None:
                count -= 1
                if count < 0:
                    break
            found.add(instant(local))
    except ValueError as error:
        # The same, where it takes a first look at the days: here the interval never meets an hour.
        if "empty rule" not in str(error):
            raise
    return sorted(found), last


class TooSlow(Exception):
    pass


def too_slow(*_):
    raise TooSlow


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rules", type=int, default=5000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--debug", action="store_true", help="with an unoptimised build")
    options = options.parse_args()
    rng = random.Random(options.seed)
    cases = []
    for _ in range(options.rules):
        rule, zone = random_rule(rng), rng.choice(ZONES)
        start = dt.datetime(1990, 1, 1) + dt.timedelta(minutes=rng.randrange(40 * 365 * 1440))
        days = 3 * 365 if any(f in rule for f in FREQUENCIES[4:]) else 30 * 365
        cases.append((start, zone, rule, days))
    lines = [f"{s:%Y%m%dT%H%M%S}\t{z}\t{r}\t{INSTANCES}\t{d}\n" for s, z, r, d in cases]
    command = ["cargo", "run", "--quiet", "--example", "expand"]
    if not options.debug:
        command.insert(2, "--release")
    ours = subprocess.run(command, cwd=ROOT, input="".join(lines), text=True, check=True,
                          stdout=subprocess.PIPE).stdout.split("\n")
    signal.signal(signal.SIGVTALRM, too_slow)
    same = slow = refused = different = 0
    for (start, zone, rule, days), answer in zip(cases, ours):
        info = zoneinfo.ZoneInfo(zone)
        first = start.replace(tzinfo=info).astimezone(dt.timezone.utc).replace(tzinfo=None)
        end = first + dt.timedelta(days=days)
        if answer.startswith("error"):
            if "too long" in answer and any(f in rule for f in FREQUENCIES[4:]):
                refused += 1
            else:
                different += 1
                print(f"{start} {zone} {rule}\n  {answer}")
            continue
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.5)
            expected, last = oracle(rule, start, info, end)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except TooSlow:
            slow += 1
            continue
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        expected = [s for s in expected if s < last][:INSTANCES]
        found = [int(s) for s in answer.split()]
        if found == expected:
            same += 1
        else:
            different += 1
            print(f"{start} {zone} {rule}\n  ours   {found[:12]}\n  theirs {expected[:12]}")
    print(f"{same} alike, {different} different, {refused} refused as too costly, "
          f"{slow} too slow for dateutil")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
