"""Every attack, trap and advisory that the research on rule engines lists, and the test that shows it refused.

Sources are places in that research: a section, an engine that fell to the attack, an advisory, or the number of a trap.
"""

from __future__ import annotations

from typing import NamedTuple


class Attack(NamedTuple):
    """One attack and its test: `folder/test_file.py::test[id]` below `tests`, of ours `file::test[id]`."""

    source: str
    what: str
    shown_by: str


_TEXT = "test_attacks.py::test_what_is_not_the_language_is_refused_with_its_place"
_PROOF = "test_attacks.py::test_what_cannot_be_proved_is_refused_with_its_code"
_ESCAPE = "test_escapes.py::test_a_way_out_is_refused_with_its_place"
_FILE = "test_escapes.py::test_a_file_that_does_more_than_a_rule_is_refused"
_SEEN = "test_escapes.py::test_text_that_reads_otherwise_than_it_runs_is_not_what_voters_see"
_WORDS = "test_escapes.py::test_words_that_would_be_code_are_refused_when_the_bytes_are_read"
_BOMB = "test_bombs.py::test_a_bomb_is_refused_in_bounded_time_and_memory"
_FITS = "test_bombs.py::test_the_largest_that_is_taken_is_loaded_in_bounded_time_and_memory"
_CLAIM = "test_bombs.py::test_bytes_that_claim_more_than_they_hold_cost_nothing"
_TEXT_BOMB = "test_bombs.py::test_text_that_is_a_bomb_is_refused_by_the_author_s_tool"
_LOADED = "test_bombs.py::test_a_bundle_of_any_content_is_loaded_or_refused_in_bounded_time_and_memory"
_TREE = "test_hostile_bytes.py::test_a_tree_made_by_hand_is_refused_with_its_code"
_SPELLING = "test_hostile_bytes.py::test_a_tree_has_one_spelling"
_TABLE = "test_hostile_bytes.py::test_a_table_made_by_hand_is_refused_with_its_code"
_BUNDLE = "test_hostile_bundles.py::test_a_bundle_that_lies_or_is_packed_otherwise_is_refused"
_NODE = "test_edges.py::test_the_surroundings_of_a_node_change_nothing"

