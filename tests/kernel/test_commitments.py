"""Commitments and their proof of knowledge, against published points and a second implementation."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.kernel import commitments as pedersen
from abci_app.kernel.curve import ORDER, read_point, read_scalar, times, times_base, total

FIELD = 2**256 - 2**32 - 977  # SEC 2, 2.4.1: p, a = 0, b = 7 and G
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Affine = tuple[int, int] | None

values = st.integers(0, pedersen.LARGEST_VALUE)
scalars = st.integers(1, ORDER - 1)
openings = st.lists(st.tuples(values, scalars), min_size=1, max_size=6)


def add(left: Affine, right: Affine) -> Affine:
    """The chord-and-tangent rule as textbooks print it: shares no code with libsecp256k1."""
    if left is None or right is None:
        return left or right
    if left[0] == right[0]:
        if (left[1] + right[1]) % FIELD == 0:
            return None
        slope = 3 * left[0] ** 2 * pow(2 * left[1], -1, FIELD)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, FIELD)
    x = (slope**2 - left[0] - right[0]) % FIELD
    return x, (slope * (left[0] - x) - left[1]) % FIELD


def multiply(scalar: int, point: Affine) -> Affine:
    product: Affine = None
    while scalar:
        if scalar & 1:
            product = add(product, point)
        point, scalar = add(point, point), scalar >> 1
    return product


def compressed(point: Affine) -> bytes:
    assert point is not None
    return bytes((2 + point[1] % 2,)) + point[0].to_bytes(32, "big")


def decompressed(raw: bytes) -> Affine:
    x = int.from_bytes(raw[1:], "big")
    y = pow(x**3 + 7, (FIELD + 1) // 4, FIELD)
    assert (y * y - x**3 - 7) % FIELD == 0
    return (x, y) if y % 2 == raw[0] - 2 else (x, FIELD - y)


H = decompressed(pedersen.GENERATOR)


def declared(opened: list[tuple[int, int]], statement: bytes = b"statement") -> tuple[list[bytes], bytes]:
    commitments = [pedersen.commit(value, r) for value, r in opened]
    figures, blindings = [value for value, _ in opened], [r for _, r in opened]
    return commitments, pedersen.prove(statement, figures, blindings, commitments, b"s" * 32)


# multiples of G: 3 is the public key of BIP 340's test vector 0, the others are in Chuck Batson's list
PUBLISHED = {
    2: "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
    3: "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9",
    112233445566778899: "02a90cc3d3f3e146daadfc74ca1372207cb4b725ae708cef713a98edd73d99ef29",
    ORDER - 1: "0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
}


@pytest.mark.parametrize("scalar", PUBLISHED)
def test_a_commitment_to_zero_is_the_published_multiple_of_g(scalar: int) -> None:
    assert pedersen.commit(0, scalar).hex() == PUBLISHED[scalar]


def test_the_base_of_values_is_the_first_candidate_on_the_curve() -> None:
    for candidate in pedersen.generator_candidates():
        x = int.from_bytes(candidate[1:], "big")
        if x < FIELD and pow(x**3 + 7, (FIELD - 1) // 2, FIELD) == 1:  # Euler's criterion
            assert candidate == pedersen.GENERATOR
            return


def test_the_candidates_are_hashes_of_the_tag_and_a_counter() -> None:
    first, second = (candidate for candidate, _ in zip(pedersen.generator_candidates(), range(2), strict=False))
    assert first == b"\x02" + sha256(b"settlement/commitment/generator/1\0" + b"\0\0\0\0").digest()
    assert second == b"\x02" + sha256(b"settlement/commitment/generator/1\0" + b"\0\0\0\1").digest()


@settings(max_examples=25)
@given(values, scalars)
def test_a_commitment_is_what_the_second_implementation_computes(value: int, r: int) -> None:
    assert pedersen.commit(value, r) == compressed(add(multiply(value, H), multiply(r, G)))


@given(values, scalars, values, scalars)
def test_a_commitment_opens_to_its_own_value_and_blinding_only(value: int, r: int, other: int, s: int) -> None:
    commitment = pedersen.commit(value, r)
    assert pedersen.opens(commitment, value, r)
    assert pedersen.opens(commitment, other, r) is (other == value)
    assert pedersen.opens(commitment, value, s) is (s == r)


@given(st.integers(0, 2**62 - 1), scalars, st.integers(0, 2**62 - 1), scalars)
def test_the_sum_of_commitments_commits_to_the_sum(first: int, r: int, second: int, s: int) -> None:
    both = total([read_point(pedersen.commit(first, r)), read_point(pedersen.commit(second, s))])
    if (r + s) % ORDER:
        assert both is not None
        assert pedersen.opens(both.format(), first + second, (r + s) % ORDER)


@given(st.binary(max_size=40), st.integers(), st.integers())
def test_opening_answers_for_any_input(commitment: bytes, value: int, r: int) -> None:
    assert pedersen.opens(commitment, value, r) is False


@pytest.mark.parametrize(("value", "r"), [(-1, 1), (2**63, 1), (1, 0), (1, ORDER), (1, -1)])
def test_what_no_declaration_holds_cannot_be_committed_to(value: int, r: int) -> None:
    with pytest.raises(ValueError):
        pedersen.commit(value, r)
    assert not pedersen.opens(pedersen.GENERATOR, value, r)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 33,
        b"\x04" + PUBLISHED[2].encode()[:32],
        b"\x02" + FIELD.to_bytes(32, "big"),  # x not below the prime
        b"\x02" + (5).to_bytes(32, "big"),  # 5^3 + 7 = 132 is no square
        compressed(G) + b"\0",
        b"\x04" + G[0].to_bytes(32, "big") + G[1].to_bytes(32, "big"),  # the long form of a valid point
    ],
)
def test_only_the_compressed_form_of_a_point_is_a_point(raw: bytes) -> None:
    assert read_point(raw) is None


def test_the_point_at_infinity_is_none_and_adds_nothing() -> None:
    point = read_point(compressed(G))
    assert point is not None
    assert times_base(0) is None
    assert times(ORDER, point) is None
    assert total([point, times(ORDER - 1, point)]) is None
    assert total([]) is None
    assert total([None, point]) == point


def test_a_scalar_has_one_spelling() -> None:
    assert read_scalar((ORDER - 1).to_bytes(32, "big")) == ORDER - 1
    assert read_scalar(ORDER.to_bytes(32, "big")) is None
    assert read_scalar(b"\1") is None


def test_a_blinding_is_the_keyed_hash_of_its_place() -> None:
    keyed = hmac.new(b"s" * 32, b"settlement/declaration/blinding/1\0" + bytes((7, 1)) + b"\0\0\0\0", sha256)
    assert pedersen.blinding(b"s" * 32, 7, 1) == int.from_bytes(keyed.digest(), "big")


def test_every_line_and_measure_has_its_own_blinding() -> None:
    blindings = {pedersen.blinding(b"s" * 32, line, measure) for line in range(256) for measure in range(2)}
    assert len(blindings) == 512
    assert all(0 < r < ORDER for r in blindings)


def test_a_seed_depends_on_everything_it_is_for() -> None:
    def seed(root: bytes = b"r" * 32, chain: bytes = b"c" * 32, values: bytes = b"v" * 32, **other: int) -> bytes:
        numbers = {"agreement": 1, "pair": 2, "ordinal": 3, "revision": 4} | other
        return pedersen.derive_seed(root, chain=chain, values=values, **numbers)

    changed = {seed(agreement=9), seed(pair=9), seed(ordinal=9), seed(revision=9)}
    assert len(changed | {seed(), seed(root=b"R" * 32), seed(chain=b"C" * 32), seed(values=b"w" * 32)}) == 8
    context = b"\0\0\0\1\0\0\0\2\0\0\0\3\4"
    keyed = hmac.new(b"r" * 32, b"settlement/declaration/seed/1\0" + b"c" * 32 + context + b"v" * 32, sha256)
    assert seed() == keyed.digest()


@given(openings)
def test_an_honest_proof_is_accepted(opened: list[tuple[int, int]]) -> None:
    commitments, proof = declared(opened)
    assert len(proof) == 97
    assert pedersen.verify(b"statement", commitments, proof)


@settings(max_examples=10, deadline=None)
@given(openings)
def test_a_proof_satisfies_the_equation_in_the_second_implementation(opened: list[tuple[int, int]]) -> None:
    commitments, proof = declared(opened)
    sizes = (9).to_bytes(4, "big") + len(commitments).to_bytes(2, "big")
    transcript = b"settlement/commitment/knowledge/1\0" + sizes + b"statement" + b"".join(commitments) + proof[:33]
    e = int.from_bytes(sha256(transcript).digest(), "big") % ORDER
    right = decompressed(proof[:33])
    for power, commitment in enumerate(commitments, start=1):
        right = add(right, multiply(pow(e, power, ORDER), decompressed(commitment)))
    z_v, z_r = int.from_bytes(proof[33:65], "big"), int.from_bytes(proof[65:], "big")
    assert add(multiply(z_v, H), multiply(z_r, G)) == right


def test_the_form_of_a_proof_does_not_drift() -> None:
    _, proof = declared([(0, 1), (40_000, 2), (pedersen.LARGEST_VALUE, ORDER - 1)])
    assert sha256(proof).hexdigest() == "bd7caf1d1f5d66ab0f1a8214743459276e0479b2800157b9ef34de020254486e"


def test_every_flipped_bit_of_a_proof_is_refused() -> None:
    commitments, proof = declared([(0, 5), (123_456_789, 6)])
    for bit in range(8 * len(proof)):
        forged = bytearray(proof)
        forged[bit // 8] ^= 1 << bit % 8
        assert not pedersen.verify(b"statement", commitments, bytes(forged)), f"bit {bit}"


def test_every_flipped_byte_of_the_statement_or_a_commitment_is_refused() -> None:
    statement = bytes(range(40))
    commitments, proof = declared([(1, 5), (2, 6)], statement)
    for place in range(len(statement)):
        assert not pedersen.verify(_flipped(statement, place), commitments, proof)
    for place in range(33):
        assert not pedersen.verify(statement, [_flipped(commitments[0], place), commitments[1]], proof)
        assert not pedersen.verify(statement, [commitments[0], _flipped(commitments[1], place)], proof)


def test_a_proof_covers_the_number_and_order_of_its_commitments() -> None:
    commitments, proof = declared([(1, 5), (2, 6)])
    assert not pedersen.verify(b"statement", commitments[::-1], proof)
    assert not pedersen.verify(b"statement", commitments[:1], proof)
    assert not pedersen.verify(b"statement", [*commitments, commitments[0]], proof)
    assert not pedersen.verify(b"statement", [], proof)


def test_bytes_cannot_move_between_the_statement_and_the_commitments() -> None:
    commitments, proof = declared([(1, 5), (2, 6)])
    assert not pedersen.verify(b"statement" + commitments[0], commitments[1:], proof)


def test_a_copied_declaration_fails_under_another_operator() -> None:
    commitments, proof = declared([(10, 5), (20, 6)], b"chain, operator 1, period 3")
    assert not pedersen.verify(b"chain, operator 2, period 3", commitments, proof)


def test_a_copied_commitment_cannot_be_proved_by_shifting_it() -> None:
    """C + d*G hides the same value; its maker knows d but no opening, and no proof comes of it."""
    [copied] = [pedersen.commit(1_000, 77)]
    shifted = total([read_point(copied), times_base(5)])
    assert shifted is not None
    with pytest.raises(ValueError, match="commitment 0 does not open"):
        pedersen.prove(b"mine", [1_000], [5], [shifted.format()], b"s" * 32)


def test_a_response_without_the_openings_needs_the_challenge_beforehand() -> None:
    """The simulator's trick (choose z first, then R) fails because the challenge covers R."""
    commitment = pedersen.commit(5, 6)
    z_v, z_r, guessed = 11, 12, 13
    base, point = read_point(pedersen.GENERATOR), read_point(commitment)
    assert base is not None
    assert point is not None
    announced = total([times(z_v, base), times_base(z_r), times(-guessed, point)])
    assert announced is not None
    forged = announced.format() + z_v.to_bytes(32, "big") + z_r.to_bytes(32, "big")
    assert not pedersen.verify(b"statement", [commitment], forged)


