"""Classes of English words, as far as descriptions of images need them, and their base forms.

What is in no list and has no telling ending is taken for a noun: most words of descriptions that are not listed are.
"""

_DETERMINERS = """
    a an the this that these those his her its their my our your some any each every another other both all no what
    several many few 's
"""
DETERMINERS = frozenset(_DETERMINERS.split())
# Said as attributes of what they count.
_NUMBERS = """
    one two three four five six seven eight nine ten eleven twelve
"""
NUMBERS = frozenset(_NUMBERS.split())
_PREPOSITIONS = """
    about above across after against along alongside amid among amongst around as at atop before behind below
    beneath beside besides between beyond by down during for from in inside into like near next of off on onto
    outside over past through to toward towards under underneath up upon with within without
"""
PREPOSITIONS = frozenset(_PREPOSITIONS.split())
# Runs of words that are one relation; longer ones first.
COMPOUND_PREPOSITIONS = tuple(
    tuple(one.split())
    for one in (
        "on the side of",
        "in the middle of",
        "in the back of",
        "at the edge of",
        "on the edge of",
        "at the top of",
        "on top of",
        "in front of",
        "next to",
        "close to",
        "out of",
        "outside of",
        "inside of",
        "off of",
        "on to",
    )
)
_CONJUNCTIONS = """
    and or but while whilst
"""
CONJUNCTIONS = frozenset(_CONJUNCTIONS.split())
_RELATIVES = """
    who which that as
"""
RELATIVES = frozenset(_RELATIVES.split())
_PRONOUNS = """
    he she it they him them something someone himself herself itself themselves there i we you us me
"""
PRONOUNS = frozenset(_PRONOUNS.split())
_AUXILIARIES = """
    is are was were be been being am can could will would 're
"""
AUXILIARIES = frozenset(_AUXILIARIES.split())
_ADVERBS = """
    not n't very too just also together away apart forward backward backwards still almost so then back ahead nearby
    upside out outdoors indoors onstage downhill underwater aside where when how
"""
ADVERBS = frozenset(_ADVERBS.split())
# They count or bound the noun after `of`, which is the object.
_MEASURES = """
    group pair couple bunch set lot number crowd piece top side middle edge front row stack pile kind type line
"""
MEASURES = frozenset(_MEASURES.split())
_ADJECTIVES = """
    abandoned adult african airborne alone american ancient angry antique asian asleep athletic bald bare barefoot
    bearded beautiful beige big black blond blonde blue blurry brick bright broken brown busy calm casual chinese
    clean clear closed cloudy cold colored colorful colourful concrete crowded curly curved cute dark dead
    decorative deep different dirty double dressed dry dusty elderly empty excited fake fallen fancy fat female
    fenced few first flat flowered fluffy foggy formal fresh front frozen full funny furry fuzzy german giant gold
    golden grassy gray green grey haired hairy happy hard heavy high hooded hot huge icy indian indoor inflatable
    japanese large larger largest last leafy left light lit little live lone long low lower male many maroon metal
    middle-aged modern muddy multicolored multiple muzzled naked narrow neon new nice old older open orange outdoor
    outstretched pale parked paved pink plaid plain plastic pretty professional public purple quiet rainy ready red
    right rocky rough round rural rusty sad same sandy second several shaggy shallow sharp shiny shirtless short
    silver similar single skinny small smaller smallest smiling smooth snow-covered snowy soft spotted square steep
    stone strange striped stuffed sunny tall tan teenage thick thin third tight tiny tired topless toy upper urban
    various warm wet white whole wide wild wooded wooden yellow young younger
"""
ADJECTIVES = frozenset(_ADJECTIVES.split())
# Base forms; what follows a determiner, a number, an adjective or a preposition is a noun all the same (`a jump`).
_VERBS = """
    adorn aim appear approach ascend ask attach attack attempt balance bark bat bathe be beat begin bend bicycle
    bike bite block blow bounce bound build burn buy camp carry cast catch celebrate charge chase cheer chew clap
    clean climb close come compete contain cook cover cradle crash crawl cross crouch crowd cry cuddle cut cycle
    dance dangle dash decorate descend dig display dive do drag draw dress dribble drink drive drop eat embrace
    emerge enjoy enter examine face fall feed fetch fight fill film fish flap flip float fly follow gallop gather
    gaze get give glide go grab graze grind growl guard hang have head help herd hide hike hit hold hop hover hug
    hurdle illuminate inspect jog juggle jump kayak kick kiss kneel knit land laugh lay lead lean leap leave lick
    lie lift light line listen look lope lounge make maneuver march move navigate nuzzle observe offer open operate
    overlook paddle paint paraglide park pass pause pedal peddle peek peer perch perform pet photograph pick pile
    pitch play play-fight plunge point pose pour practice prepare pretend pull punch push put race raise rappel
    reach read reflect relax rest retrieve ride rise roll rollerblade row rub run rush sail say scale scratch scream
    seat see seem sell set shake share shoot shop shout shovel show sing sip sit skate skateboard ski skip sled
    sleep slide smell smile smoke snarl sniff snowboard snuggle soar speak spin splash spray sprint squat squirt
    stand stare start step stick stop stretch strike stroll struggle stumble submerge surf surround sway swim swing
    tackle take talk teach throw tie toss touch tow trail train travel trek trot try tug tumble turn twirl type use
    wade wait walk wander wash watch wave wear wipe work wrap wrestle write yawn yell
"""
VERBS = frozenset(_VERBS.split())
# Forms that no rule finds.
IRREGULAR_VERBS = {
    "lying": "lie",
    "laying": "lie",
    "lays": "lie",
    "lies": "lie",
    "tying": "tie",
    "ran": "run",
    "sat": "sit",
    "stood": "stand",
    "held": "hold",
    "caught": "catch",
    "threw": "throw",
    "thrown": "throw",
    "worn": "wear",
    "wore": "wear",
    "rode": "ride",
    "hung": "hang",
    "taken": "take",
    "took": "take",
    "seen": "see",
    "shown": "show",
    "built": "build",
    "bent": "bend",
    "made": "make",
    "hid": "hide",
    "ridden": "ride",
    "has": "have",
    "had": "have",
    "does": "do",
    "did": "do",
    "having": "have",
}
# Nouns with the ending of a verb or of an adverb.
_NOUNS = """
    awning bed bedding belly boxing building bull-riding butterfly camping carving ceiling clothes clothing covering
    crossing drawing duckling dumpling earring evening family feeding fencing ferris fly hiking inner-tube jelly
    king lighting lily morning opening painting parking racing railing red ring seed shed sibling skating skiing
    sled something spring string surfing swimming thing wedding weed wing
"""
NOUNS = frozenset(_NOUNS.split())
IRREGULAR_NOUNS = {
    "men": "man",
    "women": "woman",
    "children": "child",
    "people": "person",
    "persons": "person",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "geese": "goose",
    "knives": "knife",
    "leaves": "leaf",
    "wolves": "wolf",
    "shelves": "shelf",
    "snowmen": "snowman",
    "policemen": "policeman",
    "firemen": "fireman",
    "grass": "grass",
    "dress": "dress",
    "glass": "glass",
    "glasses": "glasses",
    "sunglasses": "sunglasses",
    "goggles": "goggles",
    "clothes": "clothes",
    "jeans": "jeans",
    "pants": "pants",
    "shorts": "shorts",
    "bus": "bus",
    "gas": "gas",
    "tennis": "tennis",
    "ferris": "ferris",
    "canvas": "canvas",
    "cactus": "cactus",
    "stairs": "stair",
    "movies": "movie",
    "cookies": "cookie",
    "hoodies": "hoodie",
}