ENGINES = (
    Attack("own prototype", "a loop without end", f"{_TEXT}[while]"),
    Attack("own prototype", "loops in loops", f"{_PROOF}[nested loops]"),
    Attack("own prototype", "a product of 127 bits", f"{_PROOF}[product overflows]"),
    Attack("own prototype", "slices: work in proportion, uncounted", f"{_TEXT}[slice]"),
    Attack("wasm", "a spin of 2^62 rounds", f"{_PROOF}[endless loop]"),
    Attack("wasm, ctypes", "numbers above 64 bits cut silently", f"{_TREE}[a number of 2^63]"),
    Attack("wasm", "600 KB of straight code to compile", f"{_FITS}[sums]"),
    Attack("micropython", "reading past a table's end", f"{_TABLE}[a row too many]"),
    Attack("componentize-py", "a plugin of megabytes", f"{_BUNDLE}[above 512 KiB]"),
    Attack("starlark-pyo3", "[0] * 2^28", f"{_TEXT}[list]"),
    Attack("starlark-pyo3", "a list that doubles", f"{_TEXT_BOMB}[a list that doubles]"),
    Attack("starlark-pyo3", "26 squarings of a number: 9.6 s, no tick", f"{_TEXT_BOMB}[a number squared 26 times]"),
    Attack("starlark-go", "a list bomb aborts the process", f"{_TEXT_BOMB}[a list of 2^40]"),
    Attack("starlark-go", "a call that never comes back", f"{_PROOF}[recursion]"),
    Attack("RestrictedPython", "10 ** 10 ** 7", f"{_TEXT}[power]"),
    Attack("RestrictedPython", "hash() differs in each process", f"{_PROOF}[hash]"),
    Attack("RestrictedPython", "id() differs in each process", f"{_ESCAPE}[identity differs in each process]"),
    Attack("RestrictedPython", "a set's order differs in each process", f"{_TEXT}[set order]"),
    Attack("RestrictedPython", "0.1 + 0.2", f"{_ESCAPE}[0.1 + 0.2]"),
    Attack(
        "CVE-2023-37271", "frames through a generator", f"{_ESCAPE}[CVE-2023-37271: stack frames through a generator]"
    ),
    Attack(
        "CVE-2023-41039", "attributes through str.format", f"{_ESCAPE}[CVE-2023-41039: attributes through str.format]"
    ),
    Attack(
        "CVE-2024-47532", "attributes through an error", f"{_ESCAPE}[CVE-2024-47532: attributes through an error's obj]"
    ),
    Attack("CVE-2025-22153", "type confusion by except*", f"{_ESCAPE}[CVE-2025-22153: type confusion by except*]"),
    Attack(
        "CVE-2026-76825", "objects through Formatter", f"{_ESCAPE}[CVE-2026-76825: objects through Formatter.get_field]"
    ),
    Attack(
        "CVE-2026-55830",
        "a guard shadowed, the escape that 8.3 closed",
        f"{_FILE}[CVE-2026-55830: a guard shadowed by a positional-only parameter]",
    ),
    Attack("cel", "seven maps in each other: 30 s", f"{_TEXT_BOMB}[comprehensions in each other]"),
    Attack(
        "cel",
        "division that cuts towards 0",
        "test_edges.py::test_division_floors_and_the_remainder_has_the_divisor_s_sign",
    ),
    Attack("cel", "no loops or locals: the host must look up", f"{_ESCAPE}[a call back into the host]"),
    Attack("pydantic-monty", "squarings kill the worker", f"{_BOMB}[squares beyond 64 bits]"),
    Attack("lupa", "pcall catches the meter's error", f"{_ESCAPE}[the fuel's end caught: pcall]"),
    Attack("lupa", "a pattern that backtracks", f"{_ESCAPE}[a regular expression that backtracks]"),
    Attack("lupa", "debug.sethook switches the meter off", f"{_ESCAPE}[the meter switched off: debug.sethook]"),
    Attack("lupa", "numbers wrap at 64 bits", f"{_PROOF}[addition overflows]"),
    Attack("quickjs", "2^53 + 1 becomes 2^53", "test_edges.py::test_numbers_beyond_the_doubles_stay_what_they_are"),
    Attack("zen-engine", "an overflow becomes a float", f"{_PROOF}[difference overflows]"),
    Attack("datalogic", "a float by exponent", f"{_ESCAPE}[a float by exponent]"),
    Attack("Xian", "opcodes traced: sys.settrace", f"{_ESCAPE}[the meter switched off: sys.settrace]"),
    Attack("Xian", "code compiled by the client", f"{_BUNDLE}[compiled code beside the tree]"),
    Attack("Polars", "2^62 * 4 is 0", f"{_BOMB}[a thousand squares]"),
    Attack("Polars", "1 / 0 is null", f"{_PROOF}[division by zero]"),
    Attack(
        "Polars", "keys beyond 64 bits over columns", "test_edges.py::test_keys_outside_a_table_s_ranges_find_nothing"
    ),
)
"""Section 2: what was run against the engines that were measured."""

WEAK_SPOTS = (
    Attack(
        "CVE-2021-32629, -2023-26489, -2026-34971, -34987",
        "a compiler's mistakes",
        "test_attack_register.py::test_no_other_engine_runs_rules",
    ),
    Attack(
        "wasmtime, wasmi",
        "what a unit of fuel means changes",
        "test_plugins.py::test_the_bytes_of_a_shipped_rule_are_frozen",
    ),
    Attack("wasmtime", "how deep a stack is depends on the version", f"{_TREE}[values 60 deep]"),
    Attack("CosmWasm 2023-002", "host and guest call each other", f"{_TREE}[two helpers in a circle]"),
    Attack("CosmWasm 2023-004", "very many parameters to compile", f"{_TREE}[a helper of 33 parameters]"),
    Attack("CosmWasm 2024-002", "a standard library that wraps: abs", f"{_TREE}[the magnitude of the least]"),
    Attack("CosmWasm 2024-002", "a standard library that wraps: products", f"{_TREE}[a product of 2^126]"),
    Attack("CosmWasm 2024-002", "a standard library that wraps: increments", f"{_TREE}[increments past 2^63]"),
    Attack(
        "CosmWasm 2024-004",
        "work ten times dearer than its price",
        "test_bombs.py::test_keys_chosen_to_collide_cost_no_more_than_others",
    ),
    Attack("CosmWasm 2024-007", "work without a price: checking", f"{_BOMB}[names times rounds]"),
    Attack("CosmWasm 2024-007", "work without a price: vectors", f"{_LOADED}[vectors above their cost]"),
    Attack(
        "CosmWasm 2024-008",
        "the host breaks off and forgets the price",
        "test_checker_fuzz.py::test_no_accepted_tree_raises_or_leaves_64_bits",
    ),
    Attack("CosmWasm 2025-003", "a node's flag changes results", f"{_NODE}[developer mode]"),
    Attack("CosmWasm 2025-007", "replies without end", f"{_BOMB}[helpers that double]"),
    Attack("Juno's halt", "the clock as a default", f"{_ESCAPE}[the clock]"),
    Attack("starlark-go #606, #160", "no bound of memory", f"{_CLAIM}[an array of 2^32]"),
)
"""Section 2: "What the sources say about known weak spots"."""