def test_responses_not_below_the_order_are_refused() -> None:
    commitments, proof = declared([(1, 5)])
    for place in (33, 65):
        forged = proof[:place] + ORDER.to_bytes(32, "big") + proof[place + 32 :]
        assert not pedersen.verify(b"statement", commitments, forged)


def test_sides_at_infinity_are_refused() -> None:
    commitments, proof = declared([(1, 5)])
    assert not pedersen.verify(b"statement", commitments, proof[:33] + bytes(64))


@given(st.binary(max_size=60), st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=130))
def test_verification_answers_for_any_bytes(statement: bytes, commitments: list[bytes], proof: bytes) -> None:
    assert pedersen.verify(statement, commitments, proof) is False


@given(
    st.binary(min_size=97, max_size=97),
    st.lists(scalars.map(lambda r: pedersen.commit(0, r)), min_size=1, max_size=3),
)
def test_verification_answers_for_bytes_of_the_right_sizes(proof: bytes, commitments: list[bytes]) -> None:
    assert pedersen.verify(b"", commitments, proof) is False


def test_a_witness_that_is_not_the_commitments_is_never_proved() -> None:
    """With the nonce already used for the true witness, a second response would reveal both."""
    commitments = [pedersen.commit(5, 6)]
    with pytest.raises(ValueError):
        pedersen.prove(b"statement", [6], [6], commitments, b"s" * 32)
    with pytest.raises(ValueError):
        pedersen.prove(b"statement", [5], [], commitments, b"s" * 32)
    with pytest.raises(ValueError):
        pedersen.prove(b"statement", [], [], [], b"s" * 32)