def noun(word: str) -> str:
    """The singular."""
    if word in IRREGULAR_NOUNS:
        return IRREGULAR_NOUNS[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def verb(word: str) -> str | None:
    """The base form of a listed verb, or of what ends in -ing; None of all else."""
    if word in IRREGULAR_VERBS:
        return IRREGULAR_VERBS[word]
    if word in NOUNS:
        return None
    for base in _bases(word):
        if base in VERBS:
            return base
    # Of a verb that is not listed, all forms but this one are taken for nouns.
    return next(iter(_bases(word))) if word.endswith("ing") and len(word) > 5 else None


def _bases(word: str) -> list[str]:
    """What a form may be of, the form itself last."""
    bases = []
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word[: -len(ending)]
            # `running` is of `run`, `riding` of `ride`.
            doubled = [stem[:-1]] if stem[-2:-1] == stem[-1] and stem[-1] not in "sl" else []
            bases += [*doubled, stem, stem + "e"]
            if stem.endswith("i"):
                bases.append(stem[:-1] + "y")
    if word.endswith("ies"):
        bases.append(word[:-3] + "y")
    if word.endswith("es"):
        bases.append(word[:-2])
    if word.endswith("s"):
        bases.append(word[:-1])
    return [*bases, word]


def is_adjective(word: str) -> bool:
    """Whether a word is listed as an adjective, or is compounded with the ending of one (`brown-haired`)."""
    return word in ADJECTIVES or ("-" in word and word.endswith("ed"))
