import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dfm_viz.types import UserError
from training.augment import blend
from training.order import Mixup, Step, keys, plan


@given(
    count=st.integers(1, 60),
    share=st.integers(1, 6),
    processes=st.integers(1, 4),
    epoch=st.integers(0, 3),
)
def test_processes_share_every_batch_without_doubles(count, share, processes, epoch):
    batch = share * processes
    try:
        plans = [
            plan(count, batch, seed=1, epoch=epoch, process=r, processes=processes)
            for r in range(processes)
        ]
    except UserError:
        assert count < 2 * processes
        return
    seen = []
    for steps in zip(*plans, strict=True):
        assert len({tuple(s.chosen.tolist()) for s in steps}) == 1  # one global batch for all
        parts = [s.chosen[s.own].tolist() for s in steps]
        assert len({len(p) for p in parts}) == 1  # so that the mean of means is the mean
        assert [i for part in parts for i in part] == steps[0].chosen.tolist()
        seen += steps[0].chosen.tolist()
    assert len(seen) == len(set(seen))
    rest = count % batch
    assert count - len(seen) <= max(2 * processes - 1, rest % processes)


def test_the_order_is_that_of_one_process_cut_into_parts():
    alone = plan(17, 6, seed=3, epoch=2)
    first, second = (plan(17, 6, seed=3, epoch=2, process=r, processes=2) for r in (0, 1))
    assert [len(s.chosen) for s in alone] == [6, 6, 5]
    assert [len(s.chosen) for s in first] == [6, 6, 4]  # 5 is no multiple of 2
    for whole, a, b in zip(alone, first, second, strict=True):
        both = torch.cat([a.chosen[a.own], b.chosen[b.own]])
        assert torch.equal(both, whole.chosen[: len(both)])


def test_seed_and_epoch_change_the_order():
    orders = {tuple(plan(9, 9, seed=s, epoch=e)[0].chosen.tolist()) for s in (0, 1) for e in (0, 1)}
    assert len(orders) == 4
    assert plan(9, 9, seed=0, epoch=0)[0].chosen.sort().values.tolist() == list(range(9))


@pytest.mark.parametrize(
    ("count", "batch", "processes", "sizes"),
    [
        (7, 3, 1, [3, 3]),  # one picture has no company
        (8, 3, 1, [3, 3, 2]),
        (1, 3, 1, [1]),  # unless it is all there is
        (3, 1, 1, [1, 1, 1]),
        (7, 4, 2, [4]),  # 3 left: 2 for two processes, one each
        (9, 6, 2, [6]),
        (10, 6, 2, [6, 4]),
    ],
)
def test_the_last_batch(count, batch, processes, sizes):
    steps = plan(count, batch, seed=0, epoch=0, processes=processes)
    assert [len(s.chosen) for s in steps] == sizes


def test_what_cannot_be_shared_is_told():
    with pytest.raises(UserError, match=r"3 do not divide 8; override it as batch=9"):
        plan(100, 8, seed=0, epoch=0, processes=3)
    with pytest.raises(UserError, match="too few"):
        plan(1, 4, seed=0, epoch=0, processes=4)


def test_mixup_is_one_for_the_global_batch_and_partners_are_loaded():
    alone = plan(8, 8, seed=5, epoch=1, alpha=0.4)[0]
    parts = [plan(8, 8, seed=5, epoch=1, alpha=0.4, process=r, processes=2)[0] for r in (0, 1)]
    pictures = torch.eye(8)[:, None, :, None].expand(8, 3, 8, 1)
    labels = torch.arange(8)
    whole, target = blend(pictures[alone.positions], labels, 8, alone)
    assert torch.allclose(whole[:, 0, :, 0], target)
    assert torch.allclose(target.sum(1), torch.ones(8))
    halves = [blend(pictures[s.positions], labels, 8, s) for s in parts]
    assert torch.equal(torch.cat([x for x, _ in halves]), whole)
    assert torch.equal(torch.cat([t for _, t in halves]), target)
    asked = keys(parts, 1)[0]
    assert asked == [(1, int(parts[0].chosen[p])) for p in parts[0].positions]


def test_mixup_by_hand():
    step = Step(torch.tensor([4, 7]), 0, 2, Mixup(0.25, torch.tensor([1, 0])))
    x, target = blend(torch.tensor([[[[1.0]]], [[[3.0]]]]), torch.tensor([0, 2]), 3, step)
    assert x.flatten().tolist() == [2.5, 1.5]
    assert target.tolist() == [[0.25, 0, 0.75], [0.75, 0, 0.25]]
    plain = Step(torch.tensor([4, 7]), 1, 2)
    x, target = blend(torch.ones(1, 1, 1, 1), torch.tensor([0, 2]), 3, plain)
    assert target.tolist() == [[0, 0, 1]]