def test_nonces_differ_between_statements_and_commitments() -> None:
    openings = [([(1, 5)], b"a"), ([(1, 5)], b"b"), ([(2, 5)], b"a"), ([(1, 5), (1, 5)], b"a")]
    announced = {declared(opened, statement)[1][:33] for opened, statement in openings}
    assert len(announced) == len(openings)


def test_a_proof_over_more_than_the_most_commitments_is_refused_before_any_arithmetic() -> None:
    commitments, proof = declared([(1, 5)])
    assert not pedersen.verify(b"statement", commitments * (pedersen.MOST_COMMITMENTS + 1), proof)


def test_the_stated_cost_is_the_number_of_multiplications_made(monkeypatch: pytest.MonkeyPatch) -> None:
    commitments, proof = declared([(3, 5), (4, 6), (5, 7)])
    made: list[int] = []

    def counted_times(scalar: int, point: object) -> object:
        made.append(scalar)
        return times(scalar, point)  # type: ignore[arg-type]  # passes through what it was given

    def counted_base(scalar: int) -> object:
        made.append(scalar)
        return times_base(scalar)

    monkeypatch.setattr(pedersen, "times", counted_times)
    monkeypatch.setattr(pedersen, "times_base", counted_base)
    assert pedersen.verify(b"statement", commitments, proof)
    assert len(made) == pedersen.multiplications_to_verify(3)
    made.clear()
    assert pedersen.opens(commitments[0], 3, 5)
    assert len(made) == pedersen.multiplications_to_open(1)


def _flipped(raw: bytes, place: int) -> bytes:
    return raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]
