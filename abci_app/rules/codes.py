"""Why a rule is refused. Module number 10, so codes 1001 and up; frozen once released."""

from __future__ import annotations

from enum import IntEnum


class RuleCode(IntEnum):
    """What is wrong with the bytes of a tree, a table or a bundle, or with the arguments of a call."""

    MALFORMED = 1001  # not the one spelling of any tree, table or bundle
    TOO_LARGE = 1002  # bytes, nodes, nesting, rows, names: a size above its cap
    BAD_NAME = 1003  # a keyword, a reserved word, or the name of an intrinsic or helper
    DUPLICATE_NAME = 1004  # two functions, parameters, results, tables, enums, members or columns of one name
    BAD_DECLARATION = 1005  # a declared kind, range, unit or key that cannot be
    NOT_SUPPORTED = 1006  # reserved in the tree's form, not yet part of the language
    NOT_CANONICAL = 1007  # means the same as another spelling, which is the one to use
    UNDEFINED = 1010  # a name that has no value on some path
    WRONG_TYPE = 1011  # a number where a condition is wanted, and the like
    MAY_BE_NONE = 1012  # a field of a row that a look-up may not have found
    NO_SUCH_COLUMN = 1013
    NO_SUCH_TABLE = 1014
    NO_SUCH_FUNCTION = 1015
    WRONG_ARGUMENTS = 1016  # a function called with too few, too many, the wrong kind or too wide a range
    WRONG_UNIT = 1017  # CNY + USD, Seconds + Money, a plain number where a unit is wanted
    NO_SUCH_ENUM = 1018  # an enum, or a member of one, that the rule does not declare
    LEAVES_64_BITS = 1020  # an operation may reach a value outside -2^63 .. 2^63 - 1
    DIVISOR_NOT_POSITIVE = 1021
    RESULT_OUT_OF_RANGE = 1022  # a returned value may leave its declared range
    WRONG_RESULT = 1023  # other number or kind of results than declared
    MAY_NOT_RETURN = 1024
    UNREACHABLE = 1025
    ASSIGNED_LOOP_NAME = 1026  # a loop's name is already in use, or is assigned inside the loop
    TOO_COSTLY = 1030  # static worst-case cost, or the work of checking, above its cap
    BAD_TABLE = 1040  # rows outside declared ranges, unsorted, duplicated, too many
    BAD_MANIFEST = 1050  # digests, costs or names that do not match the content
    BAD_INTERFACE = 1051  # lacks an entry point of its slot, or declares other leading parameters or results
    VECTOR_FAILED = 1052  # a vector of the bundle gives another result than it says
    NO_VECTORS = 1053  # an entry point without a vector
    NO_ENTRY_POINT = 1060  # a call of an entry point that the rule does not have
    ARGUMENT_OUT_OF_RANGE = 1061  # a call with an argument outside its declared kind or range
    REJECTED_BY_RULE = 1062  # the rule itself said reject("..."): a business result


class RuleRefused(Exception):
    """A tree, table, bundle or call that the rule room does not take. Part of normal operation.

    `where` names the function and the expression in canonical text; `node` is the part of the tree
    (None for bytes, tables and bundles), which the authoring side turns into line and column.
    """

    def __init__(self, code: RuleCode, where: str, expected: object, actual: object, node: object = None) -> None:
        super().__init__(f"{code.name} ({code.value}) in {where}: expected {expected}, got {actual}")
        self.code = code
        self.where = where
        self.expected = expected
        self.actual = actual
        self.node = node


class RejectedByRule(Exception):
    """The rule itself said `reject("CODE")`: a business result, not a fault."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