TRAPS = (
    Attack(
        "trap 1",
        "text is compiled in consensus",
        "test_attack_register.py::test_consensus_never_reads_an_author_s_text",
    ),
    Attack(
        "trap 2",
        "syntax trees and bytecode differ by version",
        "test_units_and_helpers.py::test_the_text_of_everything_is_canonical_and_its_bytes_are_frozen",
    ),
    Attack("trap 3", "hashing differs in each process", f"{_NODE}[another secret of hashing]"),
    Attack(
        "trap 4",
        "a broad except around rules",
        "style/test_style.py::test_broad_catches_stand_only_where_architecture_names_them",
    ),
    Attack("trap 5", "large numbers that no counter sees", f"{_TEXT_BOMB}[a tower of powers]"),
    Attack("trap 6", "try in the guest", f"{_TEXT}[try]"),
    Attack("trap 7", "the meter within reach", "test_attacks.py::test_a_rule_reaches_nothing_but_its_own_names"),
    Attack("trap 8", "uncounted work: sorting", f"{_ESCAPE}[sorting]"),
    Attack("trap 8", "uncounted work: sums", f"{_ESCAPE}[sum over a table]"),
    Attack("trap 8", "uncounted work: text repeated", f"{_ESCAPE}[text repeated]"),
    Attack("trap 9", "the least over minus one, where division cuts", f"{_PROOF}[the least over minus one]"),
    Attack("trap 10", "columns wrap: products", "test_edges.py::test_a_product_of_126_bits_is_divided_exactly"),
    Attack("trap 11", "a float in a tree", f"{_TREE}[a float]"),
    Attack("trap 11", "not a number in a table", f"{_TABLE}[not a number in a cell]"),
    Attack("trap 12", "a cost that is one less than the work", f"{_BUNDLE}[a cost that is one less]"),
    Attack("trap 13", "a rule that calls its entry point", f"{_TREE}[a call of an entry point]"),
    Attack("trap 14", "a compile bomb: nesting", f"{_CLAIM}[half a million arrays in each other]"),
    Attack("trap 14", "a compile bomb: width", f"{_TREE}[a condition of 9,000]"),
    Attack("trap 14", "a compile bomb: branches", f"{_FITS}[a long chain]"),
    Attack(
        "trap 14",
        "a check bomb: calls of many arguments in each other",
        f"{_FITS}[calls of many arguments in each other]",
    ),
    Attack(
        "trap 15",
        "a cache under another engine's key",
        "test_hostile_bundles.py::test_every_field_of_a_bundle_changes_its_name",
    ),
    Attack("trap 16", "tar has no one spelling", f"{_BUNDLE}[tar]"),
    Attack("trap 16", "gzip has no one spelling", f"{_BUNDLE}[gzip]"),
    Attack("trap 16", "zip has no one spelling", f"{_BUNDLE}[zip]"),
    Attack("trap 17", "a hash without its content", f"{_BUNDLE}[a hash in place of the tree]"),
    Attack("trap 18", "the network from a rule", f"{_ESCAPE}[the network]"),
    Attack("trap 19", "a tally by floats", "domain/test_governance_votes.py::test_the_chain_counts_to_over_two_thirds"),
    Attack(
        "trap 19",
        "votes of those who came later",
        "domain/test_governance_votes.py::test_a_member_admitted_after_voting_started_has_no_vote_on_it",
    ),
    Attack(
        "trap 19",
        "a vote for something else",
        "domain/test_governance_votes.py::test_a_vote_names_the_exact_proposal",
    ),
    Attack(
        "trap 20",
        "two versions due at one height",
        "domain/test_governance_rules.py::test_two_versions_of_a_rule_do_not_share_a_height",
    ),
    Attack(
        "trap 21",
        "work at the height of the switch",
        "domain/test_governance_rules.py::test_nothing_runs_when_the_height_comes",
    ),
    Attack(
        "trap 22",
        "activation from anything but state",
        "determinism/test_replay.py::test_the_surroundings_change_nothing",
    ),
    Attack(
        "trap 23",
        "a later version for earlier usage",
        "domain/test_rulebook.py::test_a_later_version_does_not_change_the_answer_for_a_past_height",
    ),
    Attack("trap 24", "time zones from the system", f"{_ESCAPE}[a time zone library]"),
    Attack("trap 24", "the node's own time zone", f"{_NODE}[another time zone]"),
    Attack("trap 25", "letters that look alike", f"{_FILE}[a letter that looks like another]"),
    Attack("trap 25", "digits of other scripts", f"{_FILE}[digits that are not 0 to 9]"),
    Attack("trap 25", "letters that run backwards", f"{_FILE}[letters that run backwards]"),
    Attack("trap 26", "PYTHONINTMAXSTRDIGITS", f"{_NODE}[few digits of text]"),
    Attack("trap 26", "the limit of recursion", f"{_TEXT_BOMB}[parentheses]"),
    Attack("trap 27", "a rule that reads the environment", f"{_ESCAPE}[the environment]"),
    Attack(
        "trap 28",
        "a message that takes a vote, sent without one",
        "domain/test_governance_rules.py::test_what_takes_a_vote_cannot_be_sent",
    ),
    Attack("trap 31", "rounding that differs between machines", f"{_ESCAPE}[round to even, silently]"),
    Attack(
        "trap 32",
        "a mistake that all nodes make alike",
        "domain/test_governance_versions.py::test_a_third_and_one_stop_a_rule_and_it_lapses_unless_ratified",
    ),
    Attack(
        "section 6",
        "a key revoked between vote and activation",
        "domain/test_governance_versions.py::test_a_version_loses_its_vote_with_the_keys_that_carried_it",
    ),
    Attack(
        "section 6",
        "a node that computes otherwise",
        "domain/test_governance_rules.py::test_a_node_that_computes_otherwise_is_never_ready_and_the_others_go_on",
    ),
    Attack(
        "section 6",
        "bytes changed after the vote",
        "domain/test_governance_rules.py::test_bytes_changed_after_the_vote_are_refused",
    ),
)
"""Section 5. What is not here has no text, tree or bundle that could be refused: see `ELSEWHERE`."""

