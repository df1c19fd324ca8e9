"""Who owns which pool: rules one by one, and what holds for any house, however its load lies."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as some

from engine.names import PoolName
from engine.placing import (
    Scene,
    busy_per_s,
    decide,
    evened,
    followed,
    imbalance_max,
    machine_of,
    moves_per_round_max,
    owner_ids,
)
from tests.examples import examples

#: Rounds of a steady load after which nothing may move any more.
_ROUNDS_MAX = 60


def _pool(number: int) -> PoolName:
    return PoolName("default", f"sku-{number:05d}")


def _owners(count: int) -> list[str]:
    return [f"owner-{number}" for number in range(count)]


def _scene(
    owner_of: Mapping[int, str], owners: int, loads: Mapping[int, float], resting: set[int] | None = None
) -> Scene:
    return Scene(
        {_pool(number): owner_id for number, owner_id in owner_of.items()},
        _owners(owners),
        {_pool(number): load for number, load in loads.items()},
        {},
        {_pool(number) for number in resting or ()},
    )


def _settled(scene: Scene) -> tuple[Scene, int]:
    """The scene after as many rounds as it takes until nothing moves, and how many these were."""
    for rounds in range(_ROUNDS_MAX):
        moves = decide(scene)
        if not moves:
            return scene, rounds
        scene = scene._replace(owner_of={**scene.owner_of, **moves})
    raise AssertionError(f"pools still move after {_ROUNDS_MAX} rounds")


def _numbers(moves: Mapping[PoolName, str]) -> dict[int, str]:
    return {int(pool.sku[4:]): owner_id for pool, owner_id in moves.items()}


def test_new_pools_get_owners_of_their_own_while_there_are_empty_ones() -> None:
    """Three pools, four owners."""
    assert _numbers(decide(_scene(dict.fromkeys(range(3), ""), 4, {}))) == {0: "owner-0", 1: "owner-1", 2: "owner-2"}


def test_beyond_that_quiet_pools_share_evenly() -> None:
    """Ten thousand pools, three owners, in one round: nobody was asked yet, so nothing is moved, all is placed."""
    placed = decide(_scene(dict.fromkeys(range(10_000), ""), 3, {}))
    assert sorted(list(placed.values()).count(owner_id) for owner_id in _owners(3)) == [3333, 3333, 3334]


def test_a_new_pool_does_not_go_to_a_busy_owner() -> None:
    """The busy one has fewer pools; the idle one gets it."""
    scene = _scene({0: "owner-0", 1: "owner-1", 2: "owner-1", 3: ""}, 2, {0: 5_000.0})
    assert _numbers(decide(scene)) == {3: "owner-1"}


def test_the_pools_of_an_owner_that_is_gone_are_taken_over_at_once() -> None:
    """However many: they answer nobody."""
    placed = decide(_scene({number: f"owner-{number % 3}" for number in range(900)}, 2, {}))
    assert len(placed) == 300 > moves_per_round_max
    assert sorted(list(placed.values()).count(owner_id) for owner_id in _owners(2)) == [150, 150]


def test_when_no_owner_lives_nothing_is_decided() -> None:
    """There is nowhere to go."""
    assert decide(_scene({0: "owner-0"}, 0, {0: 5_000.0})) == {}


def test_a_hot_pool_moves_to_an_empty_owner() -> None:
    """One move, however many neighbours it leaves behind."""
    scene = _scene(dict.fromkeys(range(1_000), "owner-0"), 2, {7: 3_000.0})
    assert _numbers(decide(scene)) == {7: "owner-1"}


def test_without_an_empty_owner_the_neighbours_of_a_hot_pool_leave_busiest_first() -> None:
    """A round moves so many, and in the end the pool is alone, without ever having moved itself."""
    owner_of = {number: f"owner-{number % 2}" for number in range(300)}
    loads = {0: 5_000.0, 2: 100.0, 4: 50.0}
    first = _numbers(decide(_scene(owner_of, 2, loads)))
    assert len(first) == moves_per_round_max
    assert list(first)[:2] == [2, 4]
    scene, _ = _settled(_scene(owner_of, 2, loads))
    assert [pool for pool, owner_id in scene.owner_of.items() if owner_id == "owner-0"] == [_pool(0)]


def test_the_last_owner_is_left_for_those_that_are_not_hot() -> None:
    """Two hot pools, two owners, a quiet one: the hotter is alone."""
    scene, _ = _settled(_scene({0: "owner-0", 1: "owner-1", 2: "owner-1"}, 2, {0: 4_000.0, 1: 6_000.0}))
    assert scene.owner_of[_pool(0)] == scene.owner_of[_pool(2)] != scene.owner_of[_pool(1)]


def test_a_pool_that_is_alone_is_left_so_until_it_has_cooled_well() -> None:
    """Six tenths of the share is not enough to be parted, and too much to be joined."""
    alone = {0: "owner-0", **dict.fromkeys(range(1, 11), "owner-1")}
    loads = {0: 600.0} | dict.fromkeys(range(1, 11), 140.0)
    assert decide(_scene(alone, 2, loads)) == {}


def test_a_pool_that_moved_a_moment_ago_rests() -> None:
    """Whatever its load says."""
    scene = _scene(dict.fromkeys(range(10), "owner-0"), 2, {7: 3_000.0}, resting={7})
    assert decide(scene) == {}


def test_a_busy_owner_gives_pools_away_until_both_are_about_as_busy() -> None:
    """2,400 beside 100 become 1,500 beside 1,000: three pools of 300 each, in one round."""
    owner_of = {number: "owner-0" if number < 8 else "owner-1" for number in range(10)}
    loads = {number: 300.0 if number < 8 else 50.0 for number in range(10)}
    moves = _numbers(decide(_scene(owner_of, 2, loads)))
    assert len(moves) == 3
    assert set(moves.values()) == {"owner-1"}


def test_pools_that_are_about_equally_busy_end_two_and_two() -> None:
    """The second to go has a little more than half of the difference; else one would be alone with a quarter."""
    scene, _ = _settled(_scene(dict.fromkeys(range(4), "owner-0"), 2, {0: 700.0, 1: 700.0, 2: 700.0, 3: 720.0}))
    assert sorted(Counter(scene.owner_of.values()).values()) == [2, 2]


def test_where_nothing_is_busy_nothing_moves() -> None:
    """All on one owner, and the other is empty: who cares."""
    assert decide(_scene(dict.fromkeys(range(10), "owner-0"), 2, dict.fromkeys(range(10), 40.0))) == {}


def test_load_that_no_pool_is_named_for_counts_for_its_owner() -> None:
    """A thousand pools with a little each make an owner busy, too."""
    scene = Scene({_pool(0): "owner-0", _pool(1): "owner-1", _pool(2): ""}, _owners(2), {}, {"owner-0": 3_000.0})
    assert _numbers(decide(scene)) == {2: "owner-1"}


def test_a_load_follows_what_is_asked_and_dies_away() -> None:
    """Two thirds of the way in three seconds; a steady one stays exact."""
    load = 0.0
    for _ in range(3):
        load = followed(load, 1_000, 1.0)
    assert 550 < load < 700
    assert followed(1_000.0, 1_000, 1.0) == 1_000.0
    for _ in range(30):
        load = followed(load, 0, 1.0)
    assert load < 1.0


_loads = some.one_of(
    some.just(0.0), some.floats(1.0, 50.0), some.floats(100.0, 1_000.0), some.floats(1_000.0, 20_000.0)
)


@some.composite
def _scenes(draw: some.DrawFn) -> Scene:
    owners = draw(some.integers(1, 5))
    places = draw(some.lists(some.integers(-1, 5), min_size=1, max_size=120))
    loads = draw(some.lists(_loads, max_size=len(places)))
    resting = draw(some.sets(some.integers(0, len(places) - 1), max_size=3))
    owner_of = {number: f"owner-{place}" if place >= 0 else "" for number, place in enumerate(places)}
    return _scene(owner_of, owners, {number: load for number, load in enumerate(loads) if load}, resting)


@given(_scenes())
@settings(max_examples=examples(300))
def test_a_round_houses_everyone_and_moves_few(scene: Scene) -> None:
    """Nobody is left without a living owner, no round moves many, and who rests is left alone."""
    moves = decide(scene)
    housed = [pool for pool in moves if scene.owner_of[pool] in scene.owners]
    assert len(housed) <= moves_per_round_max
    assert not set(housed) & scene.resting
    assert all({**scene.owner_of, **moves}[pool] in scene.owners for pool in scene.owner_of)
    assert all(scene.owner_of[pool] != owner_id for pool, owner_id in moves.items())


@given(_scenes())
@settings(max_examples=examples(300))
def test_under_a_steady_load_the_house_comes_to_rest_balanced_with_the_hot_alone(scene: Scene) -> None:
    """No pool moves for ever; none that alone makes up a share has neighbours; sharing owners are about as busy."""
    settled, rounds = _settled(scene._replace(resting=frozenset()))
    assert rounds <= 2 + len(scene.owner_of)
    pools_of = {
        owner_id: [pool for pool, place in settled.owner_of.items() if place == owner_id] for owner_id in settled.owners
    }
    load_of = {owner_id: sum(settled.loads.get(pool, 0.0) for pool in pools) for owner_id, pools in pools_of.items()}
    hottest = max(settled.owner_of, key=lambda pool: settled.loads.get(pool, 0.0))
    is_hot = settled.loads.get(hottest, 0.0) >= max(busy_per_s, sum(load_of.values()) / len(load_of))
    if is_hot and len(settled.owners) > 1:
        assert pools_of[settled.owner_of[hottest]] == [hottest]
    sharing = [owner_id for owner_id, pools in pools_of.items() if len(pools) > 1]
    busiest = max(sharing, key=lambda owner_id: load_of[owner_id], default=None)
    if busiest is not None:
        gap = load_of[busiest] - min(load_of[owner_id] for owner_id in sharing)
        movable = [settled.loads[pool] for pool in pools_of[busiest] if pool in settled.loads]
        is_even = gap < busy_per_s or load_of[busiest] <= imbalance_max * (load_of[busiest] - gap)
        assert is_even or all(load > gap * 3 / 4 for load in movable)


@given(_scenes(), some.integers(0, 119))
@settings(max_examples=examples(200))
def test_a_load_that_wavers_a_little_moves_nothing_in_a_settled_house(scene: Scene, wavering: int) -> None:
    """What one round does, the next does not undo: a move is never answered by its reverse."""
    settled, _ = _settled(scene._replace(resting=frozenset()))
    pool = _pool(wavering % len(scene.owner_of))
    wavered = settled._replace(loads={**settled.loads, pool: settled.loads.get(pool, 0.0) * 1.1})
    there, _ = _settled(wavered)
    back, _ = _settled(there._replace(loads=settled.loads))
    again, _ = _settled(back._replace(loads=wavered.loads))
    back_again, _ = _settled(again._replace(loads=settled.loads))
    assert back_again.owner_of == back.owner_of


@given(some.dictionaries(some.integers(0, 60), some.integers(0, 3), max_size=40), some.integers(1, 4))
def test_evening_out_ends_when_no_two_owners_differ_by_two(placed: dict[int, int], at_most: int) -> None:
    """However the pools lay, and in however small steps; each step makes at most as many moves as asked for."""
    scene = _scene({number: f"owner-{owner}" for number, owner in placed.items()}, 4, {})
    for _ in range(len(placed) + 1):
        moves = evened(scene, at_most)
        assert len(moves) <= at_most
        if not moves:
            break
        scene = scene._replace(owner_of={**scene.owner_of, **moves})
    has = Counter(scene.owner_of.values())
    counts = [has[owner_id] for owner_id in scene.owners]
    assert max(counts) - min(counts) < 2


def test_evening_out_takes_the_pool_whose_load_is_half_of_the_difference() -> None:
    """The hot one stays, where its neighbours would only go with it; of those the busiest that fits goes."""
    scene = _scene(dict.fromkeys(range(4), "owner-0"), 2, {0: 900.0, 1: 300.0, 2: 100.0})
    assert _numbers(evened(scene, 1)) == {1: "owner-1"}
    assert _numbers(evened(scene._replace(resting={_pool(1)}), 1)) == {2: "owner-1"}
    assert evened(scene._replace(owners=[]), 5) == {}
    assert evened(scene._replace(resting=set(scene.owner_of)), 5) == {}


def test_an_owners_name_says_its_machine() -> None:
    """Unless there is only one machine."""
    assert owner_ids(2) == ["owner-0", "owner-1"]
    assert owner_ids(2, "10.0.0.2") == ["owner-10.0.0.2-0", "owner-10.0.0.2-1"]
    assert [machine_of(name) for name in ("owner-1", "owner-10.0.0.2-1", "owner-shop-a-3")] == [
        "",
        "10.0.0.2",
        "shop-a",
    ]


def test_two_hot_pools_of_one_owner_end_with_one_each_where_no_owner_is_empty() -> None:
    """The second goes to the owner that has the fewest, whose own pool makes room."""
    placed = {0: "owner-0", 1: "owner-0", 2: "owner-1", 3: "owner-2", 4: "owner-2"}
    scene = _scene(placed, 3, {0: 2_000.0, 1: 1_900.0, 2: 10.0, 3: 10.0, 4: 10.0})
    assert _numbers(decide(scene)) == {1: "owner-1", 2: "owner-2"}
