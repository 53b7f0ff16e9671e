"""Who called: groups the calls of the WUW Corpus II into callers by the name that was spoken, by written-down rules.

1. Markup goes: [noise], {breath}, <as>. Double parentheses mark what was hard to hear: (( )) is unintelligible, and the
   name unknown; words inside of them are kept. Initials, broken-off words (`Mc-`) and immediate repetitions go.
2. A name is what is then left if it is a first and a last name. Calls without one belong to no caller.
3. Short forms of first names are the same as long ones (SHORT_FORMS).
4. Two names are one person's if first and last names differ by at most a quarter of their letters each (insertions,
   deletions, substitutions; rounded down; of the longer one). Chains count: a person's spellings need not all be close.
5. If calls of one person differ in sex, those of the less frequent one are doubtful; of equally many, all are.
6. Two persons may be one if their first names differ by at most half of the letters, and their last names do or begin
   with the same letter. The one with fewer calls is doubtful (of equally many, the later one). Initials in place of a
   first name (no vowel in it) decide nothing: then the last names alone must differ by at most half.

Doubtful calls are used for nothing. local/wuw_voices.py adds a rule about voices.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace

MARKUP = re.compile(r"[\[{<][^\]}>]*[\]}>]")
UNINTELLIGIBLE = re.compile(r"\(\(\s*\)\)")
SAME, NEAR = 4, 2  # two words are spellings of one, or near, if they differ by at most one letter in so many
SHORT_FORMS = {
    "andy": "andrew", "bill": "william", "bob": "robert", "charlie": "charles", "chris": "christopher",
    "chuck": "charles", "dan": "daniel", "dave": "david", "don": "donald", "ed": "edward", "geoff": "jeffrey",
    "geoffrey": "jeffrey", "greg": "gregory", "jackie": "jack", "jeff": "jeffrey", "jen": "jennifer", "jim": "james",
    "joe": "joseph", "ken": "kenneth", "kim": "kimberly", "liz": "elizabeth", "matt": "matthew", "max": "maxim",
    "mike": "michael", "nick": "nicholas", "pat": "patricia", "rich": "richard", "rick": "richard", "rob": "robert",
    "ron": "ronald", "sam": "samuel", "steve": "steven", "sue": "susan", "tim": "timothy", "tom": "thomas",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A call: its number, what was said when asked for the name, and the corpus's columns.

    Attributes:
        caller: number of the caller, from 1; 0: unknown.
        doubt: why the call is used for nothing; "" if it is used.
    """

    number: str
    said: str
    sex: str
    phone: str
    caller: int = 0
    doubt: str = ""


def spoken_name(said):
    """Returns (first name, last name) in lower case, or None if the transcription is not one of a whole name."""
    said = MARKUP.sub(" ", said.lower())
    if UNINTELLIGIBLE.search(said):
        return None
    words = [word.strip(".,~^+") for word in re.sub(r"\(\(|\)\)", " ", said).split()]
    words = [word for word in words if re.fullmatch(r"[a-z']{2,}", word)]
    words = [word for before, word in zip([None, *words], words, strict=False) if word != before]
    return tuple(words) if len(words) == 2 else None


def distance(one, other):
    """Returns the number of inserted, deleted and substituted letters between two words (Levenshtein, 1966)."""
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        here = [row]
        for column, opposite in enumerate(other, 1):
            here.append(min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != opposite)))
        above = here
    return above[-1]


def same(one, other):
    """Whether two names are spellings of one (rules 3 and 4)."""
    return _same_first(one[0], other[0]) and _similar(one[1], other[1], SAME)


def near(one, other):
    """Whether two names may be one person's (rule 6)."""
    near_last = _similar(one[1], other[1], NEAR)
    initials = not all(re.search("[aeiouy]", first) for first in (one[0], other[0]))
    near_first = _same_first(one[0], other[0]) or _similar(one[0], other[0], NEAR)
    return near_first and (near_last or one[1][0] == other[1][0]) or initials and near_last


def _same_first(one, other):
    return _similar(SHORT_FORMS.get(one, one), SHORT_FORMS.get(other, other), SAME)


def _similar(one, other, letters_an_edit):
    return distance(one, other) <= max(len(one), len(other)) // letters_an_edit


def find_callers(calls):
    """Assigns callers to Calls, numbered in the order of their first calls; returns new Calls in the same order."""
    names = {call.number: spoken_name(call.said) for call in calls}
    groups = _groups(dict.fromkeys(filter(None, names.values())))
    numbers = {}
    for call in calls:
        if names[call.number]:
            numbers.setdefault(groups[names[call.number]], len(numbers) + 1)
    calls = [
        replace(c, caller=numbers[groups[names[c.number]]]) if names[c.number] else replace(c, doubt="no name")
        for c in calls
    ]
    calls = _doubt_sexes(calls)
    return _doubt_near_names(calls, names)


def _groups(names):
    """Joins names that are spellings of one, also over chains of them: {name: a name that stands for its group}."""
    groups = {name: name for name in names}
    for name in groups:
        for other in list(groups):
            if groups[name] != groups[other] and same(name, other):
                old, new = groups[other], groups[name]
                groups.update({member: new for member, group in groups.items() if group == old})
    return groups


def calls_of(calls):
    """Returns {caller: its calls that are not doubtful}."""
    found = {}
    for call in calls:
        if not call.doubt:
            found.setdefault(call.caller, []).append(call)
    return found


def _doubt_sexes(calls):
    counts = {caller: Counter(call.sex for call in own).most_common() for caller, own in calls_of(calls).items()}
    doubts = {}
    for caller, sexes in counts.items():
        tie = len(sexes) > 1 and sexes[0][1] == sexes[1][1]
        doubts |= {(caller, sex): "sex differs" for sex, _ in (sexes if tie else sexes[1:])}
    return [replace(call, doubt=call.doubt or doubts.get((call.caller, call.sex), "")) for call in calls]


def _doubt_near_names(calls, names):
    spellings = {}
    for call in calls:
        if call.caller:
            spellings.setdefault(call.caller, set()).add(names[call.number])
    kept, doubts = [], {}
    for caller, _ in sorted(calls_of(calls).items(), key=lambda item: (-len(item[1]), item[0])):
        rival = next((k for k in kept if any(near(a, b) for a in spellings[caller] for b in spellings[k])), None)
        if rival:
            doubts[caller] = f"name near caller {rival}"
        else:
            kept.append(caller)
    return [replace(call, doubt=call.doubt or doubts.get(call.caller, "")) for call in calls]
