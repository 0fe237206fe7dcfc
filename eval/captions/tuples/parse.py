"""What a description claims, as tuples: objects, their attributes, and relations between them.

Rules over classes of words, left to right, without a grammar. A noun phrase is a head, its last noun, and attributes:
adjectives, numbers and nouns before it. A verb with a noun phrase after it is a relation, without one an attribute.
Prepositions relate the subject of the clause, `of` the noun before it, to what follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from avnet.units.words import words
from eval.captions.tuples.word_classes import (
    ADVERBS,
    AUXILIARIES,
    COMPOUND_PREPOSITIONS,
    CONJUNCTIONS,
    DETERMINERS,
    MEASURES,
    NUMBERS,
    PREPOSITIONS,
    PRONOUNS,
    RELATIVES,
    is_adjective,
    noun,
    verb,
)

Tuple = tuple[str, ...]
# In the order in which they are asked.
CLOSED = (
    ("determiner", DETERMINERS),
    ("number", NUMBERS),
    ("auxiliary", AUXILIARIES),
    ("conjunction", CONJUNCTIONS),
    ("pronoun", PRONOUNS),
    ("preposition", PREPOSITIONS),
    ("adverb", ADVERBS),
)


def tuples(sentence: str) -> frozenset[Tuple]:
    """The claims of a sentence: (object,), (object, attribute) and (object, relation, object), in base forms.

    Example:
        >>> sorted(tuples("A young girl standing on top of a tennis court."))
        ... # doctest: +NORMALIZE_WHITESPACE
        [('court',), ('court', 'tennis'), ('girl',), ('girl', 'on top of', 'court'), ('girl', 'stand'),
         ('girl', 'young')]
    """
    reader = _Reader()
    for kind, word in _tagged(words(sentence)):
        reader.take(kind, word)
    reader.end_phrase()
    reader.end_relation()
    return frozenset(reader.claims)


def _tagged(sentence: Sequence[str]) -> list[tuple[str, str]]:
    """Each word or compound with its class: determiner, adjective, noun, verb, preposition, auxiliary, ..."""
    tags: list[tuple[str, str]] = []
    place, bare = 0, False
    while place < len(sentence):
        compound = next((c for c in COMPOUND_PREPOSITIONS if tuple(sentence[place : place + len(c)]) == c), None)
        if compound:
            tags.append(("preposition", " ".join(compound)))
            place += len(compound)
            continue
        kind, word = _tag(sentence, place, tags[-1][0] if tags else "", bare)
        if kind == "verb":
            bare = word == sentence[place]
        tags.append((kind, word))
        place += 1
    return tags


def _tag(sentence: Sequence[str], place: int, before: str, bare: bool) -> tuple[str, str]:
    """The class of a word and its base form.

    Args:
        sentence: all words.
        place: of the word.
        before: class of what stands before it.
        bare: whether the last verb was in its base form.
    """
    word, after = sentence[place], sentence[place + 1 : place + 2]
    if word in RELATIVES and before == "noun":
        return "relative", word
    for kind, members in CLOSED:
        if word in members:
            return kind, word
    base = verb(word)
    in_phrase = before in ("determiner", "adjective", "number")
    if base and in_phrase and word.endswith(("ing", "ed")) and _names(after):
        # `a smiling boy`, `a parked car`.
        return "adjective", base
    if is_adjective(word):
        return "adjective", word
    if base and not in_phrase and _may_be_verb(word, base, before, sentence[:place], bare):
        return "verb", base
    if word.endswith("ly") and len(word) > 4 and not in_phrase:
        return "adverb", word
    return "noun", noun(word)


def _may_be_verb(word: str, base: str, before: str, read: Sequence[str], bare: bool) -> bool:
    """Whether what may be a verb is one, outside of a noun phrase."""
    last = read[-1] if read else ""
    if before == "preposition":
        # `to jump`, `after jumping`; but `in flight`.
        return word.endswith("ing") or (last == "to" and word == base)
    if before == "verb":
        # `runs holding`, but `riding bikes`.
        return word.endswith(("ing", "ed"))
    if word != base:
        return True
    if before == "conjunction":
        # `dogs swim and play`, but `a hat and dress`.
        return bare
    # `dogs play` and `a boy and a dog play`, but `a princess dress`.
    return before != "noun" or noun(last) != last or "and" in read


def _names(after: Sequence[str]) -> bool:
    """Whether what follows can be the noun of a phrase that has begun."""
    others = DETERMINERS | PREPOSITIONS | CONJUNCTIONS | AUXILIARIES | RELATIVES
    return bool(after) and after[0] not in others


@dataclass
class _Reader:
    """Where a sentence has been read to.

    Attributes:
        claims: made so far.
        subjects: heads of which the clause speaks.
        last: heads of the last noun phrase.
        attributes: of the noun phrase that is being read.
        nouns: of it, so far.
        relation: (those related, by what), waiting for a noun phrase; a verb may find none.
        is_verb: whether it is of a verb.
        joins: whether `and` stands before the noun phrase.
        said: whether the clause has its verb.
        related: the relation that the last noun phrase has.
    """

    claims: set[Tuple] = field(default_factory=set)
    subjects: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    nouns: list[str] = field(default_factory=list)
    relation: tuple[list[str], str] | None = None
    is_verb: bool = False
    joins: bool = False
    said: bool = False
    related: tuple[list[str], str] | None = None

    def take(self, kind: str, word: str) -> None:
        """Reads one word."""
        if kind in ("adjective", "number"):
            if self.nouns:
                self.end_phrase()
            self.attributes.append(word)
        elif kind == "noun":
            self.nouns.append(word)
        elif kind == "conjunction" and self.attributes and not self.nouns:
            # `a black and white dog`.
            return
        elif word == "of" and self.nouns and self.nouns[-1] in MEASURES:
            # `a group of people`: what follows is the head of this noun phrase.
            self.attributes, self.nouns = [], []
        else:
            self.end_phrase()
            getattr(self, f"_{kind}")(word)

    def _determiner(self, word: str) -> None:
        """Begins a noun phrase, which `end_phrase` has done."""

    def _adverb(self, word: str) -> None:
        """Says nothing of objects."""

    def _pronoun(self, word: str) -> None:
        """Stands for what has been named: a relation to it is dropped, of a verb its attribute stays."""
        self.end_relation()

    def _auxiliary(self, word: str) -> None:
        self.end_relation()
        # A finite verb speaks of the subject again.
        self.joins, self.said = False, True

    def _relative(self, word: str) -> None:
        self.end_relation()
        self.subjects = list(self.last)

    def _conjunction(self, word: str) -> None:
        self.joins = word == "and" and self.relation is None

    def _verb(self, word: str) -> None:
        self.end_relation()
        self.relation, self.is_verb, self.said = (list(self.subjects), word), True, True
        self.joins = False

    def _preposition(self, word: str) -> None:
        sources = self.last if word == "of" and self.last else self.subjects
        self.end_relation()
        self.relation, self.is_verb, self.joins = (list(sources), word), False, False

    def end_relation(self) -> None:
        """A verb without an object is an attribute of its subject; a preposition without one says nothing."""
        if self.relation and self.is_verb:
            self.claims.update((source, self.relation[1]) for source in self.relation[0])
        self.relation = None

    def end_phrase(self) -> None:
        """Claims the noun phrase read, and relates it to what waits for it."""
        attributes, nouns = self.attributes, self.nouns
        self.attributes, self.nouns = [], []
        if not nouns:
            # `the dog is black`.
            self.claims.update((source, attribute) for source in self.subjects for attribute in attributes if self.said)
            return
        *modifiers, head = nouns
        self.claims.add((head,))
        self.claims.update((head, attribute) for attribute in (*attributes, *modifiers))
        if self.relation:
            sources, name = self.relation
            self.claims.update((source, name, head) for source in sources)
            self.related = self.relation
            self.relation, self.last = None, [head]
        elif self.joins and self.last:
            self._join(head)
        else:
            self.last = self.subjects = [head]
            self.said = False
        self.joins = False

    def _join(self, head: str) -> None:
        """Another head with the same part in the clause as the last: a second subject, or object."""
        if self.last == self.subjects or self.related is None:
            self.subjects = self.last = [*self.subjects, head]
        else:
            sources, name = self.related
            self.claims.update((source, name, head) for source in sources)
            self.last = [*self.last, head]
