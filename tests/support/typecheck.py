"""The type checker that the tests run `avnet` under: beartype, which takes an int for a float as Python does."""

from beartype import BeartypeConf, beartype

check_types = beartype(conf=BeartypeConf(is_pep484_tower=True))