AUTHORS = (
    Attack("bundle", "a bundle exchanged after the vote", f"{_BUNDLE}[a table exchanged after the vote]"),
    Attack("bundle", "a tree under another's hash", f"{_BUNDLE}[another tree under the same hash]"),
    Attack("bundle", "an interface it does not have", f"{_BUNDLE}[a tolerance that calls itself a tariff]"),
    Attack("bundle", "a vector that is wrong by one", f"{_BUNDLE}[a vector that is wrong by one]"),
    Attack("bundle", "True that passes for 1", f"{_BUNDLE}[True for 1 in a vector]"),
    Attack("bundle", "a refusal as long as the bundle", f"{_BUNDLE}[a vector of half a million results]"),
    Attack("text", "a comment that contradicts the code", f"{_SEEN}[a comment that contradicts]"),
    Attack("text", "an encoding that Python would follow", f"{_SEEN}[an encoding that Python would follow]"),
    Attack("text", "a line hidden by a carriage return", f"{_SEEN}[a carriage return that hides a line]"),
    Attack("text", "a column declared twice", f"{_FILE}[a column declared twice]"),
    Attack("bytes", "a note that ends its string", f"{_WORDS}[a note that ends its string]"),
    Attack("bytes", "a note that ends in a backslash", f"{_WORDS}[a note that ends in a backslash]"),
    Attack("bytes", "a code that ends its string", f"{_WORDS}[a code that ends its string]"),
    Attack("bytes", "a name that the executor binds", f"{_WORDS}[a name bound by the executor]"),
    Attack("bytes", "two trees with one text", "test_escapes.py::test_no_two_trees_have_one_text"),
    Attack("bytes", "one tree in two spellings", f"{_SPELLING}[a number in two bytes]"),
    Attack("bytes", "units mixed past the text", f"{_TREE}[CNY and USD]"),
    Attack("bytes", "a written number that becomes an enum", f"{_TREE}[a written number that becomes an enum]"),
    Attack("bytes", "a name that changes its kind", f"{_TREE}[a number that becomes a row]"),
    Attack("bytes", "rows times rows times rows", f"{_TREE}[rows times rows times rows]"),
    Attack("table", "a value outside its range", f"{_TABLE}[a value above its range]"),
    Attack("table", "keys that are not sorted", f"{_TABLE}[keys not sorted]"),
    Attack("table", "a key twice", f"{_TABLE}[a key twice]"),
    Attack("table", "True for 1 in a key", f"{_TABLE}[True for 1]"),
)
"""Section 6, and what a rule's author may try against this language in particular."""

REGISTER = (*ENGINES, *WEAK_SPOTS, *TRAPS, *AUTHORS)
ELSEWHERE = {
    29: "confidential tariffs as numbers in a public text: tables stand beside the code, nothing to refuse",
    30: "two packages of one name: no other engine is installed, as under the advisories above",
}
"""Traps, by number, that no rule can spring, and whose they are."""
